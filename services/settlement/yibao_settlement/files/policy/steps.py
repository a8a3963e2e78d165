"""Steps of policy files, checked and compiled for the rules."""

from collections.abc import Sequence
from typing import TypedDict, assert_never

from yibao_common.files.yaml_file import Path
from yibao_settlement.files.policy.conditions import (
    read_applies,
    read_conditions,
    read_facts,
)
from yibao_settlement.files.policy.reading import Reading
from yibao_settlement.files.policy.schema import (
    AccountModel,
    AnyStepModel,
    BracketModel,
    ClassifyModel,
    ClassifyRowModel,
    DeductibleModel,
    RowModel,
    StepModel,
    TiersModel,
    TiersRowModel,
)
from yibao_settlement.rules.policy.brackets import Bracket, make_curve
from yibao_settlement.rules.policy.step import (
    BY_ITEM,
    COST_PARTS,
    OWN_COST,
    AccountRow,
    AccountStep,
    Axis,
    ClassifyRow,
    ClassifyStep,
    DeductibleRow,
    DeductibleStep,
    PolicyStep,
    TiersRow,
    TiersStep,
)
from yibao_settlement.rules.policy.tables import Condition

_CLASSES = ("01", "02", "03")


class _Head(TypedDict):
    id: str
    title: str
    title_zh: str
    clause: str
    applies: Condition


class _RowHead(TypedDict):
    when: Condition
    clause: str


def read_step(reading: Reading, model: AnyStepModel, path: Path) -> PolicyStep:
    """Returns a step at `path`, and defines the amounts that it leaves; notes mistakes."""
    head = _Head(
        id=model.id,
        title=model.title,
        title_zh=model.title_zh,
        clause=reading.clause(model.cites, path),
        applies=read_applies(reading, model.applies, (*path, "applies")),
    )
    read_facts(reading, model.by, (*path, "by"))
    rows = _row_heads(reading, model, model.rows, head["clause"], path)
    match model:
        case ClassifyModel():
            return _classify(reading, model, head, rows, path)
        case DeductibleModel():
            return _deductible(reading, model, head, rows, path)
        case TiersModel():
            return _tiers(reading, model, head, rows, path)
        case AccountModel():
            account_rows = tuple(
                AccountRow(**row, pays=_parts_of(row_model.pays))
                for row, row_model in zip(rows, model.rows, strict=True)
            )
            return AccountStep(**head, rows=account_rows)
        case _:
            assert_never(model)


def _row_heads(
    reading: Reading, model: StepModel, rows: Sequence[RowModel], clause: str, path: Path
) -> list[_RowHead]:
    conditions = read_conditions(reading, model.by, rows, (*path, "rows"))
    heads: list[_RowHead] = []
    for index, (row, condition) in enumerate(zip(rows, conditions, strict=True)):
        at = (*path, "rows", index)
        own = clause if row.cites is None else reading.clause(row.cites, at)
        heads.append(_RowHead(when=condition, clause=own))
    return heads


def _classify(
    reading: Reading, model: ClassifyModel, head: _Head, rows: list[_RowHead], path: Path
) -> ClassifyStep:
    if model.applies:
        reading.fault((*path, "applies"), "classify applies to every bill; use rows")
    for index, row in enumerate(model.rows):
        _check_classes(reading, row, (*path, "rows", index))
    return ClassifyStep(
        **head,
        rows=tuple(
            ClassifyRow(
                **row,
                prepay_ppm={
                    **row_model.prepay_ppm,
                    **dict.fromkeys(row_model.by_item, BY_ITEM),
                    **dict.fromkeys(row_model.own_cost, OWN_COST),
                },
            )
            for row, row_model in zip(rows, model.rows, strict=True)
        ),
    )


def _check_classes(reading: Reading, row: ClassifyRowModel, path: Path) -> None:
    named = [*row.prepay_ppm, *row.by_item, *row.own_cost]
    for catalogue_class in _CLASSES:
        if named.count(catalogue_class) != 1:
            reading.fault(
                path,
                f"expected class '{catalogue_class}' once, in prepay_ppm, by_item or own_cost, "
                f"got it {named.count(catalogue_class)} times",
            )


def _deductible(
    reading: Reading, model: DeductibleModel, head: _Head, rows: list[_RowHead], path: Path
) -> DeductibleStep:
    base = reading.sum_of(model.base, (*path, "base"))
    over_year = model.basis == "per_year"
    for index, row in enumerate(model.rows):
        if over_year and row.annual_cap_fen is not None:
            at = (*path, "rows", index, "annual_cap_fen")
            reading.fault(at, "expected only with basis per_bill; amount_fen is of the year")
    first = reading.name_amounts(model.id, DeductibleStep.leaves)
    reading.deductibles[model.id] = first
    if over_year:
        reading.annual_deductibles[model.id] = model.accumulator
    return DeductibleStep(
        **head,
        rows=tuple(
            DeductibleRow(
                **row, amount_fen=row_model.amount_fen, annual_cap_fen=row_model.annual_cap_fen
            )
            for row, row_model in zip(rows, model.rows, strict=True)
        ),
        base=base,
        over_year=over_year,
        accumulator=model.accumulator,
        first=first,
    )


def _tiers(
    reading: Reading, model: TiersModel, head: _Head, rows: list[_RowHead], path: Path
) -> TiersStep:
    base = reading.sum_of(model.base, (*path, "base"))
    axis = Axis(model.axis)
    deductible = model.deductible
    if deductible is not None and deductible not in reading.deductibles:
        reading.fault((*path, "deductible"), _no_deductible(reading, deductible))
    if deductible is not None and axis is not Axis.COVERED_FEE:
        message = f"expected only on the axis covered_fee; else subtract {deductible}.paid in base"
        reading.fault((*path, "deductible"), message)
    capped = any(row.cap_fen is not None for row in model.rows)
    if capped != (model.cap_basis is not None):
        message = (
            "is missing; rows have cap_fen" if capped else "expected only where rows have cap_fen"
        )
        reading.fault((*path, "cap_basis"), message)
    compiled = tuple(
        _tiers_row(reading, axis, row_model, head=row, path=(*path, "rows", index))
        for index, (row, row_model) in enumerate(zip(rows, model.rows, strict=True))
    )
    return TiersStep(
        **head,
        rows=compiled,
        fund_type=model.fund_type,
        base=base,
        axis=axis,
        deductible=None if deductible is None else reading.deductibles.get(deductible),
        deductible_accumulator=(
            None if deductible is None else reading.annual_deductibles.get(deductible)
        ),
        over_year=model.accumulates == "per_year",
        cap_over_year=model.cap_basis == "per_year",
        base_accumulator=f"base.{model.id}",
        fund_accumulator=f"fund.{model.fund_type}",
        first=reading.name_amounts(model.id, TiersStep.leaves),
    )


def _no_deductible(reading: Reading, step_id: str) -> str:
    if step_id in reading.all_deductibles:
        return f"'{step_id}' is used before the step that defines it"
    known = ", ".join(reading.deductibles) or "none"
    return f"expected a deductible step above this one ({known}), got '{step_id}'"


def _tiers_row(
    reading: Reading, axis: Axis, model: TiersRowModel, *, head: _RowHead, path: Path
) -> TiersRow:
    above = axis is Axis.ABOVE_THRESHOLD
    start = 0 if above else model.threshold_fen
    _check_brackets(reading, model.brackets, start=start, path=(*path, "brackets"))
    brackets = tuple(
        Bracket(bracket.over_fen, bracket.upto_fen, bracket.ratio_ppm) for bracket in model.brackets
    )
    return TiersRow(
        **head,
        threshold_fen=model.threshold_fen,
        cap_fen=model.cap_fen,
        brackets=brackets,
        curve=make_curve(brackets, shift_fen=model.threshold_fen if above else 0),
    )


def _check_brackets(
    reading: Reading, brackets: Sequence[BracketModel], *, start: int, path: Path
) -> None:
    """Notes brackets that leave a gap, overlap or do not begin at the threshold."""
    expected: int | None = start
    for index, bracket in enumerate(brackets):
        at = (*path, index, "over_fen")
        if expected is None:
            reading.fault(at, "expected nothing behind a bracket without upto_fen")
        elif bracket.over_fen != expected:
            where = "where the one before ends" if index else "the threshold on this axis"
            reading.fault(at, f"expected {expected} ({where}), got {bracket.over_fen}")
        if bracket.upto_fen is not None and bracket.upto_fen <= bracket.over_fen:
            message = f"expected more than over_fen ({bracket.over_fen}), got {bracket.upto_fen}"
            reading.fault((*path, index, "upto_fen"), message)
        expected = bracket.upto_fen


def _parts_of(names: Sequence[str]) -> tuple[int, ...]:
    return tuple(index for index, part in enumerate(COST_PARTS) if part in names)

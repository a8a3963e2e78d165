"""Steps of policy files."""

from typing import TypedDict

from yibao_common.files.yaml_file import Path
from yibao_common.files.yaml_model import shown
from yibao_common.values.money import PPM
from yibao_settlement.files.benefit.amounts import (
    ROUNDING_KEYS,
    read_adjustment,
    read_amount,
    read_brackets_row,
    read_rounding,
)
from yibao_settlement.files.benefit.body import Body
from yibao_settlement.files.benefit.scope import Scope
from yibao_settlement.files.benefit.tables import read_applies, read_table
from yibao_settlement.rules.benefit.amounts import BASE, Adjustment, Rounding
from yibao_settlement.rules.benefit.conditions import Condition
from yibao_settlement.rules.benefit.names import FIRST_SELF_PAY, spelled
from yibao_settlement.rules.benefit.steps import (
    BY_ITEM,
    OWN_COST,
    AccountStep,
    AnyStep,
    Bearer,
    ClassifyStep,
    DeductibleStep,
    GivenStep,
    Purse,
    SharesRow,
    TiersStep,
)
from yibao_settlement.rules.benefit.table import Table
from yibao_settlement.rules.benefit.windows import Window

CLASSES = ("01", "02", "03")
FUND_TYPE = r"[0-9A-Za-z]{1,20}"
# The keys that each step needs and may have, beside those of all steps.
_KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "classify": (("rows",), ("out_of_cover", "by")),
    "given": (("fund_types", "base"), ()),
    "deductible": (("base", "rows"), ("window", "per", "make_up", "as", "by")),
    "tiers": (
        ("base", "rows"),
        (
            *("fund_type", "payer", "window", "per", "on_top_of", "less", "axis"),
            *("adjust", "rounding", "by"),
        ),
    ),
    "account": (("base",), ("purses",)),
}
KINDS = tuple(_KEYS)
_OF_ALL = ("title", "title_zh", "cites", "applies")


class _Head(TypedDict):
    id: str
    title: str
    title_zh: str
    clause: str
    applies: Condition


def read_step(scope: Scope, kind: str, value: object, path: Path, *, rounding: Rounding) -> AnyStep:
    """Returns a step at `path`; notes its mistakes. `rounding` is that of the policy."""
    need, may = _KEYS[kind]
    body = Body.open(scope.faults, value, path, need=("id", *need), may=(*may, *_OF_ALL))
    step_id = body.code("id", "[A-Z][A-Za-z0-9]{0,19}", "a step id such as D1 or P1")
    if step_id in scope.steps:
        body.fault("id", f"{shown(step_id)} is the id of an earlier step")
    head = _Head(
        id=step_id,
        title=body.text("title"),
        title_zh=body.text("title_zh"),
        clause=scope.clause(body),
        applies=read_applies(scope, body),
    )
    match kind:
        case "classify":
            return _classify(scope, body, head)
        case "given":
            return GivenStep(**head, fund_types=_fund_types(body), base=scope.base(body))
        case "deductible":
            return _deductible(scope, body, head)
        case "tiers":
            return _tiers(scope, body, head, rounding)
        case _:
            return AccountStep(**head, base=scope.base(body), purses=_purses(body))


def _classify(scope: Scope, body: Body, head: _Head) -> ClassifyStep:
    if head["applies"].matchers:
        body.fault("applies", "classify applies to every bill; use rows")
    out_of_cover = body.one_of("out_of_cover", ("own_cost", "refuse"), "own_cost")
    table = read_table(
        scope, body, _shares_row, need=("shares",), may=("catalogue",), clause=head["clause"]
    )
    return ClassifyStep(**head, refuses_out_of_cover=out_of_cover == "refuse", table=table)


def _shares_row(body: Body) -> SharesRow:
    catalogue = body.one_of("catalogue", ("insured_place", "treatment_place"), "insured_place")
    found: dict[str, int] = {}
    shares = body.inner("shares", may=CLASSES)
    for name in shares.data:
        value = shares.data[name]
        if value in ("own_cost", "by_item"):
            found[name] = OWN_COST if value == "own_cost" else BY_ITEM
        else:
            found[name] = shares.whole(name, high=PPM)
    return SharesRow(found, catalogue == "treatment_place")


def _deductible(scope: Scope, body: Body, head: _Head) -> DeductibleStep:
    known = (BASE, *scope.amounts)
    spelling = {"as": spelled(str(body.data.get("as", "deductible")))}
    told_as = Body(body.faults, body.path, {**body.data, **spelling})
    kinds = ("deductible", FIRST_SELF_PAY)
    return DeductibleStep(
        **head,
        base=scope.base(body),
        window=scope.window(body),
        per=scope.per(body),
        makes_up=body.flag("make_up", default=True),
        as_first_self_pay=told_as.one_of("as", kinds, "deductible") == FIRST_SELF_PAY,
        table=read_table(
            scope,
            body,
            lambda row: read_amount(scope, row, "amount", known),
            need=("amount",),
            clause=head["clause"],
        ),
    )


def _tiers(scope: Scope, body: Body, head: _Head, rounding: Rounding) -> TiersStep:
    window = scope.window(body)
    on_top_of = scope.names(body, "on_top_of", scope.amounts)
    if "rounding" in body.data:
        rounding = read_rounding(body.inner("rounding", may=ROUNDING_KEYS))
    return TiersStep(
        **head,
        base=scope.base(body),
        payer=_payer(body),
        window=window,
        per=scope.per(body),
        on_top_of=on_top_of,
        axis_is_paid=body.one_of("axis", ("fee", "paid"), "fee") == "paid",
        adjust=_adjust(scope, body, head["clause"]),
        less=_less(scope, body, f"{head['id']}.paid", window) if "less" in body.data else None,
        rounding=rounding,
        table=read_table(
            scope,
            body,
            lambda row: read_brackets_row(scope, row),
            need=("brackets",),
            may=("threshold",),
            clause=head["clause"],
        ),
    )


def _payer(body: Body) -> str | Bearer:
    if ("fund_type" in body.data) == ("payer" in body.data):
        body.faults.note(body.path, "expected either fund_type or payer")
    if "payer" in body.data:
        return body.choice("payer", Bearer, Bearer.HOSPITAL)
    return body.code("fund_type", FUND_TYPE, "a fund type such as 310100")


def _adjust(scope: Scope, body: Body, clause: str) -> tuple[Table[Adjustment], ...]:
    """Returns the tables that change ratios, each in turn."""
    tables = []
    for value, path in body.items("adjust", "tables"):
        table = Body.open(scope.faults, value, path, need=("rows",), may=("by", "cites"))
        own = scope.clause(table) or clause
        may = ("factor_ppm", "points_ppm")
        tables.append(read_table(scope, table, read_adjustment, may=may, clause=own))
    return tuple(tables)


def _less(scope: Scope, body: Body, own: str, window: Window) -> tuple[str, ...]:
    less = scope.names(body, "less", scope.paid_names(own))
    if "on_top_of" in body.data:
        body.fault("less", "stands not beside on_top_of")
    if window is not Window.BILL and own not in less:
        body.fault("less", f"the due of a {window.value} must be less {own} too")
    return less


def _fund_types(body: Body) -> tuple[str, ...]:
    return body.codes("fund_types") or ()


def _purses(body: Body) -> tuple[Purse, ...]:
    names = [purse.value for purse in Purse]
    found = []
    for value, path in body.items("purses", "purses"):
        if value not in names:
            message = f"expected one of {', '.join(names)}, got {shown(value)}"
            body.faults.note(path, message)
        else:
            found.append(Purse(value))
    return tuple(found) if "purses" in body.data else tuple(Purse)

"""Steps of `yibao-policy/1` as steps and counters of `yibao-policy/2`, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from yibao_common.values.errors import FieldFault
from yibao_common.values.reasons import Reason
from yibao_settlement.files.benefit.conversion.bases import Bases, account_bases
from yibao_settlement.files.benefit.conversion.choices import CapScope, Choices, cannot_convert
from yibao_settlement.files.policy.schema import (
    AccountModel,
    AnyStepModel,
    CitationModel,
    ClassifyModel,
    DeductibleModel,
    RowModel,
    StepModel,
    TiersModel,
    TiersRowModel,
)

Data = dict[str, object]


@dataclass(slots=True)
class Conversion:
    """What has been converted of a file; `all_steps` are those of before.

    `questions` are what the file does not say and a person must decide.
    """

    name: str
    choices: Choices
    all_steps: Sequence[AnyStepModel]
    bases: Bases = field(default_factory=Bases)
    steps: list[Data] = field(default_factory=list)
    counters: dict[str, Data] = field(default_factory=dict)
    questions: list[FieldFault] = field(default_factory=list)

    def add(self, step: AnyStepModel) -> None:
        """Converts a step. Raises RuleError POLICY_FILE_INVALID, where a person must."""
        match step:
            case ClassifyModel():
                self.steps.append({"classify": _classify(step)})
            case DeductibleModel():
                self.steps.append({"deductible": self._deductible(step)})
            case TiersModel():
                self.steps.append({"tiers": self._tiers(step)})
            case AccountModel():
                self.steps += [{"account": each} for each in self._accounts(step)]

    def _span(self, basis: str | None) -> str:
        if basis == "per_year":
            return "year"
        return "stay" if self.choices.by_stay else "bill"

    def _deductible(self, step: DeductibleModel) -> Data:
        self._check_accumulator(step)
        base = self.bases.converted(step.id, "deductible", step.base)
        if any(row.annual_cap_fen is not None for row in step.rows):
            rows = [(row, row.annual_cap_fen) for row in step.rows]
            self._count(step, "year", rows, limits=[f"{step.id}.paid"], counts=[])
        return {
            **_head(step),
            "base": base,
            "window": self._span(step.basis),
            **_by(step),
            "rows": [{**_when(row), "amount": row.amount_fen} for row in step.rows],
        }

    def _check_accumulator(self, step: DeductibleModel) -> None:
        """Refuses deductibles that used up one amount of the year together."""
        for other in self.all_steps:
            if (
                isinstance(other, DeductibleModel)
                and other.id != step.id
                and other.accumulator == step.accumulator
                and (_is_of_year(step) or _is_of_year(other))
            ):
                why = f"it shares the accumulator {step.accumulator} with {other.id}"
                raise cannot_convert(step.id, why)

    def _tiers(self, step: TiersModel) -> Data:
        base = self.bases.converted(step.id, "tiers", step.base)
        under: Data = {}
        if step.deductible is not None:
            rest = self.bases.without_deductible(base, step.deductible)
            if rest is None:
                why = f"the base of {step.deductible} is not in its base"
                raise cannot_convert(step.id, why)
            base, under = rest, {"on_top_of": [f"{step.deductible}.paid"]}
            self.bases.remember(step.id, "tiers", base)
        if step.cap_basis is not None:
            rows = [(row, row.cap_fen) for row in step.rows]
            counts = self._counted_beside(step)
            span = self._span(step.cap_basis)
            self._count(step, span, rows, limits=[f"{step.id}.paid"], counts=counts)
        return {
            **_head(step),
            "fund_type": step.fund_type,
            "base": base,
            "window": self._span(step.accumulates),
            **under,
            **_by(step),
            "rows": [_tiers_row(step, row) for row in step.rows],
        }

    def _counted_beside(self, step: TiersModel) -> list[str]:
        """Returns what a cap of the year counts beside its step's own payments.

        A cap of before counted all that its fund paid; whether that was meant, or the limit
        of the step alone, only a person knows.
        """
        others = [
            f"{other.id}.paid"
            for other in self.all_steps
            if isinstance(other, TiersModel)
            and other.fund_type == step.fund_type
            and other.id != step.id
        ]
        if step.cap_basis != "per_year" or not others:
            return []
        chosen = self.choices.caps.get(step.id)
        if chosen is None:
            question = (
                f"its cap of the year counted {', '.join(others)} too, of the same fund; say "
                f"whether the limit is its own ({step.id}=own) or of all these ({step.id}=fund)"
            )
            place = f"{self.name} {step.id}"
            self.questions.append(FieldFault(place, Reason.POLICY_FILE_INVALID, question))
        return others if chosen is CapScope.FUND else []

    def _count(
        self,
        step: DeductibleModel | TiersModel,
        window: str,
        rows: Sequence[tuple[RowModel, int | None]],
        *,
        limits: list[str],
        counts: list[str],
    ) -> None:
        """Adds the counter of a step's limit, with the rows of the step."""
        self.counters[f"limit_{step.id.lower()}"] = {
            "cites": _cites(step.cites),
            "window": window,
            "limits": limits,
            **({"counts": counts} if counts else {}),
            **_by(step),
            "rows": [
                {**_when(row), "limit": "none" if limit is None else limit} for row, limit in rows
            ],
        }

    def _accounts(self, step: AccountModel) -> list[Data]:
        """Returns a step for each row that pays anything: an account has no table."""
        found = []
        for number, row in enumerate(step.rows, start=1):
            if not row.pays:
                continue
            own = {} if row.cites is None else {"cites": _cites(row.cites)}
            step_id = step.id if len(step.rows) == 1 else f"{step.id}R{number}"
            head = {**_head(step), "id": step_id, **own}
            when = {fact: value for fact, value in row.when.items() if value != "any"}
            if "none" in when.values() or set(when) & set(step.applies):
                raise cannot_convert(step.id, f"rows[{number - 1}] is no condition of a step")
            if when or step.applies:
                head["applies"] = {**step.applies, **when}
            found.append({**head, "base": account_bases(self.bases, step.id, row.pays)})
        return found


def _is_of_year(step: DeductibleModel) -> bool:
    return step.basis == "per_year" or any(row.annual_cap_fen is not None for row in step.rows)


def _classify(step: ClassifyModel) -> Data:
    rows = []
    for row in step.rows:
        shares: dict[str, object] = {
            **row.prepay_ppm,
            **dict.fromkeys(row.by_item, "by_item"),
            **dict.fromkeys(row.own_cost, "own_cost"),
        }
        rows.append({**_when(row), "shares": dict(sorted(shares.items()))})
    return {**_head(step), **_by(step), "rows": rows}


def _tiers_row(step: TiersModel, row: TiersRowModel) -> Data:
    # On the axis of the covered fee the first bracket begins at the threshold already.
    moved = row.threshold_fen if step.axis == "above_threshold" else 0
    brackets = [bracket.model_dump(exclude_none=True) for bracket in row.brackets]
    return {**_when(row), **({"threshold": moved} if moved else {}), "brackets": brackets}


def _head(step: StepModel) -> Data:
    head: Data = {
        "id": step.id,
        "title": step.title,
        "title_zh": step.title_zh,
        "cites": _cites(step.cites),
    }
    return {**head, "applies": step.applies} if step.applies else head


def _by(step: StepModel) -> Data:
    return {"by": step.by} if step.by else {}


def _when(row: RowModel) -> Data:
    """Returns the condition and the citation of a row."""
    when: Data = {"when": row.when} if row.when else {}
    return when if row.cites is None else {**when, "cites": _cites(row.cites)}


def _cites(cites: CitationModel) -> Mapping[str, str]:
    return {"source": cites.source, "clause": cites.clause}

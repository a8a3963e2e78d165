"""Steps of a policy in English words, in yuan and per cent, beside those in Chinese."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from yibao_common.values.money import yuan
from yibao_settlement.rules.policy.brackets import Bracket
from yibao_settlement.rules.policy.formulas import percent
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.step import (
    BY_ITEM,
    COST_PARTS,
    OWN_COST,
    AccountRow,
    Axis,
    ClassifyRow,
    DeductibleRow,
    DeductibleStep,
    PolicyStep,
    Sum,
    TiersRow,
    TiersStep,
)
from yibao_settlement.rules.policy.tables import (
    Among,
    Anything,
    Between,
    Condition,
    Matcher,
    Member,
    NotMember,
)
from yibao_settlement.rules.policy.words import StepWords

_CLASSES = {"01": "class A", "02": "class B", "03": "class C"}
_PARTS = {
    "copay": "the copayment",
    "deductible": "the deductible",
    "prepay": "the first self-pay",
    "over_limit": "what is over ceilings",
    "excluded": "own cost",
}


def step_in_english(policy: Policy, step: PolicyStep) -> StepWords:
    """Returns a step in English."""
    rows = tuple((_condition(row.when), _row(step, row)) for row in step.rows)
    return StepWords(tuple(_heads(policy, step)), rows)


def _heads(policy: Policy, step: PolicyStep) -> Iterator[str]:
    if step.applies.matchers:
        yield f"only for {_condition(step.applies)}"
    if isinstance(step, TiersStep):
        yield f"fund {step.fund_type} pays of {_sum(policy, step.base)}"
        if step.deductible is not None:
            yield f"{policy.amount_names[step.deductible]} is taken from the lowest brackets"
        if step.over_year:
            yield "brackets go on along the year"
    elif isinstance(step, DeductibleStep):
        span = "of the year" if step.over_year else "of each bill"
        yield f"a deductible {span}, from {_sum(policy, step.base)}"


def _row(step: PolicyStep, row: object) -> str:
    if isinstance(row, ClassifyRow):
        return ", ".join(
            f"{_CLASSES.get(code, code)} {_share(share)}"
            for code, share in sorted(row.prepay_ppm.items())
        )
    if isinstance(row, DeductibleRow):
        cap = row.annual_cap_fen
        return yuan(row.amount_fen) + ("" if cap is None else f", at most {yuan(cap)} a year")
    if isinstance(row, TiersRow):
        assert isinstance(step, TiersStep)
        return _tiers_row(step, row)
    assert isinstance(row, AccountRow)
    paid = ", ".join(_PARTS[COST_PARTS[part]] for part in row.pays)
    return f"the account may pay {paid or 'nothing'}"


def _share(share: int) -> str:
    if share == OWN_COST:
        return "own cost"
    return "first self-pay by item" if share == BY_ITEM else f"first self-pay {percent(share)}"


def _tiers_row(step: TiersStep, row: TiersRow) -> str:
    parts = []
    if row.threshold_fen:
        above = ", brackets begin above it" if step.axis is Axis.ABOVE_THRESHOLD else ""
        parts.append(f"threshold {yuan(row.threshold_fen)}{above}")
    parts += [_bracket(bracket) for bracket in row.brackets]
    if row.cap_fen is not None:
        parts.append(f"at most {yuan(row.cap_fen)} {'a year' if step.cap_over_year else 'a bill'}")
    return "; ".join(parts)


def _bracket(bracket: Bracket) -> str:
    low, ratio = yuan(bracket.over_fen), percent(bracket.ratio_ppm)
    if bracket.upto_fen is None:
        return f"{ratio} above {low}" if bracket.over_fen else ratio
    return f"{ratio} from {low} to {yuan(bracket.upto_fen)}"


def _sum(policy: Policy, total: Sum) -> str:
    added = " + ".join(policy.amount_names[each] for each in total.add)
    return added + "".join(f" - {policy.amount_names[each]}" for each in total.subtract)


def _condition(condition: Condition) -> str:
    texts = [_matcher(fact, matcher) for fact, matcher in condition.matchers]
    return ", ".join(text for text in texts if text)


def _matcher(fact: str, matcher: Matcher) -> str:
    match matcher:
        case Anything():
            return ""
        case Among():
            return f"{fact} {_listed(sorted(matcher.codes))}"
        case Member():
            return f"{fact} {_listed(sorted(matcher.groups))}"
        case NotMember():
            return f"{fact} of no other row"
        case Between():
            if matcher.high is None:
                return f"{fact} {matcher.low} and more"
            if matcher.low == matcher.high:
                return f"{fact} {matcher.low}"
            return f"{fact} {matcher.low} to {matcher.high}"
        case _:
            assert_never(matcher)


def _listed(codes: Sequence[str]) -> str:
    # Levels are numbers: 2 comes before 10.
    return ", ".join(sorted(codes, key=lambda code: (len(code), code)))

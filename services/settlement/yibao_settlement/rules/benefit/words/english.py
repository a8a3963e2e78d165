"""Policies in English words; amounts in yuan, ratios in per cent."""

from collections.abc import Iterable, Iterator

from yibao_common.values.money import PPM
from yibao_settlement.rules.benefit.amounts import (
    BASE,
    Adjustment,
    Amount,
    Bracket,
    BracketsRow,
    Ratio,
    Rounding,
    RoundingMode,
)
from yibao_settlement.rules.benefit.conditions import Among, Between, Condition, Matcher, Members
from yibao_settlement.rules.benefit.names import name_of
from yibao_settlement.rules.benefit.policy import Counter
from yibao_settlement.rules.benefit.steps import (
    BY_ITEM,
    OWN_COST,
    AccountStep,
    DeductibleStep,
    GivenStep,
    SharesRow,
    TiersStep,
)
from yibao_settlement.rules.benefit.wording import code_en
from yibao_settlement.rules.policy import formulas

_CLASSES = {"01": "class A", "02": "class B", "03": "class C"}
_PARTS = {
    "total": "the total",
    "eligible": "the eligible fee",
    "first_self_pay": "the first self-pay",
    "over_limit": "what is over ceilings",
    "excluded": "own cost",
}
_LEFT = {
    "base": "the base of {}",
    "paid": "what {} paid",
    "rest": "the rest of {}",
    "below": "what lies below {}",
    "covered": "what {} covers",
    "copay": "the copayment of {}",
    "overflow": "the overflow of {}",
    "arrears": "the arrears of {}",
}


def money(fen: int) -> str:
    """Returns yuan: 2000000 -> `20,000.00`."""
    return f"{fen // 100:,}.{fen % 100:02d}"


def percent(ratio_ppm: int) -> str:
    """Returns a ratio: 680000 -> `68 %`."""
    return formulas.percent(ratio_ppm).replace("%", " %")


def amount(value: Amount) -> str:
    """Returns fen, or a share with its bounds."""
    if isinstance(value, int):
        return money(value)
    text = name(value.of) if value.of != BASE else "the base"
    if value.ratio_ppm != PPM:
        text = f"{percent(value.ratio_ppm)} of {text}"
    if value.least_fen:
        text += f", at least {money(value.least_fen)}"
    return text if value.most_fen is None else f"{text}, at most {money(value.most_fen)}"


def name(text: str) -> str:
    """Returns what lots or an amount are called; a parameter by its own name."""
    of = name_of(text)
    group = f" ({of.group})" if of.group else ""
    if of.step_id:
        return _LEFT[of.what].format(of.step_id) + group
    return _PARTS.get(of.what, of.what.replace("_", " ")) + group


def names(texts: Iterable[str]) -> str:
    """Returns a list of names in its order."""
    return ", ".join(name(text) for text in texts)


class English:
    """Tells policies in English."""

    def sentence(self, title: str, conditions: str, text: str) -> str:
        """Returns a whole sentence."""
        return f"{title}: {conditions}: {text}." if conditions else f"{title}: {text}."

    def title(self, owner: str, title: str, title_zh: str) -> str:
        """Returns id and title."""
        return f"{owner} {title}".strip()

    def conditions(self, applies: Condition, when: Condition | None) -> str:
        """Returns what must hold, empty for everybody."""
        matchers = (*applies.matchers, *(when.matchers if when else ()))
        texts = [text for fact, matcher in matchers if (text := _matcher(fact, matcher))]
        return ", ".join([*texts, *(["otherwise"] if when is None else [])])

    def shares(self, row: SharesRow) -> str:
        """Returns first self-pay shares by class."""
        told = [f"{_CLASSES[code]} {_share(each)}" for code, each in sorted(row.shares.items())]
        return ", ".join([*told, *(["by the catalogue of the place of care"] * row.as_attested)])

    def deductible(self, step: DeductibleStep, value: Amount) -> str:
        """Returns what is borne first."""
        kind = "first self-pay share: " if step.as_first_self_pay else ""
        if value == 0:
            return f"no {'first self-pay share' if step.as_first_self_pay else 'deductible'}"
        kept = "" if step.makes_up else ", as fixed by the first bill"
        return (
            f"{kind}per {step.window.value}{_per(step.per)} the first {amount(value)} of "
            f"{names(step.base)}, in order{kept}"
        )

    def brackets(self, step: TiersStep, row: BracketsRow) -> str:
        """Returns what a payer pays along brackets, or tops up."""
        payer = f"fund {step.payer}" if isinstance(step.payer, str) else f"the {step.payer.value}"
        span = f"the {step.window.value}{_per(step.per)}"
        told = "; ".join(_bracket(bracket) for bracket in row.brackets)
        extras = "".join(f", {text}" for text in _extras(step, row))
        if step.less is not None:
            due = f"to the due of {span}, less {names(step.less)}"
            return f"{payer} tops up {names(step.base)} {due}{extras}: {told}"
        return f"{payer} pays of {names(step.base)}, along {span}{extras}: {told}"

    def adjustment(self, change: Adjustment) -> str:
        """Returns how ratios change."""
        told = []
        if change.factor_ppm != PPM:
            told.append(f"times {percent(change.factor_ppm)}")
        if change.points_ppm:
            points = percent(abs(change.points_ppm)).removesuffix(" %")
            told.append(f"{points} points {'less' if change.points_ppm < 0 else 'more'}")
        return f"ratios {', then '.join(told) or 'as they are'}"

    def given(self, step: GivenStep) -> str:
        """Returns what others have paid."""
        return f"paid by others ({', '.join(step.fund_types)}) of {names(step.base)}"

    def account(self, step: AccountStep) -> str:
        """Returns what the account pays."""
        purses = ", ".join(purse.value.replace("_", " ") for purse in step.purses)
        return f"the account pays of {names(step.base)} ({purses})"

    def limit(self, counter: Counter, limit: Amount | None) -> str:
        """Returns what a counter lets through."""
        counted = (*counter.limits, *counter.counts)
        together = " together" if len(counted) > 1 else ""
        most = "without limit" if limit is None else f"at most {amount(limit)}"
        span = f"a {counter.window.value}{_per(counter.per)}"
        beside = f" (limited: {names(counter.limits)})" if counter.counts else ""
        return f"{names(counted)}{together} {most} {span}{beside}"


def _share(share: int) -> str:
    if share in (OWN_COST, BY_ITEM):
        return "own cost" if share == OWN_COST else "first self-pay by item"
    return f"first self-pay {percent(share)}"


def _per(facts: tuple[str, ...]) -> str:
    return f" and {', '.join(facts)}" if facts else ""


def _bracket(bracket: Bracket) -> str:
    ratio, low = _ratio(bracket.ratio), money(bracket.over_fen)
    if bracket.upto_fen is None:
        return f"{ratio} above {low}" if bracket.over_fen else ratio
    begin = f"from {low} " if bracket.over_fen else ""
    return f"{ratio} {begin}to {money(bracket.upto_fen)}"


def _ratio(ratio: Ratio) -> str:
    if isinstance(ratio, int):
        return percent(ratio)
    sign = "less" if ratio.each_ppm < 0 else "plus"
    text = f"{percent(ratio.base_ppm)} {sign} {percent(abs(ratio.each_ppm))} for each {ratio.fact}"
    return f"{text} (from {percent(ratio.least_ppm)} to {percent(ratio.most_ppm)})"


def _extras(step: TiersStep, row: BracketsRow) -> Iterator[str]:
    if row.threshold:
        yield f"above {amount(row.threshold)}"
    if step.on_top_of:
        yield f"on top of {names(step.on_top_of)}"
    if step.axis_is_paid:
        yield "by what is paid"
    if text := _rounded(step.rounding):
        yield f"rounded {text}"


def _rounded(rounding: Rounding) -> str:
    told = ["each bracket"] if rounding.by_bracket else []
    told += ["down"] if rounding.mode is RoundingMode.DOWN else []
    told += [f"to {money(rounding.unit_fen)}"] if rounding.unit_fen > 1 else []
    return " ".join(told)


def _matcher(fact: str, matcher: Matcher) -> str:
    if isinstance(matcher, Among):
        return f"{fact} {' or '.join(code_en(fact, code) for code in matcher.codes)}"
    if isinstance(matcher, Between):
        low, high = matcher.low, matcher.high
        if high is None:
            return f"{fact} {low} or more"
        span = f"{low} to {high}" if low else f"up to {high}"
        return f"{fact} {low}" if low == high else f"{fact} {span}"
    if isinstance(matcher, Members):
        told = [
            ("all of", matcher.all_of),
            ("one of", matcher.any_of),
            ("none of", matcher.none_of),
        ]
        texts = [f"{word} {', '.join(sorted(codes))}" for word, codes in told if codes]
        return f"{fact} with {' and '.join(texts)}" if texts else ""
    return ""

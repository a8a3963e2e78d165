"""Doubts about ratios and brackets of one step."""

from collections.abc import Iterator

from yibao_common.values.money import yuan
from yibao_settlement.rules.benefit.amounts import BracketsRow, Ratio
from yibao_settlement.rules.benefit.conditions import Condition, exclusive
from yibao_settlement.rules.benefit.doubts.doubt import Doubt, DoubtKind, Place, placed_steps
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.steps import ClassifyStep, DeductibleStep, TiersStep
from yibao_settlement.rules.benefit.table import Row
from yibao_settlement.rules.benefit.windows import Window
from yibao_settlement.rules.policy.formulas import percent

# One per cent: ratios below it are mostly per cent or per mille written as ppm.
_SMALL_PPM = 10_000
_Texts = tuple[DoubtKind, Place, str, str]


def doubts_of_ratios(policy: BenefitPolicy) -> Iterator[Doubt]:
    """Yields ratios that look mistaken, in the order of the steps."""
    for step, place in placed_steps(policy):
        if isinstance(step, ClassifyStep):
            for number, shares in enumerate(step.table.rows):
                for code, share in shares.value.shares.items():
                    at = (*place, "rows", number, "shares", code)
                    yield from (_of(step.id, each) for each in _small(at, share))
        elif isinstance(step, TiersStep):
            found = _of_tiers(policy, step, place)
            yield from (_of(step.id, each) for each in found)


def _of(step_id: str, texts: _Texts) -> Doubt:
    kind, place, message, message_zh = texts
    return Doubt(kind, step_id, place, message, message_zh)


def _of_tiers(policy: BenefitPolicy, step: TiersStep, place: Place) -> Iterator[_Texts]:
    if step.rounding.by_bracket and step.window is not Window.BILL:
        yield (
            DoubtKind.ROUNDED_BRACKETS,
            (*place, "rounding"),
            "rounds each bracket over a window: interim bills can differ by single fen from one",
            "在累计期间内逐段取整：分次结算与一次结算可能相差几分",
        )
    for number, row in enumerate(step.table.rows):
        at = (*place, "rows", number, "brackets")
        yield from _of_brackets(at, row.value)
        yield from _below_deductible(policy, step, at, row)


def _of_brackets(place: Place, row: BracketsRow) -> Iterator[_Texts]:
    before = 0
    for number, bracket in enumerate(row.brackets):
        at, ratio = (*place, number, "ratio_ppm"), _plain(bracket.ratio)
        if isinstance(bracket.ratio, int):
            yield from _small(at, ratio)
        if ratio < before:
            ratios = (percent(before), percent(ratio))
            yield (
                DoubtKind.FALLING_RATIO,
                at,
                f"the ratio falls from {ratios[0]} to {ratios[1]} as the fee rises",
                f"费用越高支付比例反而降低：由 {ratios[0]} 降为 {ratios[1]}",
            )
        before = ratio


def _plain(ratio: Ratio) -> int:
    """Returns a ratio; of one that grows with a number, where the number is 0."""
    if isinstance(ratio, int):
        return ratio
    return min(max(ratio.base_ppm, ratio.least_ppm), ratio.most_ppm)


def _small(place: Place, ratio_ppm: int) -> Iterator[_Texts]:
    if 0 < ratio_ppm < _SMALL_PPM:
        ratio = percent(ratio_ppm)
        yield (
            DoubtKind.SMALL_RATIO,
            place,
            f"{ratio_ppm} ppm is {ratio}; ratios are in millionths: 75 % is 750_000",
            f"{ratio_ppm} ppm 即 {ratio}；比例以百万分之一计，75% 应写作 750_000",
        )


def _below_deductible(
    policy: BenefitPolicy, step: TiersStep, place: Place, row: Row[BracketsRow]
) -> Iterator[_Texts]:
    """Yields where a first bracket has ended before the deductible under it is borne."""
    upto, threshold = row.value.brackets[0].upto_fen, row.value.threshold
    if upto is None or not isinstance(threshold, int) or step.axis_is_paid:
        return
    under = {name.partition(".")[0] for name in step.on_top_of if name.endswith(".paid")}
    for each in policy.steps:
        if isinstance(each, DeductibleStep) and each.id in under:
            most = _most_fen(each, step, row.when)
            if upto + threshold < most:
                ends, due = yuan(upto + threshold), yuan(most)
                yield (
                    DoubtKind.BRACKET_BELOW_DEDUCTIBLE,
                    (*place, 0, "upto_fen"),
                    f"the first bracket ends at {ends}, below the deductible {due} of {each.id}",
                    f"第一段止于 {ends} 元，低于 {each.id} 的起付线 {due} 元",
                )


def _most_fen(deductible: DeductibleStep, step: TiersStep, when: Condition | None) -> int:
    """Returns the largest fixed amount that can stand under a row of a step."""
    if exclusive(deductible.applies, step.applies):
        return 0
    fixed = (
        each.value
        for each in deductible.table.rows
        if isinstance(each.value, int)
        and not (when and each.when and exclusive(each.when, when))
        and not (when and exclusive(deductible.applies, when))
        and not (each.when and exclusive(each.when, step.applies))
    )
    return max(fixed, default=0)

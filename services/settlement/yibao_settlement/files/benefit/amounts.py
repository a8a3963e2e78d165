"""Amounts, ratios, brackets and rounding in policy files."""

from collections.abc import Iterable, Sequence

from yibao_common.files.yaml_model import shown
from yibao_common.values.money import PPM
from yibao_settlement.files.benefit.body import MOST_FEN, Body
from yibao_settlement.files.benefit.scope import Scope
from yibao_settlement.rules.benefit.amounts import (
    Adjustment,
    Amount,
    Bracket,
    BracketsRow,
    PartOf,
    Ratio,
    RatioByNumber,
    Rounding,
    RoundingMode,
)
from yibao_settlement.rules.benefit.facts import Kind
from yibao_settlement.rules.benefit.names import spelled

ROUNDING_KEYS = ("each", "mode", "unit_fen")
_UNITS_FEN = (1, 10, 100)


def read_amount(scope: Scope, body: Body, key: str, known: Iterable[str]) -> Amount:
    """Returns fen, or a share of one of the amounts `known` or of a parameter."""
    value = body.data.get(key, 0)
    if not isinstance(value, dict):
        return body.whole(key)
    part = body.inner(key, need=("of",), may=("ppm", "least_fen", "most_fen"))
    named = part.data.get("of")
    of = spelled(named) if isinstance(named, str) else ""
    known = (*scope.parameters, *known)
    if "of" in part.data and of not in known:
        message = f"{shown(named)} is not left by an earlier step; known: {', '.join(known)}"
        part.fault("of", message)
    least, most = part.whole("least_fen"), part.whole_or_none("most_fen")
    if most is not None and most < least:
        part.fault("most_fen", "lies below least_fen")
    return PartOf(of, part.whole("ppm", default=PPM), least, most)


def read_rounding(body: Body) -> Rounding:
    """Returns how payments are rounded; what is not said is each step, half up, to fen."""
    return Rounding(
        by_bracket=body.one_of("each", ("step", "bracket"), "step") == "bracket",
        mode=body.choice("mode", RoundingMode, RoundingMode.HALF_UP),
        unit_fen=int(body.one_of("unit_fen", _UNITS_FEN, "1")) if "unit_fen" in body.data else 1,
    )


def read_adjustment(body: Body) -> Adjustment:
    """Returns what a row adds to ratios, or multiplies them by."""
    return Adjustment(
        factor_ppm=body.whole("factor_ppm", default=PPM),
        points_ppm=body.whole("points_ppm", low=-PPM, high=PPM),
    )


def read_brackets_row(scope: Scope, body: Body) -> BracketsRow:
    """Returns the brackets of a row and what they are moved up by."""
    threshold = read_amount(scope, body, "threshold", scope.amounts)
    found = [
        Body.open(scope.faults, value, path, need=("over_fen", "ratio_ppm"), may=("upto_fen",))
        for value, path in body.items("brackets", "brackets")
    ]
    brackets = tuple(
        Bracket(
            each.whole("over_fen"), each.whole_or_none("upto_fen"), _ratio(scope, each, "ratio_ppm")
        )
        for each in found
    )
    _check_brackets(found, brackets)
    return BracketsRow(threshold, brackets)


def _check_brackets(bodies: Sequence[Body], brackets: Sequence[Bracket]) -> None:
    """Notes brackets that leave a gap, overlap, are empty or open before the last."""
    for index, (body, bracket) in enumerate(zip(bodies, brackets, strict=True)):
        if bracket.upto_fen is None:
            if index != len(brackets) - 1:
                body.faults.note(body.path, "only the last bracket may be open")
        elif bracket.upto_fen <= bracket.over_fen:
            body.fault("upto_fen", "upto_fen must lie above over_fen")
        before = brackets[index - 1].upto_fen if index else None
        if before is not None and bracket.over_fen != before and "over_fen" in body.data:
            body.fault("over_fen", f"must begin at {before}, where the one before ends")


def _ratio(scope: Scope, body: Body, key: str) -> Ratio:
    """Returns ppm, or a ratio that grows with a number."""
    if not isinstance(body.data.get(key), dict):
        return body.whole(key, high=PPM)
    ratio = body.inner(key, need=("ppm", "each"), may=("least_ppm", "most_ppm"))
    each = ratio.inner("each", need=("fact", "ppm"))
    fact = each.data.get("fact")
    if each.data and scope.kind_of(fact) is not Kind.NUMBER:
        each.fault("fact", f"expected a fact that is a number, got {shown(fact)}")
    least = ratio.whole("least_ppm", high=PPM)
    most = ratio.whole("most_ppm", high=PPM, default=PPM)
    if most < least:
        ratio.fault("most_ppm", "lies below least_ppm")
    return RatioByNumber(
        base_ppm=ratio.whole("ppm", high=MOST_FEN),
        fact=str(fact),
        each_ppm=each.whole("ppm", low=-PPM, high=PPM),
        least_ppm=least,
        most_ppm=most,
    )

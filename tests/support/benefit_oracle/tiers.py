"""The step that pays: brackets along an axis, or a due of which payments are taken off."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from .amounts import adjusted_ppm, amount, half_up, ratio_ppm, rounded
from .curve import Curve, brackets
from .lots import Lot, Split, total
from .steps import Step, Steps
from .tables import applies, row_of

Window = dict[str, Any]

LEAVES = ("base", "below", "paid", "covered", "copay", "overflow", "arrears")


def tiers(steps: Steps, step: Step) -> None:
    """Lets a fund, or another payer, pay of the base."""
    steps.split.leaves(step["id"], *LEAVES)
    if not applies(step.get("applies"), steps.leg.facts):
        return
    curve = _curve(steps, step)
    base = [lot for lot in steps.split.base(step["base"]) if lot.fen]
    for lot in base:
        steps.split.tag(lot, step["id"], "base")
    window = steps.memory.window(step, steps.leg)
    if "less" in step:
        _top_up(steps, step, curve, base, window)
    else:
        _pay_along(steps, step, curve, base, window)


def _curve(steps: Steps, step: Step) -> Curve:
    facts = steps.leg.facts
    row = row_of(step, facts, step["id"])
    adjust = [row_of(table, facts, f"{step['id']}.adjust") for table in step.get("adjust", [])]
    ratios = [
        adjusted_ppm(ratio_ppm(bracket["ratio_ppm"], facts), adjust) for bracket in row["brackets"]
    ]
    threshold = amount(row.get("threshold", 0), steps.value_of)
    rounding = step.get("rounding", steps.policy.get("rounding") or {})
    return Curve(brackets(row, ratios, threshold, step.get("axis", "fee")), rounding)


def _pay_along(steps: Steps, step: Step, curve: Curve, base: list[Lot], window: Window) -> None:
    """Pays along the axis; the numbers are those of the list in the specification."""
    name, split = step["id"], steps.split
    by_bracket = curve.rounding.get("each") == "bracket"
    carry: Fraction = window.get(f"{name}.carry", Fraction(0))
    # 1
    start: int = window.get(f"{name}.before", 0) + sum(
        split.amounts[other] for other in step.get("on_top_of", [])
    )
    end = start + total(base)
    floor = min(max(start, curve.begins), end)
    # 2
    last = curve.brackets[-1].upto
    reached = max(end if last is None else min(end, last), floor)
    fee_left = steps.counters.fee_left(name)
    if fee_left is not None:
        reached = min(reached, floor + fee_left)

    # 3
    def paid_upto(fee: int) -> int:
        return max(0, min(curve.paid(start, fee, carry), fee - floor))

    paid = paid_upto(reached)
    # 4
    limit = steps.counters.payment_left(name)
    if limit is not None and paid >= limit:
        paid = limit
        fee = curve.reached(curve.exact(start) + limit - carry)
        if fee is not None:
            reached = max(floor + limit, min(half_up(fee), reached))
    # 6
    window[f"{name}.before"] = end
    owed = carry + curve.exact(reached) - curve.exact(start) - paid
    window[f"{name}.carry"] = Fraction(0) if by_bracket else owed
    # 5
    below, rest = _cut(split, base, floor - start)
    covered, overflow = _cut(split, rest, reached - floor)
    for lot in below:
        split.tag(lot, name, "below")
    for lot in overflow:
        split.tag(lot, name, "overflow")
    _pay(split, name, covered, floor, paid, paid_upto)


def _cut(split: Split, lots: list[Lot], fen: int) -> tuple[list[Lot], list[Lot]]:
    """Cuts lots laid end to end at `fen`."""
    before, after = [], []
    for lot in lots:
        first, second = split.cut(lot, min(fen, lot.fen))
        fen -= first.fen
        before += [first] if first.fen else []
        after += [second] if second.fen else []
    return before, after


def _pay(
    split: Split,
    name: str,
    covered: list[Lot],
    floor: int,
    paid: int,
    paid_upto: Callable[[int], int],
) -> None:
    """Divides `paid` over the covered lots: each is paid what is due at its upper end.

    Rounding to 10 or 100 fen can owe a lot more than it holds: the lots after it pay that,
    and what they cannot hold falls back on those before.
    """
    shares = []
    at, given = floor, 0
    for lot in covered:
        at += lot.fen
        due = paid if lot is covered[-1] else min(paid_upto(at), paid)
        shares.append(min(max(due - given, 0), lot.fen))
        given += shares[-1]
    for index in reversed(range(len(covered))):
        more = min(paid - given, covered[index].fen - shares[index])
        shares[index] += more
        given += more
    assert given == paid
    for lot, share in zip(covered, shares, strict=True):
        _pay_lot(split, name, lot, share)


def _pay_lot(split: Split, name: str, lot: Lot, fen: int) -> None:
    """Pays `fen` of a covered lot; the rest of it is the insured person's."""
    split.count(f"{name}.covered", lot.group, lot.fen)
    split.take(lot, name, fen)
    split.tag(lot, name, "copay")


def _top_up(steps: Steps, step: Step, curve: Curve, base: list[Lot], window: Window) -> None:
    """Pays what is due of the whole window, less what has been paid in it."""
    name, split = step["id"], steps.split
    itself = f"{name}.paid"
    others = [other for other in step["less"] if other != itself]
    fee_paid = sum(split.amounts[other] for other in others)
    now = fee_paid + sum(split.amounts.get(_arrears(other), 0) for other in others)
    before = window.get(f"{name}.before", 0) + total(base) + fee_paid
    whole = rounded(curve.exact(before), curve.rounding)
    due = max(whole - window.get(f"{name}.less", 0) - now, 0)
    limit = steps.counters.payment_left(name)
    if limit is not None:
        due = min(due, limit)
    paid = min(due, total(base))
    # What stands under the brackets here is what others have paid, too.
    split.amounts[f"{name}.base"] += fee_paid
    arrears = due - paid if itself in step["less"] else 0
    split.amounts[f"{name}.arrears"] = arrears
    window[f"{name}.before"] = before
    window[f"{name}.less"] = (
        window.get(f"{name}.less", 0) + now + (paid + arrears if itself in step["less"] else 0)
    )
    for lot in base:
        fen = min(paid, lot.fen)
        paid -= fen
        _pay_lot(split, name, lot, fen)


def _arrears(paid: str) -> str:
    return paid.removesuffix(".paid") + ".arrears"

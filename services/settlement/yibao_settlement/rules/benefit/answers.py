"""What a bill costs whom by line and by group, made when somebody asks.

What each payer took of a part and group, in the order of the steps, and then the deductible
still borne, is spread over its lines by running totals of what is left of each: exact, no
line above its amount, and independent of everything but the order of the lines. These
figures inform; a refund settles what remains of a bill anew.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from yibao_settlement.rules.benefit.curve import half_up
from yibao_settlement.rules.benefit.layout import Layout
from yibao_settlement.rules.benefit.split import LegSplit, Split
from yibao_settlement.rules.benefit.steps import AccountStep, DeductibleStep

# In place of the position of a step: the deductible that the person still bears.
_BORNE = -1


class LineFigures(NamedTuple):
    """A line: its parts, and who bears it. amount = fund + account + cash.

    `by_step` has what each step paid of it, by step id and in the order of the steps;
    `deductible_fen` is part of what the person bears.
    """

    line_id: str
    group: str
    amount_fen: int
    eligible_fen: int
    first_self_pay_fen: int
    over_limit_fen: int
    excluded_fen: int
    first_self_pay_ppm: int
    fund_fen: int
    account_fen: int
    cash_fen: int
    deductible_fen: int
    by_step: tuple[tuple[str, int], ...]


class GroupFigures(NamedTuple):
    """The sums of the lines of a group; personal = account + cash."""

    group: str
    amount_fen: int
    fund_fen: int
    personal_fen: int
    account_fen: int
    deductible_fen: int


def figures_by_line(split: Split) -> tuple[LineFigures, ...]:
    """Returns the figures of every line that was adjudicated, by leg and in their order."""
    return tuple(figures for leg in split.legs for figures in _of_leg(split.layout, leg))


def figures_by_group(layout: Layout, lines: Iterable[LineFigures]) -> tuple[GroupFigures, ...]:
    """Returns the sums of lines for every group of the policy, those without lines too."""
    sums = {group: [0, 0, 0, 0] for group in layout.groups}
    for line in lines:
        of_group = sums[line.group]
        of_group[0] += line.amount_fen
        of_group[1] += line.fund_fen
        of_group[2] += line.account_fen
        of_group[3] += line.deductible_fen
    return tuple(
        GroupFigures(group, amount, fund, amount - fund, account, deductible)
        for group, (amount, fund, account, deductible) in sums.items()
    )


def _of_leg(layout: Layout, leg: LegSplit) -> Iterator[LineFigures]:
    steps = layout.policy.steps
    by_line: list[list[tuple[int, int]]] = [[] for _ in leg.lines]
    kinds = _lines_by_kind(layout, leg)
    for kind, borne in _takes_by_kind(layout, leg).items():
        lines, left = kinds[kind]
        for step, fen in sorted(borne.items(), key=_in_step_order):
            for position, part in enumerate(_spread(fen, left)):
                if part:
                    left[position] -= part
                    by_line[lines[position]].append((step, part))
    for line, parts, shares in zip(leg.lines, leg.parts, by_line, strict=True):
        group, ratio, eligible, first, over, excluded = parts
        fund = account = deductible = 0
        paid: dict[int, int] = {}
        for step, fen in shares:
            if step == _BORNE:
                deductible += fen
                continue
            paid[step] = paid.get(step, 0) + fen
            if isinstance(steps[step], AccountStep):
                account += fen
            else:
                fund += fen
        amount = line.amount_fen
        yield LineFigures(
            *(line.line_id, layout.groups[group], amount, eligible, first, over, excluded),
            *(ratio, fund, account, amount - fund - account, deductible),
            tuple([(steps[step].id, fen) for step, fen in sorted(paid.items())]),
        )


def _in_step_order(item: tuple[int, int]) -> tuple[bool, int]:
    step, _ = item
    return step == _BORNE, step


def _lines_by_kind(layout: Layout, leg: LegSplit) -> list[tuple[list[int], list[int]]]:
    """Returns for each part and group its lines by number, and what is left of each."""
    count = len(layout.groups)
    kinds: list[tuple[list[int], list[int]]] = [([], []) for _ in range(4 * count)]
    for number, (group, _, *parts) in enumerate(leg.parts):
        for part, fen in enumerate(parts):
            if fen:
                lines, left = kinds[part * count + group]
                lines.append(number)
                left.append(fen)
    return kinds


def _takes_by_kind(layout: Layout, leg: LegSplit) -> dict[int, dict[int, int]]:
    """Returns what each step took of each part and group, and the deductible still borne."""
    found: dict[int, dict[int, int]] = {}
    for step, bits, fen in leg.takes:
        of_kind = found.setdefault((bits & layout.kinds).bit_length() - 1, {})
        of_kind[step] = of_kind.get(step, 0) + fen
    borne = _deductible_tags(layout)
    for bits, fen in leg.left:
        if bits & borne:
            of_kind = found.setdefault((bits & layout.kinds).bit_length() - 1, {})
            of_kind[_BORNE] = of_kind.get(_BORNE, 0) + fen
    return found


def _deductible_tags(layout: Layout) -> int:
    return sum(
        layout.tag(step.id, "paid")
        for step in layout.policy.steps
        if isinstance(step, DeductibleStep) and not step.as_first_self_pay
    )


def _spread(amount: int, weights: Sequence[int]) -> list[int]:
    """Returns `amount` over weights, which come to at least as much, by running totals."""
    total, running, given, shares = sum(weights), 0, 0, []
    for weight in weights:
        running += weight
        upto = half_up(amount * running, total) if total else 0
        shares.append(upto - given)
        given = upto
    return shares

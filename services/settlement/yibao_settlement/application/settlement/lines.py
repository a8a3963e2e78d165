"""Lines of a bill on their way into the engine of `yibao-policy/2`, and as it split them."""

import itertools
from collections.abc import Sequence

from yibao_common.values.errors import InvariantError
from yibao_settlement.rules.benefit.bill import BillLine, CoverPeriod
from yibao_settlement.rules.benefit.classify import LineParts
from yibao_settlement.rules.benefit.split import Split
from yibao_settlement.rules.bill import LineParticulars
from yibao_settlement.rules.policy.split import OwnCost, PricedLine, SplitLine


def engine_lines(
    lines: Sequence[PricedLine | SplitLine],
    particulars: Sequence[LineParticulars | None],
    item_groups: Sequence[str],
    *,
    cover: Sequence[CoverPeriod] | None = None,
) -> tuple[BillLine, ...]:
    """Returns lines as the engine takes them; with `cover` it tells itself what lies outside.

    It is not given those of which all was returned. Raises InvariantError where something is left
    of one.
    """
    if not particulars:
        return _plain_lines(lines, item_groups)
    made = []
    for line, own, group in itertools.zip_longest(lines, particulars, item_groups):
        if own is not None and own.is_gone:
            if line.amount_fen:
                raise InvariantError(
                    f"line {line.line_number} is gone, {line.amount_fen} fen are not"
                )
            continue
        own_cost = OwnCost.NONE if own is None else own.own_cost
        is_told = own_cost == OwnCost.OUTSIDE_COVER and cover is not None
        made.append(
            BillLine(
                line_id=str(line.line_number),
                amount_fen=line.amount_fen,
                catalogue_class=line.catalogue_class,
                charge_date=None if own is None else own.charge_date,
                first_self_pay_ppm=line.first_self_pay_ratio_ppm,
                over_limit_fen=line.over_limit_fen,
                item_group=group or None,
                is_own_cost=own_cost != OwnCost.NONE and not is_told,
            )
        )
    return tuple(made)


def _plain_lines(
    lines: Sequence[PricedLine | SplitLine], item_groups: Sequence[str]
) -> tuple[BillLine, ...]:
    """Returns lines of which nothing is particular, as those of most bills."""
    make, groups = tuple.__new__, item_groups or ("",) * len(lines)
    # As `BillLine` makes one, in half the time.
    return tuple(
        [
            make(
                BillLine,
                (
                    str(line.line_number),
                    line.amount_fen,
                    line.catalogue_class,
                    None,
                    line.first_self_pay_ratio_ppm,
                    line.over_limit_fen,
                    group or None,
                    None,
                    False,
                ),
            )
            for line, group in zip(lines, groups, strict=True)
        ]
    )


def item_groups_of(lines: Sequence[PricedLine]) -> tuple[str, ...]:
    """Returns the groups of the lines' items, empty where no line has one."""
    groups = tuple([line.item_group for line in lines])
    return groups if any(groups) else ()


def line_parts(split: Split, lines: Sequence[PricedLine | SplitLine]) -> Sequence[LineParts]:
    """Returns how the legs of a bill split its lines, in their order there.

    Of a line that the engine was not given nothing is left to split.
    """
    if len(split.legs) == 1 and len(split.legs[0].parts) == len(lines):
        return split.legs[0].parts
    parts = {
        line.line_id: each
        for leg in split.legs
        for line, each in zip(leg.lines, leg.parts, strict=True)
    }
    return [parts.get(str(line.line_number)) or _nothing_of(line, split) for line in lines]


def _nothing_of(line: PricedLine | SplitLine, split: Split) -> LineParts:
    """Returns the parts of a line of which all was returned, with the share that it had."""
    ratio = line.first_self_pay_ratio_ppm
    if ratio is None:
        # The group and the share decide nothing of an amount of zero: they are told.
        ratio = split.legs[-1].plan.classify.row.shares.get(line.catalogue_class, 0)
    return 0, max(ratio, 0), 0, 0, 0, 0


def split_lines(split: Split, lines: Sequence[PricedLine | SplitLine]) -> tuple[SplitLine, ...]:
    """Returns the lines in the order of the bill, as the legs split them."""
    make = tuple.__new__
    # As `SplitLine` makes one, in half the time.
    return tuple(
        [
            make(
                SplitLine,
                (
                    line.line_number,
                    line.item_code,
                    line.catalogue_class,
                    line.amount_fen,
                    excluded,
                    over,
                    first,
                    eligible,
                    line.first_self_pay_ratio_ppm,
                    line.unit_price,
                    line.quantity,
                ),
            )
            for line, (_, _, eligible, first, over, excluded) in zip(
                lines, line_parts(split, lines), strict=True
            )
        ]
    )

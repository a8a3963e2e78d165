"""Who of purses and cash bears the person's part of a bill."""

from dataclasses import replace

from .columns import Column, Purses
from .region import RefundOrder, Region, Wrong
from .settlements import Settlement
from .terms import Decision


def account_fen(
    order: RefundOrder, *, drawn_fen: int, before_fen: int, after_fen: int, most_fen: int
) -> int:
    """Returns what accounts bear of `after_fen`, having drawn `drawn_fen` of `before_fen`.

    `most_fen` is what an account may pay of the bill as it is now.
    """
    fen = drawn_fen
    if order is RefundOrder.ACCOUNT_FIRST:
        fen -= min(fen, max(before_fen - after_fen, 0))
    return min(fen, most_fen, after_fen)


def of_purses(column: Column, purses: Purses) -> Column:
    """Returns a column whose person's part is borne by purses first."""
    return replace(column, purses=purses, cash_fen=column.person_fen - purses.fen)


def own_first(fen: int, most: Purses) -> Purses:
    """Returns `fen` from the own purse, then from the sharer's, at most `most` of each."""
    own_fen = min(fen, most.own_fen)
    return Purses(own_fen, min(fen - own_fen, most.shared_fen))


def effective(region: Region, settlement: Settlement, decision: Decision) -> Column:
    """Returns the effective column of a bill as the fold decides it.

    It depends on the counter's column, on what was moved and on the fold, never on a balance.
    What the person bears less goes back to purses first, whatever a region says of returned
    lines: that is of what a counter gives back.
    """
    counter, moved = settlement.counter, settlement.moved
    fen = account_fen(
        RefundOrder.ACCOUNT_FIRST,
        drawn_fen=counter.purses.fen,
        before_fen=counter.person_fen,
        after_fen=decision.column.person_fen,
        most_fen=decision.scope_fen,
    )
    if region.wrong is Wrong.MOVED_FORGOTTEN:
        return of_purses(decision.column, own_first(fen, counter.purses))
    if region.wrong is Wrong.ACCOUNT_AS_CASH:
        return of_purses(decision.column, counter.purses)
    return of_purses(decision.column, own_first(fen, counter.purses.plus(moved, sign=-1)))

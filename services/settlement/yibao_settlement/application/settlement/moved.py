"""What a fold moves of bills, in sums that two operators read before anything is booked."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from yibao_settlement.application.settlement.record import Effective, SettlementRecord


class Moved(NamedTuple):
    """What a bill comes to cost somebody else, in fen.

    What the funds pay more, and what is owed more to the person and to the account.
    """

    record: SettlementRecord
    fund_change_fen: int
    difference_fen: int
    due_fen: int


def each_moved(moved: Iterable[tuple[SettlementRecord, Effective]]) -> Iterator[Moved]:
    """Yields what moves of each settled bill, by its effective column and the new one."""
    for record, after in moved:
        if record.is_held:
            # Nothing of it is booked before it is confirmed.
            continue
        before = record.effective
        late_fen = after.borne.arrears_fen - before.borne.arrears_fen
        yield Moved(
            record,
            after.fund_total_fen - before.fund_total_fen,
            before.cash_fen - after.cash_fen + late_fen,
            before.account_fen - after.account_fen,
        )


def sums_of(moved: Iterable[Moved]) -> tuple[int, int, int, int]:
    """Returns how many bills move, and the sums of what moves, in the order of `Moved`."""
    each = list(moved)
    return (
        len(each),
        sum(one.fund_change_fen for one in each),
        sum(one.difference_fen for one in each),
        sum(one.due_fen for one in each),
    )

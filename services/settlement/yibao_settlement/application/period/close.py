"""Closing periods: a month takes nothing any more, is summed, and its sums are kept.

First the month is ended: whatever begins from then on posts in a later one, whatever clocks
say. Once every transaction that had begun before has ended, nothing can appear in it, and
its sums are those of ever. Only then somebody may propose to close it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import TransientError
from yibao_common.values.ids import Ids
from yibao_settlement.application.period.find import FoundPeriod, find_period, periods_of_month
from yibao_settlement.rules.period.close import (
    Period,
    PeriodClose,
    PeriodSum,
    amount_of,
    check_checker,
    check_next,
    check_over,
    check_read,
    close_not_found,
    closed,
    count_of,
)
from yibao_settlement.rules.period.month import month_of

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

CONFIRM_METHOD = "ConfirmPeriodClose"


class SummedClose(NamedTuple):
    """A closing, and the sums that it is of."""

    close: PeriodClose
    sums: Sequence[PeriodSum]


Encode = Callable[[SummedClose], bytes]


@dataclass(frozen=True, slots=True)
class ProposePeriodClose:
    """Proposes that a month is closed."""

    request: Request
    period: Period


@dataclass(frozen=True, slots=True)
class ConfirmPeriodClose:
    """Confirms what was proposed; amount, in fen, and count are what the checker read."""

    request: Request
    close_id: str
    amount_fen: int
    entry_count: int


class Periods:
    """Closes and reads periods. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        others_ended: Callable[[], bool],
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Takes what begins transactions and what waits for them, see `Checkpoints`."""
        self._transactions = transactions
        self._others_ended = others_ended
        self._clock = clock
        self._ids = ids

    def propose(self, command: ProposePeriodClose, encode: Encode) -> bytes:
        """Ends a month and proposes to close it, once by request id; returns the answer's bytes.

        Raises:
            RuleError: PERIOD_NOT_OVER, REQUEST_ID_REUSED, PERIOD_CLOSED, PERIOD_OUT_OF_ORDER;
                in this order.
            TransientError: a transaction of before goes on.
        """
        request, period = command.request, command.period
        check_over(period.month, self._clock())
        self._end(request.region, period.month)
        sums = self._sums(request.region, period)
        return self._transactions.once(
            request, lambda work: encode(self._propose(work, command, sums))
        )

    def confirm(self, command: ConfirmPeriodClose, encode: Encode) -> bytes:
        """Closes a month once by request id and returns the answer's bytes.

        Raises:
            RuleError: PERIOD_CLOSE_NOT_FOUND, REQUEST_ID_REUSED, PERIOD_CLOSED,
                SAME_MAKER_AND_CHECKER, PERIOD_OUT_OF_ORDER, PERIOD_CLOSE_STATE; in this order.
        """
        region = command.request.region
        with self._transactions.read(region) as work:
            proposed = work.periods.find(command.close_id)
            if proposed is None:
                raise close_not_found(command.close_id)
            # Nothing can appear in it since it was ended, so that it is summed without a lock.
            sums = work.periods.sums(proposed.period)
        return self._transactions.once(
            command.request, lambda work: encode(self._confirm(work, command, sums))
        )

    def find(self, region: str, period: Period) -> FoundPeriod:
        """Returns a period with its sums."""
        with self._transactions.read(region) as work:
            return find_period(work.periods, period, now=self._clock())

    def of_month(
        self, region: str, month: int, *, after: str | None, limit: int
    ) -> list[FoundPeriod]:
        """Returns at most `limit` periods of a month behind that of `after`."""
        now = self._clock()
        with self._transactions.read(region) as work:
            return periods_of_month(work.periods, month, after=after, limit=limit, now=now)

    def _end(self, region: str, month: int) -> None:
        self._transactions.change(region, lambda work: work.periods.end_month(month))
        # Also where another one ended it: that one may still wait.
        if not self._others_ended():
            raise TransientError("what may post in the month goes on")

    def _sums(self, region: str, period: Period) -> Sequence[PeriodSum]:
        with self._transactions.read(region) as work:
            return work.periods.sums(period)

    def _propose(
        self, work: "Work", command: ProposePeriodClose, sums: Sequence[PeriodSum]
    ) -> SummedClose:
        request, period = command.request, command.period
        work.periods.lock()
        _check_next(work, period)
        close = PeriodClose(
            request.region,
            self._ids(),
            *period,
            count_of(period, sums),
            amount_of(period, sums),
            request.caller.path,
            self._clock(),
        )
        work.periods.insert(close)
        self._put_on_record(work, request, close)
        return SummedClose(close, sums)

    def _confirm(
        self, work: "Work", command: ConfirmPeriodClose, sums: Sequence[PeriodSum]
    ) -> SummedClose:
        request, checker = command.request, command.request.caller.path
        work.periods.lock()
        proposed = work.periods.find(command.close_id)
        assert proposed is not None, "what was proposed never goes away"
        check_checker(proposed, checker=checker)
        _check_next(work, proposed.period)
        period, read = proposed.period, (command.amount_fen, command.entry_count)
        check_read(proposed, read, (amount_of(period, sums), count_of(period, sums)))
        close = closed(proposed, checker=checker, now=self._clock())
        work.periods.close(close, sums)
        self._put_on_record(work, request, close, maker=close.maker)
        return SummedClose(close, sums)

    def _put_on_record(
        self, work: "Work", request: Request, close: PeriodClose, **more: str
    ) -> None:
        institution = {"institution": close.institution_id} if close.institution_id else {}
        detail = {
            "close": close.close_id,
            "month": str(close.month),
            **institution,
            "amount_fen": str(close.amount_fen),
            "entries": str(close.entry_count),
            **more,
        }
        work.audit.add(
            entry_of(request, at=self._clock(), subject_ids=(close.close_id,), detail=detail)
        )


def _check_next(work: "Work", period: Period) -> None:
    first_time = work.periods.first_time(period.institution_id)
    check_next(
        period,
        last_closed=work.periods.last_closed(period.institution_id),
        first_month=None if first_time is None else month_of(first_time),
    )

"""What operators do with benefit years: one proposes to close one, another one confirms.

The statements of a closed year are taken behind them, person by person (`take`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import TransientError
from yibao_common.values.ids import Ids
from yibao_settlement.rules.year.close import (
    Taking,
    YearClose,
    YearCounts,
    YearState,
    check_next_year,
    check_year_checker,
    check_year_over,
    check_year_read,
    closed_year,
    last_month,
    year_close_not_found,
    year_state,
)

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

CONFIRM_METHOD = "ConfirmYearClose"


class ToldYear(NamedTuple):
    """A benefit year as it is.

    `counts` are those of the proposal, of a year that nobody proposed to close those by now.
    `refused_count` is how many statements could not be taken.
    """

    region: str
    benefit_year: int
    state: YearState
    counts: YearCounts
    close: YearClose | None = None
    taking: Taking = Taking()
    refused_count: int = 0


Encode = Callable[[ToldYear], bytes]


@dataclass(frozen=True, slots=True)
class ProposeYearClose:
    """Proposes that a benefit year is closed."""

    request: Request
    benefit_year: int


@dataclass(frozen=True, slots=True)
class ConfirmYearClose:
    """Confirms what was proposed; `read` is what the checker read."""

    request: Request
    close_id: str
    read: YearCounts


class Years:
    """Closes and reads benefit years. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        others_ended: Callable[[], bool],
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Takes what begins transactions and what waits for them, see `Periods`."""
        self._transactions = transactions
        self._others_ended = others_ended
        self._clock = clock
        self._ids = ids

    def propose(self, command: ProposeYearClose, encode: Encode) -> bytes:
        """Ends a year's months and proposes to close it, once by request id.

        Returns the answer's bytes. What accounts held at the end of the year can change no more
        from then on; bills of the year can still come, and are posted in later months.

        Raises:
            RuleError: YEAR_NOT_OVER, REQUEST_ID_REUSED, YEAR_CLOSED, YEAR_OUT_OF_ORDER; in
                this order.
            TransientError: a transaction of before goes on.
        """
        request, year = command.request, command.benefit_year
        check_year_over(year, self._clock())
        region = request.region
        self._transactions.change(region, lambda work: work.periods.end_month(last_month(year)))
        # Also where another one ended it: that one may still wait.
        if not self._others_ended():
            raise TransientError("what may post in the year goes on")
        with self._transactions.read(region) as work:
            # Without a lock: what is counted is told, and nothing rests on it.
            counts = work.years.counts()
        return self._transactions.once(
            request, lambda work: encode(self._propose(work, command, counts))
        )

    def confirm(self, command: ConfirmYearClose, encode: Encode) -> bytes:
        """Closes a year once by request id and returns the answer's bytes.

        Raises:
            RuleError: YEAR_CLOSE_NOT_FOUND, REQUEST_ID_REUSED, YEAR_CLOSED,
                SAME_MAKER_AND_CHECKER, YEAR_CLOSE_STATE; in this order.
        """
        region = command.request.region
        with self._transactions.read(region) as work:
            if work.years.find(command.close_id) is None:
                raise year_close_not_found(command.close_id)
        return self._transactions.once(
            command.request, lambda work: encode(self._confirm(work, command))
        )

    def find(self, region: str, benefit_year: int) -> ToldYear:
        """Returns a year as it is; counts bills where nobody proposed to close it."""
        with self._transactions.read(region) as work:
            close = work.years.newest(benefit_year)
            if close is not None:
                return self._told(work, close)
            counts = work.years.counts().get(benefit_year, YearCounts())
            state = year_state(benefit_year, None, Taking(), now=self._clock())
            return ToldYear(region, benefit_year, state, counts)

    def _told(self, work: "Work", close: YearClose) -> ToldYear:
        taking = work.years.taking(close.close_id)
        return ToldYear(
            close.region,
            close.benefit_year,
            year_state(close.benefit_year, close, taking, now=self._clock()),
            close.counts,
            close,
            taking,
            work.years.count_refused(close.benefit_year),
        )

    def _propose(
        self, work: "Work", command: ProposeYearClose, counts: Mapping[int, YearCounts]
    ) -> ToldYear:
        request, year = command.request, command.benefit_year
        work.periods.lock()
        check_next_year(
            year, last_closed=work.years.last_closed(), first_year=min(counts, default=None)
        )
        close = YearClose(
            request.region,
            self._ids(),
            year,
            counts.get(year, YearCounts()),
            request.caller.path,
            self._clock(),
        )
        work.years.insert(close)
        self._put_on_record(work, request, close)
        return self._told(work, close)

    def _confirm(self, work: "Work", command: ConfirmYearClose) -> ToldYear:
        request, checker = command.request, command.request.caller.path
        work.periods.lock()
        proposed = work.years.find(command.close_id)
        assert proposed is not None, "what was proposed never goes away"
        check_year_checker(proposed, checker=checker)
        # Another proposal for the same year may have been confirmed.
        check_next_year(
            proposed.benefit_year, last_closed=work.years.last_closed(), first_year=None
        )
        check_year_read(proposed, command.read)
        close = closed_year(proposed, checker=checker, now=self._clock())
        work.years.close(close)
        self._put_on_record(work, request, close, maker=close.maker)
        return self._told(work, close)

    def _put_on_record(self, work: "Work", request: Request, close: YearClose, **more: str) -> None:
        detail = {
            "close": close.close_id,
            "benefit_year": str(close.benefit_year),
            "persons": str(close.counts.person_count),
            "bills": str(close.counts.bill_count),
            "total_fen": str(close.counts.total_fen),
            **more,
        }
        work.audit.add(
            entry_of(request, at=self._clock(), subject_ids=(close.close_id,), detail=detail)
        )

"""Taking the closing statements of a year, record by record, some in a transaction.

Under the locks of the persons nothing of their bills can change meanwhile, so that a statement is
of one moment. How far it came is stored with them: whoever goes on after a crash, or in another
process, goes on behind it. A merge moves no bill from one record to another, so that each record
has a statement of the bills of its own visits, whenever it was merged.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.caller import Caller, Role
from yibao_common.values.clock import Clock
from yibao_common.values.errors import InvariantError, RuleError, TransientError
from yibao_settlement.application.year.rows import RecordPage
from yibao_settlement.application.year.sums import concerns, sums_of, used_up
from yibao_settlement.rules.year.close import Taking, YearClose, last_month
from yibao_settlement.rules.year.statement import YearStatement, digest_with

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

FINISH_METHOD = "FinishYearClose"
# Two operators asked for it, and nobody waits for its answer.
_ITSELF = Caller(Role.SERVICE, "settlement", "service/settlement")
# Records that are looked at for bills of the year in one read.
_PAGE = 500
# Statements of a transaction, whose persons are locked meanwhile: some tenth of a second.
_BATCH = 100


class Round(NamedTuple):
    """What a round did: how many records it tried, and whether all statements are taken."""

    tried: int
    is_finished: bool


class YearTaking:
    """Takes statements of closed years. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock) -> None:
        """Takes what begins transactions, and by which clock a statement is taken."""
        self._transactions = transactions
        self._clock = clock

    def going_on(self, region: str) -> Sequence[YearClose]:
        """Returns the closed years of a region whose statements are not all taken."""
        with self._transactions.read(region) as work:
            return work.years.going_on()

    def count_refused(self, close: YearClose) -> int:
        """Returns how many records of a year have no statement because it cannot be taken."""
        with self._transactions.read(close.region) as work:
            return work.years.count_refused(close.benefit_year)

    def take_on(self, close: YearClose, *, limit: int, batch: int = _BATCH) -> Round:
        """Takes at most `limit` statements of a year, at most `batch` a transaction.

        Other processes may do so at once. One that cannot be taken is kept with its reason, keeps
        no other from its turn and is tried again in each round once the others are taken.
        """
        tried = 0
        while tried < limit:
            page = self._page(close)
            if page is None:
                return self._end(close, tried, limit=limit - tried)
            while tried < limit and (
                taken := self._take_next(close, page, most=min(batch, limit - tried))
            ):
                tried += taken
        return Round(tried, False)

    def _page(self, close: YearClose) -> RecordPage | None:
        """Returns the next records to be passed, None where all were."""
        with self._transactions.read(close.region) as work:
            taking = work.years.taking(close.close_id)
            if taking.is_walked:
                return None
            return work.years.records_behind(close.benefit_year, taking.reached_id, limit=_PAGE)

    def _take_next(self, close: YearClose, page: RecordPage, *, most: int) -> int:
        """Takes the next statements of a page; returns how many, 0 where all of it was passed."""
        return self._transactions.change(
            close.region, lambda work: self._next(work, close, page, most)
        )

    def _end(self, close: YearClose, tried: int, *, limit: int) -> Round:
        """Tries again what was refused, and notes that all is taken once it is."""
        region = close.region
        with self._transactions.read(region) as work:
            refused = work.years.refused(close.benefit_year, limit=limit)
        for person_id in refused:
            self._take_again(close, person_id)
        is_finished = self._transactions.change(region, lambda work: self._finish(work, close))
        return Round(tried + len(refused), is_finished)

    def _take_again(self, close: YearClose, person_id: str) -> None:
        self._transactions.change(close.region, lambda work: self._again(work, close, person_id))

    def _next(self, work: "Work", close: YearClose, page: RecordPage, most: int) -> int:
        taking = work.years.lock_taking(close.close_id)
        # Another process may have passed some of them since the page was read.
        behind = [each for each in page.person_ids if each > (taking.reached_id or "")][:most]
        if behind:
            self._take(work, close, behind, taking._replace(reached_id=behind[-1]))
        elif page.end_id is None:
            work.years.set_taking(close.close_id, taking._replace(is_walked=True))
        elif page.end_id > (taking.reached_id or ""):
            work.years.set_taking(close.close_id, taking._replace(reached_id=page.end_id))
        return len(behind)

    def _again(self, work: "Work", close: YearClose, person_id: str) -> None:
        taking = work.years.lock_taking(close.close_id)
        if person_id not in work.years.statements(close.benefit_year, [person_id]):
            work.years.accept(close.benefit_year, person_id)
            self._take(work, close, [person_id], taking)

    def _take(
        self, work: "Work", close: YearClose, person_ids: Sequence[str], taking: Taking
    ) -> None:
        """Takes statements of records, or notes why they cannot be taken."""
        self._lock(work, person_ids)
        statements = []
        for each in self._found(work, close, person_ids):
            statement = each._replace(number=taking.statement_count + 1)
            statements.append(statement)
            taking = _with(taking, statement)
        work.years.insert_statements(statements)
        work.years.set_taking(close.close_id, taking)

    def _found(
        self, work: "Work", close: YearClose, person_ids: Sequence[str]
    ) -> list[YearStatement]:
        """Returns what records' statements tell; one that cannot be read keeps no other from it."""
        try:
            return self._statements(work, close, person_ids)
        except (InvariantError, RuleError, ArithmeticError, ValueError) as error:
            if len(person_ids) == 1:
                # Its text may hold what is stored of the person.
                reason, now = type(error).__name__, self._clock()
                work.years.refuse(close.benefit_year, person_ids[0], reason, now)
                return []
        return [statement for each in person_ids for statement in self._found(work, close, [each])]

    def _statements(
        self, work: "Work", close: YearClose, person_ids: Sequence[str]
    ) -> list[YearStatement]:
        """Returns records' statements without numbers, none of who has no bill that stands."""
        years, year = work.years, close.benefit_year
        histories = years.histories_of(person_ids, year)
        balances = years.balances_of(person_ids, last_month(year))
        found = []
        for person_id in person_ids:
            bills = [each for each in histories.get(person_id, ()) if concerns(each.now, year)]
            own = [each.now for each in bills if each.now.benefit_year == year]
            if own:
                found.append(
                    YearStatement(
                        close.region,
                        year,
                        person_id,
                        0,
                        self._clock(),
                        sums_of(own),
                        used_up([each.now for each in bills], year),
                        *balances.get(person_id, (0, 0)),
                        tuple(each.mark for each in bills),
                    )
                )
        return found

    @staticmethod
    def _lock(work: "Work", person_ids: Sequence[str]) -> None:
        """Locks records and, of those that were merged, who stands in their place.

        Raises TransientError where that became another one meanwhile.
        """
        concerned = {*person_ids, *work.years.taken_over_by(person_ids)}
        into = work.years.lock_persons(concerned)
        for person_id in person_ids:
            last = person_id
            while (next_id := into.get(last)) is not None and next_id in into:
                last = next_id
            if into.get(last) is not None:
                raise TransientError("the account moved on while it was waited for")

    def _finish(self, work: "Work", close: YearClose) -> bool:
        """Notes that every statement is taken, with what they come to, where it is so."""
        taking = work.years.lock_taking(close.close_id)
        if taking.finish_time is not None:
            return True
        if work.years.count_refused(close.benefit_year):
            return False
        now = self._clock()
        work.years.set_taking(close.close_id, taking._replace(finish_time=now))
        request = Request.trial(_ITSELF, method=FINISH_METHOD, region=close.region)
        detail = finish_detail(close, taking)
        work.audit.add(entry_of(request, at=now, subject_ids=(close.close_id,), detail=detail))
        return True


def finish_detail(close: YearClose, taking: Taking) -> dict[str, str]:
    """Returns what the audit tells of a year's statements; the ledger checker compares it."""
    return {
        "close": close.close_id,
        "benefit_year": str(close.benefit_year),
        "statements": str(taking.statement_count),
        "bills": str(taking.sums.bill_count),
        "total_fen": str(taking.sums.total_fen),
        "fund_fen": str(taking.sums.effective.fund_fen),
        "digest": taking.digest.hex(),
    }


def _with(taking: Taking, statement: YearStatement) -> Taking:
    return taking._replace(
        statement_count=statement.number,
        sums=taking.sums.plus(statement.sums),
        digest=digest_with(taking.digest, statement),
    )

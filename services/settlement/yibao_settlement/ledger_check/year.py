"""What the ledger checker examines of closed years: statements never change (H11).

Every statement is made again from the bills that it names, as each stood at its mark, and from
what these had posted by then; with what was posted since it comes to the present.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from yibao_common.values.caller import are_two_operators
from yibao_settlement.application.year.sums import BillHistory, sums_of, used_up
from yibao_settlement.application.year.take import finish_detail
from yibao_settlement.rules.ledger import fund_account
from yibao_settlement.rules.year.close import Taking, YearClose
from yibao_settlement.rules.year.statement import (
    NO_SUMS,
    BillMark,
    YearStatement,
    amounts_of,
    digest_with,
)
from yibao_settlement.storage.ledger.booked import BookedSettlement
from yibao_settlement.storage.ledger.person import KeptPerson
from yibao_settlement.storage.year.booked import BookedClose, BookedStatement

Fault = tuple[str, str]
_FUND = fund_account("")
Told = Mapping[str, Mapping[str, str]]


@dataclass(slots=True)
class YearChecker:
    """Examines the statements of persons, and then what all of them come to.

    `posted` is what bills of closed years took of each fund, by year, and `later` what of it
    was posted after their statements.
    """

    closes: Sequence[BookedClose]
    posted: dict[int, dict[str, int]] = field(default_factory=dict)
    later: dict[int, dict[str, int]] = field(default_factory=dict)

    def check(self, person: KeptPerson) -> Iterator[Fault]:
        """Yields what is wrong with the statements of a person."""
        taken: dict[str, YearStatement | None] = {}
        marks: dict[tuple[int, str], BillMark] = {}
        bills = {each.settlement_id: each for each in person.settlements}
        for booked in person.statements:
            name = f"statement {booked.benefit_year} of {booked.person_id}"
            taken[f"{booked.benefit_year} {booked.person_id}"] = booked.statement
            if booked.statement is None:
                yield name, "cannot be read"
                continue
            for mark in booked.statement.bills:
                marks[booked.benefit_year, mark.settlement_id] = mark
            for detail in _statement_faults(booked, booked.statement, bills):
                yield name, detail
        for close, taking in self.closes:
            for bill in person.settlements:
                if bill.benefit_year == close.benefit_year:
                    self._count(bill, marks.get((bill.benefit_year, bill.settlement_id)))
                    if _is_missing(bill, close, taking, marks, taken):
                        yield bill.settlement_id, f"is in no statement of {close.benefit_year}"

    def _count(self, bill: BookedSettlement, mark: BillMark | None) -> None:
        year = bill.benefit_year
        before, since = _funds(bill, mark)
        _add(self.posted.setdefault(year, {}), before, since)
        _add(self.later.setdefault(year, {}), since)

    def faults_of_all(self) -> Iterator[Fault]:
        """Yields years of which all statements, with what was posted later, are not all."""
        for close, taking in self.closes:
            year = close.benefit_year
            if taking is None:
                continue
            told = {
                account_id: -fen
                for account_id, fen in taking.sums.effective.payers
                if account_id.startswith(_FUND)
            }
            posted, later = self.posted.get(year, {}), self.later.get(year, {})
            for account_id in sorted(told.keys() | posted.keys() | later.keys()):
                told_fen, later_fen = told.get(account_id, 0), later.get(account_id, 0)
                if told_fen + later_fen != posted.get(account_id, 0):
                    yield (
                        f"year {year}",
                        (
                            f"statements tell {told_fen} fen of {account_id}, {later_fen} were "
                            f"posted later, all its bills posted {posted.get(account_id, 0)}"
                        ),
                    )


def _statement_faults(
    booked: BookedStatement, statement: YearStatement, bills: Mapping[str, BookedSettlement]
) -> Iterator[str]:
    year = statement.benefit_year
    named = [bills.get(mark.settlement_id) for mark in statement.bills]
    histories = [None if bill is None else _history_of(bill) for bill in named]
    records, own = [], []
    entries: dict[str, int] = {}
    for mark, bill, history in zip(statement.bills, named, histories, strict=True):
        if bill is None or history is None:
            yield f"names settlement {mark.settlement_id}, which there is not or cannot be read"
            return
        newest = history.mark
        if not (1 <= mark.revision <= newest.revision and 0 <= mark.refund_count <= newest[2]):
            yield f"names revision {mark.revision} of {mark.settlement_id}, and there is none"
            return
        records.append(history.at(mark))
        if bill.benefit_year == year:
            own.append(records[-1])
            _add(entries, _funds(bill, mark)[0])
    if sums_of(own) != statement.sums:
        yield f"tells {statement.sums}, its bills came to {sums_of(own)}"
    if used_up(records, year) != statement.windows:
        yield f"tells {statement.windows}, its bills used up {used_up(records, year)}"
    told = {account: fen for account, fen in statement.sums.effective.payers}
    paid = {account: -fen for account, fen in entries.items()}
    if amounts_of(paid) != amounts_of({each: told[each] for each in told if _is_fund(each)}):
        yield f"tells {told}, its bills had posted {paid}"
    if booked.account_fen != statement.account_balance_fen:
        yield (
            f"tells {statement.account_balance_fen} fen in the account at the end of the year, "
            f"entries sum to {booked.account_fen}"
        )


def _is_missing(
    bill: BookedSettlement,
    close: YearClose,
    taking: Taking | None,
    marks: Mapping[tuple[int, str], BillMark],
    taken: Mapping[str, YearStatement | None],
) -> bool:
    """Tells whether a bill stood before its year was closed, and is in no statement of it.

    One that was reversed may have been so before its statement was taken.
    """
    year, record, visit = close.benefit_year, bill.record, bill.visit
    if (year, bill.settlement_id) in marks or record is None or visit is None:
        return False
    key = f"{year} {visit.person_id}"
    statement = taken.get(key)
    if key in taken and statement is None:
        return False
    is_taken = key in taken or (taking is not None and taking.finish_time is not None)
    return is_taken and record.reversal is None and record.settle_time < close.propose_time


def year_faults(
    closes: Sequence[BookedClose],
    confirmed: Told,
    finished: Told,
    years_with_statements: Iterable[int],
) -> Iterator[Fault]:
    """Yields closed years that are not as they were closed.

    `confirmed` and `finished` are what the audit tells of closings, and of their statements
    once all were taken.
    """
    known = {close.close_id: close for close, _ in closes}
    for close_id in sorted({*confirmed, *finished} - known.keys()):
        yield close_id, "the audit tells that it closed a year"
    for year in sorted(set(years_with_statements) - {each.benefit_year for each in known.values()}):
        yield f"year {year}", "has statements, and is not closed"
    last = None
    for close, taking in closes:
        name = f"year {close.benefit_year}"
        if last is not None and close.benefit_year != last + 1:
            yield name, f"is closed, and the year after {last} is not"
        last = close.benefit_year
        if not are_two_operators(close.maker, close.checker):
            yield name, "was not closed by two operators"
        if confirmed.get(close.close_id) != _on_record(close):
            yield name, "the audit tells of no such closing"
        if taking is None:
            yield name, "how far its statements are taken cannot be read"
            continue
        told = None if taking.finish_time is None else finish_detail(close, taking)
        if finished.get(close.close_id) != told:
            yield name, "the audit tells otherwise of its statements"


def chain_faults(
    taking: Taking, rows: Iterable[tuple[int, str, YearStatement | None]], name: str
) -> Iterator[Fault]:
    """Yields statements of a year, in the order of their numbers, that are not all or altered."""
    count, sums, digest = 0, NO_SUMS, b""
    for number, person_id, statement in rows:
        count += 1
        if number != count:
            yield name, f"has statement {number} of {person_id}, and none of {count}"
            return
        if statement is None:
            # Told with the person.
            return
        sums, digest = sums.plus(statement.sums), digest_with(digest, statement)
    if count != taking.statement_count:
        yield name, f"has {count} statements, {taking.statement_count} were taken"
    elif sums != taking.sums:
        yield name, "its statements do not come to what was told of all"
    elif digest != taking.digest:
        yield name, "a statement of it was altered"


def _history_of(bill: BookedSettlement) -> BillHistory | None:
    """Returns a bill with all that became of it, None where it cannot be read."""
    if bill.record is None:
        return None
    return BillHistory(
        bill.record.as_settled._replace(adjustment=None),
        [left for left, _ in bill.refunded],
        [adjustment for adjustment, _ in bill.adjusted],
        bill.record.moved_fen,
    )


def _funds(bill: BookedSettlement, mark: BillMark | None) -> tuple[dict[str, int], dict[str, int]]:
    """Returns what a bill posted on funds up to a mark, and since; all is since without one."""
    before: dict[str, int] = {}
    since: dict[str, int] = {}
    refund_count, revision = (0, 0) if mark is None else (mark.refund_count, mark.revision)
    _add(since if mark is None else before, bill.posted)
    for number, (_, posted) in enumerate(bill.refunded, 1):
        _add(before if number <= refund_count else since, posted)
    for adjustment, posted in bill.adjusted:
        _add(before if adjustment.revision <= revision else since, posted)
    _add(since, bill.taken_back)
    return before, since


def _add(sums: dict[str, int], *amounts: Mapping[str, int]) -> None:
    for each in amounts:
        for account_id, fen in each.items():
            if _is_fund(account_id):
                sums[account_id] = sums.get(account_id, 0) + fen


def _is_fund(account_id: str) -> bool:
    return account_id.startswith(_FUND)


def _on_record(close: YearClose) -> dict[str, str]:
    return {
        "close": close.close_id,
        "benefit_year": str(close.benefit_year),
        "persons": str(close.counts.person_count),
        "bills": str(close.counts.bill_count),
        "total_fen": str(close.counts.total_fen),
        "maker": close.maker,
        "checker": close.checker or "",
    }

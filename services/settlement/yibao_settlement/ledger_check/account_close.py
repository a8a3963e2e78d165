"""What the ledger checker examines of closed accounts: who earned what, once, and nobody less.

Balances of days are told from the entries anew, by the calendar, and interest from these: by code
that shares rates and rounding with the close and nothing else.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import are_two_operators
from yibao_common.values.errors import InvariantError, RuleError
from yibao_settlement.application.account_close.rows import PurseEntry
from yibao_settlement.application.account_close.run import finish_detail
from yibao_settlement.files.account_close import read_rules
from yibao_settlement.ledger_check.report import ACCOUNT_CLOSES, CLOSED_ACCOUNTS, Drift
from yibao_settlement.rules.account_close.close import (
    AccountClose,
    ClosedAccount,
    CloseRules,
)
from yibao_settlement.rules.account_close.interest import (
    BookOn,
    Earned,
    InterestRules,
    interest_by_days,
)
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage.account_close import booked
from yibao_settlement.storage.account_close.booked import BookedSums, Told

Changes = list[tuple[dt.date, int]]


def account_close_drifts(connection: sa.Connection, region: str) -> list[Drift]:
    """Returns what is wrong with closed accounts of a region; next to nothing where none are."""
    closes = booked.confirmed_closes(connection, region)
    confirmed, finished = booked.audited_account_closes(connection, region)
    found = [
        Drift(region, ACCOUNT_CLOSES, subject, detail)
        for subject, detail in close_faults(closes, confirmed, finished)
    ]
    rules = {each.close_id: _rules_of(each) for each in closes}
    booked_once: set[str] = set()
    interest_fen = 0
    for page in booked.booked_accounts(connection, region):
        for closed in page.closed:
            subject = f"account of {closed.person_id} in {closed.benefit_year}"
            found += [
                Drift(region, CLOSED_ACCOUNTS, subject, detail)
                for detail in _account_faults(closed, page.entries, rules)
            ]
            if closed.posting_id is not None:
                interest_fen += closed.earned.interest_fen
                if closed.posting_id in booked_once:
                    found.append(Drift(region, CLOSED_ACCOUNTS, subject, "shares its posting"))
                booked_once.add(closed.posting_id)
    posted = booked.interest_postings(connection, region)
    if posted != (len(booked_once), interest_fen):
        detail = (
            f"closed accounts earned {interest_fen} fen by {len(booked_once)} postings, "
            f"entries tell {posted[1]} by {posted[0]}"
        )
        found.append(Drift(region, CLOSED_ACCOUNTS, "interest", detail))
    for close in closes:
        sums = booked.sums_of(connection, region, close)
        found += [
            Drift(region, ACCOUNT_CLOSES, f"accounts of {close.benefit_year}", detail)
            for detail in sum_faults(close, sums, finished.get(close.close_id))
        ]
    return found


def _rules_of(close: AccountClose) -> CloseRules | None:
    if hashlib.sha256(close.rules_file).hexdigest() != close.rules_version:
        return None
    try:
        return read_rules(close.rules_file)
    except RuleError:
        return None


def close_faults(
    closes: Sequence[AccountClose], confirmed: Told, finished: Told
) -> Iterator[tuple[str, str]]:
    """Yields closings that are not as the audit tells; `closes` are those that were confirmed."""
    known = {each.close_id for each in closes}
    for close_id in sorted({*confirmed, *finished} - known):
        yield close_id, "the audit tells that it closed accounts"
    last = None
    for close in closes:
        name = f"accounts of {close.benefit_year}"
        if last is not None and close.benefit_year != last + 1:
            yield name, f"are closed, and those of the year after {last} are not"
        last = close.benefit_year
        if not are_two_operators(close.maker, close.checker):
            yield name, "were not closed by two operators"
        if confirmed.get(close.close_id) != _on_record(close):
            yield name, "the audit tells of no such closing"
        if _rules_of(close) is None:
            yield name, "were closed by rules that are not those of their version"


def sum_faults(
    close: AccountClose, sums: BookedSums, finished: Mapping[str, str] | None
) -> Iterator[str]:
    """Yields how a closing's sums differ: nobody twice, nobody left out, what was held kept."""
    if sums.told != sums.summed:
        yield f"tell {sums.told}, closed accounts come to {sums.summed}"
    told = None
    if close.finish_time is not None:
        told = finish_detail(close, sums.told)
        if sums.told.balance_fen != sums.held_fen:
            yield f"held {sums.held_fen} fen as the year ended, {sums.told.balance_fen} are closed"
        if sums.parts_left or sums.refused_count:
            yield "are told to be closed, and not all are"
    if finished != told:
        yield "the audit tells otherwise of their end"


def _account_faults(
    closed: ClosedAccount,
    entries: Mapping[str, Sequence[PurseEntry]],
    rules: Mapping[str, CloseRules | None],
) -> Iterator[str]:
    own = rules.get(closed.close_id)
    if own is None:
        yield "was closed by nobody, or by rules that cannot be read"
        return
    try:
        made = earned_by_days(own.interest, entries.get(closed.person_id, ()), closed.benefit_year)
    except InvariantError as error:
        yield str(error)
        return
    if made != closed.earned:
        yield f"tells {closed.earned}, its entries come to {made}"
    posted = [
        each
        for each in entries.get(closed.owner_id, ())
        if each.posting_id == closed.posting_id and each.kind is PostingKind.INTEREST
    ]
    booked_fen = sum(each.amount_fen for each in posted if each.is_carried)
    if len(posted) != int(closed.posting_id is not None) or booked_fen != made.interest_fen:
        yield f"earned {made.interest_fen} fen, booked are {booked_fen}"


def earned_by_days(
    rules: InterestRules | None, entries: Sequence[PurseEntry], benefit_year: int
) -> Earned:
    """Returns what an account held at a year's end and earned, from its first entry on.

    Raises InvariantError where that comes to less than nothing.
    """
    first = dt.date(benefit_year, 1, 1)
    rest_fen = opening_fen = 0
    current: Changes = []
    carried: Changes = []
    for each in entries:
        day = _day_of(each)
        if day < first:
            opening_fen += each.amount_fen
            rest_fen += 0 if each.is_carried else each.amount_fen
        elif day.year == benefit_year:
            if each.kind is PostingKind.INTEREST and rules and rules.book_on is BookOn.NEW_YEAR:
                day = first
            (carried if each.is_carried else current).append((day, each.amount_fen))
    # On 1 January what the year before left is of earlier years, whenever the ledger says so.
    moves = [
        each
        for each in sorted(entries, key=lambda entry: entry.posting_id)
        if each.kind is PostingKind.CARRY_OVER
        and _day_of(each).year == benefit_year
        and not each.is_carried
        and each.amount_fen == -rest_fen
    ]
    if rest_fen and moves:
        day = _day_of(moves[0])
        current.append((day, rest_fen))
        carried.append((day, -rest_fen))
    elif rest_fen:
        _cover(current, carried)
    held = sum(fen for _, fen in current), opening_fen + sum(fen for _, fen in carried)
    if rules is None:
        return Earned(*held, 0, 0)
    return Earned(
        *held,
        interest_by_days(rules.current_year, rules.day_count, 0, current, benefit_year),
        interest_by_days(rules.carried, rules.day_count, opening_fen, carried, benefit_year),
    )


def _cover(current: Changes, carried: Changes) -> None:
    """Takes of earlier years' money what this year's went below nothing by.

    So it is in the year in which the ledger began to tell purses, where nothing carries over.
    """
    lowest_fen = balance_fen = 0
    for day, fen in tuple(current):
        balance_fen += fen
        if balance_fen < lowest_fen:
            current.append((day, lowest_fen - balance_fen))
            carried.append((day, balance_fen - lowest_fen))
            lowest_fen = balance_fen


def _day_of(entry: PurseEntry) -> dt.date:
    if entry.post_time is None:
        raise InvariantError("of a posting nothing tells when it was made")
    return shanghai_day(entry.post_time)


def _on_record(close: AccountClose) -> dict[str, str]:
    return {
        "close": close.close_id,
        "benefit_year": str(close.benefit_year),
        "rules": close.rules_version,
        "persons": str(close.counts.person_count),
        "balance_fen": str(close.counts.balance_fen),
        "maker": close.maker,
        "checker": close.checker or "",
    }

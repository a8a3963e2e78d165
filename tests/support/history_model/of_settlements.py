"""Checks of one settlement's columns against its entries: H4, H5, H6, H9."""

from collections import Counter
from collections.abc import Mapping

from .columns import NOTHING, changes
from .facts import ADJUSTED, COUNTER, MOVED, Seen, Violation
from .settlements import Settlement, State


def check_settlement(seen: Seen, settlement: Settlement) -> None:
    """Raises `Violation` where columns and entries differ."""
    _counter(seen, settlement)
    _adjusted(seen, settlement)
    _purses(seen, settlement)
    _parts(seen, settlement)


def insured(entries: Mapping[str, int]) -> dict[str, int]:
    """Returns what left funds and bearers."""
    payers = ("fund:", "bearer:")
    return {name: -fen for name, fen in entries.items() if fen and name.startswith(payers)}


def of_records(seen: Seen, entries: Mapping[str, int], account: str, person_id: str) -> int:
    """Returns the sum of a person's entries, whichever of the records they name."""
    return sum(entries.get(f"{account}:{name}", 0) for name in seen.books.records(person_id))


def _counter(seen: Seen, settlement: Settlement) -> None:
    entries = seen.sums.of(COUNTER, settlement.settlement_id)
    # A hold shows its quote and has posted nothing.
    column = NOTHING if settlement.state is State.HELD else settlement.counter
    if insured(entries) != column.by_account():
        raise Violation("H4", (settlement.settlement_id, dict(entries), column))
    owed_fen = sum(column.by_account().values()) + column.purses.fen
    if entries[f"payable:{settlement.institution_id}"] != owed_fen:
        raise Violation("H4", (settlement.settlement_id, "payable"))
    owners = seen.books.region.owners(settlement.person_id)
    drawn = {f"person:{owner}": 0 for owner in owners}
    for owner, fen in zip(owners, column.purses, strict=True):
        drawn[f"person:{owner}"] += fen
    if any(-entries[account] != fen for account, fen in drawn.items()):
        raise Violation("H4", (settlement.settlement_id, "purses"))


def _adjusted(seen: Seen, settlement: Settlement) -> None:
    entries = seen.sums.of(ADJUSTED, settlement.settlement_id)
    counter, effective = settlement.counter, settlement.effective
    if settlement.state is State.HELD:
        counter = effective = NOTHING
    if insured(entries) != changes(effective.by_account(), counter.by_account()):
        raise Violation("H5", (settlement.settlement_id, dict(entries), effective))
    owed_fen = counter.cash_fen - effective.cash_fen + effective.arrears_fen
    if of_records(seen, entries, "difference", settlement.person_id) != owed_fen:
        raise Violation("H5", (settlement.settlement_id, "difference"))


def _purses(seen: Seen, settlement: Settlement) -> None:
    name = settlement.settlement_id
    entries = seen.sums.of(ADJUSTED, name), seen.sums.of(MOVED, name)
    owners = {*seen.books.owners(settlement.person_id)}
    due_fen = sum(of_records(seen, each, "due", owner) for each in entries for owner in owners)
    due = NOTHING.purses if settlement.state is State.HELD else settlement.due
    if due_fen != due.fen or min(due) < 0:
        raise Violation("H6", (name, due_fen, due))


def _parts(seen: Seen, settlement: Settlement) -> None:
    name = settlement.settlement_id
    fee_fen = _fee_fen(settlement)
    for column in (settlement.counter, settlement.effective):
        if min(column.parts()) < 0:
            raise Violation("H9", (name, column))
        if fee_fen is not None and column.fee_fen != fee_fen:
            raise Violation("H9", (name, column, f"do not come to {fee_fen}"))
    first = seen.sums.first_paid.get(name, {})
    for account, fen in seen.sums.given_back.get(name, Counter()).items():
        if account.startswith("fund:") and fen > -first.get(account, 0):
            raise Violation("H9", (name, account, "more is given back than was paid"))


def _fee_fen(settlement: Settlement) -> int | None:
    """Returns what both columns come to; None where lines are refused by themselves."""
    if settlement.state not in (State.HELD, State.SETTLED):
        return 0
    refused = any(line.words.get("class") is None for line in settlement.bill.lines)
    outside = any("date" in line.words for line in settlement.bill.lines)
    return None if refused or outside else settlement.bill.amount_fen

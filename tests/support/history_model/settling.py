"""Bills that are settled, held, confirmed and given up."""

from dataclasses import replace

from support.benefit_oracle.memory import Memory

from .books import Books, Input
from .columns import NO_PURSES, Column, Purses
from .fold import Adjusting
from .ledger import counter_entries
from .operations import Confirm, Hold, Interim, OfPerson, Release, Reverse, Settle
from .outcomes import Answer
from .refusals import Refused
from .region import Wrong
from .settlements import Settlement, State
from .splitting import of_purses
from .subtracting import without
from .terms import Terms, decide, drawn


def quoted(
    asked: OfPerson,
    *,
    place: int,
    terms: Terms,
    windows: Memory,
    available: Purses,
    is_liable: bool = False,
) -> tuple[Settlement, Memory]:
    """Returns a bill as the counter shows it, on `windows`, and the windows after it.

    `available` is what purses may pay.
    """
    bill = asked.bill.as_own_cost() if is_liable else asked.bill
    decision = decide(terms, bill, windows)
    purses = NO_PURSES
    if asked.bill.account_used:
        purses = drawn(terms, bill, windows, available)
    effective = of_purses(decision.column, purses)
    settlement = Settlement(
        settlement_id=asked.op_id,
        place=place,
        person_id=asked.person_id,
        institution_id=asked.institution_id,
        state=State.SETTLED,
        bill=asked.bill,
        terms=terms,
        counter_terms=terms,
        counter_windows=windows,
        first_account_fen=purses.fen,
        first_person_fen=effective.person_fen,
        counter=effective.at_counter(),
        effective=effective,
        is_liable=is_liable,
        was_liable=is_liable,
    )
    return settlement, decision.after


def available(books: Books, person_id: str) -> Purses:
    """Returns what the purses that pay for a person hold."""
    own, sharer = books.owners(person_id)
    shared_fen = books.available_fen(sharer) if sharer != own else 0
    return Purses(books.available_fen(own), shared_fen)


def post_counter(books: Books, kind: str, old: Settlement, new: Settlement, cause: str) -> None:
    """Posts what moved in the counter's column, and notes the cash that its answer tells.

    What goes back to a record that was merged goes on to the one that stays.
    """
    owners = books.region.owners(new.person_id)
    books.post(
        kind,
        new.settlement_id,
        cause,
        counter_entries(old, new, owners),
        institution_id=new.institution_id,
    )
    given_back = old.counter.purses.plus(new.counter.purses, sign=-1)
    for owner, fen in zip(owners, given_back, strict=True):
        entries = [(f"person:{owner}", -fen), (f"person:{books.holder(owner)}", fen)]
        books.post("MERGE", owner, cause, entries)
    cash_fen = new.counter.cash_fen - old.counter.cash_fen
    books.tell(new.institution_id, cash_fen)
    books.tell(new.person_id, -cash_fen)


def settle(books: Books, asked: Settle | Interim) -> Answer:
    """Settles a bill on the windows as they are."""
    settlement = _entered(books, asked)
    _check_expected(asked.expected, settlement.counter)
    books.settlements[asked.op_id] = settlement
    nothing = settlement.emptied(State.SETTLED)
    post_counter(books, "SETTLEMENT", nothing, settlement, asked.op_id)
    adjusting = Adjusting(books, asked.op_id)
    del adjusting.posted[asked.op_id]
    adjusting.post(settlement)
    return Answer(settlement.counter)


def hold(books: Books, asked: Hold) -> Answer:
    """Quotes a bill and keeps its place."""
    settlement = _entered(books, asked)
    _check_expected(asked.expected, settlement.counter)
    expires = books.now + asked.seconds
    books.settlements[asked.op_id] = replace(settlement, state=State.HELD, expires=expires)
    return Answer(settlement.counter)


def _entered(books: Books, asked: OfPerson) -> Settlement:
    """Returns a new bill at the end of the sequence and moves the windows on."""
    person_id, terms = asked.person_id, books.region.terms
    windows = books.windows_of(person_id)
    settlement, after = quoted(
        asked,
        place=books.next_place(),
        terms=terms,
        windows=windows,
        available=available(books, person_id),
    )
    books.windows[books.holder(person_id)] = after
    books.inputs.append(Input(asked.op_id, "SETTLED", asked.op_id))
    return settlement


def _check_expected(expected: Column | None, shown: Column) -> None:
    if expected is not None and expected != shown:
        raise Refused("AMOUNTS_NOT_AS_EXPECTED")


def confirm(books: Books, asked: Confirm) -> Answer:
    """Makes a hold a settlement at its place, with the amounts that were quoted."""
    held = books.settlements.get(asked.settlement_id)
    if held is None:
        raise Refused("HOLD_NOT_FOUND")
    if held.state is State.SETTLED:
        raise Refused("ALREADY_CONFIRMED")
    if held.state is not State.HELD or held.expires <= books.now:
        raise Refused("HOLD_EXPIRED")
    adjusting = Adjusting(books, asked.op_id)
    settled = replace(held, state=State.SETTLED, person_id=books.holder(held.person_id))
    books.settlements[held.settlement_id] = settled
    post_counter(books, "SETTLEMENT", held.emptied(State.SETTLED), settled, asked.op_id)
    adjusting.post(settled)
    return Answer(settled.counter)


def release(books: Books, asked: Release | Reverse) -> Answer:
    """Gives a hold up."""
    held = books.settlements.get(asked.settlement_id)
    if held is not None and held.state is State.EXPIRED:
        raise Refused("HOLD_EXPIRED")
    if held is None or held.state is not State.HELD:
        raise Refused("HOLD_NOT_FOUND")
    return give_up(books, held, State.RELEASED, cause=asked.op_id)


def give_up(books: Books, held: Settlement, state: State, *, cause: str) -> Answer:
    """Takes a hold out of the fold and moves later bills."""
    adjusting = Adjusting(books, cause)
    books.settlements[held.settlement_id] = held.emptied(state)
    if books.region.wrong is Wrong.HOLD_LEAK:
        windows = books.windows_of(held.person_id)
        books.windows[held.person_id] = without(windows, held)
        return Answer()
    adjusting.fold(held.person_id)
    return Answer(later_adjusted=adjusting.later())

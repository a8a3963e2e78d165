"""Refunds, reversals and corrections."""

from dataclasses import replace

from .bills import Bill
from .books import Books, Input
from .columns import Column, Purses
from .fold import Adjusting, folded
from .later import move_later
from .operations import Correct, OfPerson, Refund, Reverse
from .outcomes import Answer
from .refusals import Refused
from .region import Wrong
from .settlements import Settlement, State
from .settling import available, post_counter, quoted, release
from .splitting import account_fen, of_purses, own_first
from .subtracting import without
from .terms import decide


def settled(books: Books, settlement_id: str) -> Settlement:
    """Returns a settlement that stands; raises `Refused` for any other."""
    found = books.settlements.get(settlement_id)
    if found is None or found.state not in (State.SETTLED, State.REVERSED, State.CORRECTED):
        raise Refused("SETTLEMENT_NOT_FOUND")
    if found.state is not State.SETTLED:
        raise Refused("SETTLEMENT_REVERSED")
    return found


def refund(books: Books, asked: Refund, *, is_override: bool = False) -> Answer:
    """Decides the remainder of a bill twice.

    On the windows that the counter had, which is what the institution gives back; and in the
    fold, which is what the bill costs now. Who confirms an override has read all sums.
    """
    old = settled(books, asked.settlement_id)
    for number, quantity in asked.returned.items():
        left = old.bill.lines[number].quantity
        if not 0 < quantity <= left:
            raise Refused("RETURN_EXCEEDS_LINE", line=number, left=left)
    bill = old.bill.without(asked.returned)
    if books.region.wrong is Wrong.RATIO:
        return _refund_by_ratio(books, asked, replace(old, bill=bill))
    counter = _remaining(books, old, bill)
    back = returned(old.counter, counter)
    adjusting = Adjusting(books, asked.op_id)
    new = adjusting.take_back(old, replace(old, bill=bill, counter=counter))
    post_counter(books, "REFUND", old, new, asked.op_id)
    books.inputs.append(Input(old.settlement_id, "REFUNDED", asked.op_id))
    later = move_later(adjusting, asked, new, is_override=is_override)
    if asked.expected is not None and asked.expected != back:
        raise Refused("AMOUNTS_NOT_AS_EXPECTED")
    rises = counter.person_fen > old.counter.person_fen
    if asked.expected is None and rises and not is_override:
        raise Refused("AMOUNTS_NOT_CONFIRMED")
    later.check(asked)
    return later.answer(adjusting, back, old.settlement_id)


def refund_shown(books: Books, asked: Refund) -> Column:
    """Returns what a trial of a refund shows as given back."""
    old = books.settlements[asked.settlement_id]
    return returned(old.counter, _remaining(books, old, old.bill.without(asked.returned)))


def _remaining(books: Books, old: Settlement, bill: Bill) -> Column:
    """Returns the counter's column of what is left, on the windows that the counter had."""
    left = replace(old, bill=bill).bill_at_counter
    decision = decide(old.counter_terms, left, old.counter_windows)
    fen = account_fen(
        books.region.refund_order,
        drawn_fen=old.first_account_fen,
        before_fen=old.first_person_fen,
        after_fen=decision.column.person_fen,
        most_fen=min(decision.scope_fen, old.counter.purses.fen),
    )
    return of_purses(decision.column.at_counter(), own_first(fen, old.counter.purses))


def returned(old: Column, new: Column) -> Column:
    """Returns what the counter gives back; where a payer pays more, its part is negative."""
    payers = {payer: old.paid.get(payer, 0) for payer in {**old.paid, **new.paid}}
    paid = {payer: fen - new.paid.get(payer, 0) for payer, fen in payers.items()}
    return Column(
        paid={payer: fen for payer, fen in paid.items() if fen},
        purses=old.purses.plus(new.purses, sign=-1),
        cash_fen=old.cash_fen - new.cash_fen,
    )


def reverse(books: Books, asked: Reverse, *, is_override: bool = False) -> Answer:
    """Takes a bill back; of a hold, gives it up."""
    found = books.settlements.get(asked.settlement_id)
    if found is not None and found.state is State.HELD:
        return release(books, asked)
    old = settled(books, asked.settlement_id)
    if books.region.wrong is Wrong.SUBTRACT:
        return _reverse_by_subtracting(books, asked, old)
    adjusting = Adjusting(books, asked.op_id)
    gone = adjusting.take_back(old, old.emptied(State.REVERSED))
    post_counter(books, "REVERSAL", old, gone, asked.op_id)
    later = move_later(adjusting, asked, gone, is_override=is_override)
    later.check(asked)
    return later.answer(adjusting, old.counter, old.settlement_id)


def correct(books: Books, asked: Correct, *, is_override: bool = False) -> Answer:
    """Puts another bill in the place of one, on the terms that the one had.

    With the same bill, the counter shows again what the bill costs now.
    """
    old = settled(books, asked.settlement_id)
    adjusting = Adjusting(books, asked.op_id)
    gone = adjusting.take_back(old, old.emptied(State.CORRECTED))
    taken = adjusting.taken[old.settlement_id]
    post_counter(books, "REVERSAL", old, gone, asked.op_id)
    before = [each for each in books.alive(old.person_id) if each.place < old.place]
    windows = folded(before, books.region.terms.no_windows())[1]
    # What MOVE gave before is not given twice: it is still in the balance, and comes out
    # with the adjustment.
    purses = available(books, old.person_id).plus(taken, sign=-1)
    if not asked.with_code:
        purses = purses.at_most(old.counter.purses)
    new, _ = quoted(
        OfPerson(
            op_id=asked.op_id,
            person_id=books.holder(old.person_id),
            institution_id=old.institution_id,
            bill=asked.bill,
        ),
        place=old.place,
        terms=old.terms,
        windows=windows,
        available=purses,
        is_liable=old.is_liable,
    )
    books.settlements[asked.op_id] = new
    post_counter(books, "SETTLEMENT", new.emptied(State.SETTLED), new, asked.op_id)
    books.inputs.append(Input(asked.op_id, "CORRECTED", asked.op_id))
    later = move_later(adjusting, asked, gone, is_override=is_override)
    later.check(asked)
    return later.answer(adjusting, new.counter, old.settlement_id, asked.op_id)


def _refund_by_ratio(books: Books, asked: Refund, changed: Settlement) -> Answer:
    """Gives back the same share of every part, which is wrong."""
    old = books.settlements[asked.settlement_id]

    def share(fen: int) -> int:
        return fen * changed.bill.amount_fen // (old.bill.amount_fen or 1)

    paid = {payer: share(fen) for payer, fen in old.counter.paid.items()}
    purses = Purses(*(share(fen) for fen in old.counter.purses))
    cash_fen = share(old.counter.fee_fen) - sum(paid.values()) - purses.fen
    column = Column(paid, purses, cash_fen)
    new = replace(changed, counter=column, effective=column)
    books.settlements[asked.settlement_id] = new
    post_counter(books, "REFUND", old, new, asked.op_id)
    return Answer(returned(old.counter, column))


def _reverse_by_subtracting(books: Books, asked: Reverse, old: Settlement) -> Answer:
    """Lets later bills stay as they are, which is wrong."""
    gone = old.emptied(State.REVERSED)
    books.settlements[old.settlement_id] = gone
    post_counter(books, "REVERSAL", old, gone, asked.op_id)
    books.windows[old.person_id] = without(books.windows_of(old.person_id), old)
    return Answer(old.counter)

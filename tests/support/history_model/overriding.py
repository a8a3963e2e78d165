"""Taking bills back before later ones where the newest is to go first, by two operators."""

from dataclasses import replace

from .books import Books, Override
from .columns import Column
from .operations import ConfirmOverride, Correct, ProposeOverride, Refund, Reverse
from .outcomes import Answer, OverrideSums
from .refusals import Refused
from .returning import correct, refund, returned, reverse, settled
from .settlements import State

Act = Refund | Reverse | Correct


def propose(books: Books, asked: ProposeOverride) -> Answer:
    """Tells what an act comes to, and keeps it; nothing is booked."""
    sums = _tried(books, asked.act)
    if not books.region.newest_first or not (sums.adjusted_count or sums.held_count):
        raise Refused("NOTHING_TO_OVERRIDE")
    books.overrides[asked.op_id] = Override(asked.act, asked.maker, sums)
    return Answer(sums.back, sums.adjusted_count, override=sums)


def confirm(books: Books, asked: ConfirmOverride) -> Answer:
    """Carries out the act that was proposed, where it still comes to what was read."""
    proposed = books.overrides.get(asked.override_id)
    if proposed is None:
        raise Refused("OVERRIDE_NOT_FOUND")
    if proposed.is_carried_out:
        raise Refused("OVERRIDE_STATE")
    if proposed.maker == asked.checker:
        raise Refused("SAME_MAKER_AND_CHECKER")
    act = replace(proposed.act, op_id=asked.op_id)
    sums = _tried(books, act)
    if sums != proposed.sums:
        raise Refused("OVERRIDE_STATE")
    books.overrides[asked.override_id] = replace(proposed, is_carried_out=True)
    return replace(_carried_out(books, act), override=sums)


def _carried_out(books: Books, act: Act) -> Answer:
    # An agency's, whoever had asked for it.
    match act:
        case Refund():
            return refund(books, replace(act, by_agency=True), is_override=True)
        case Correct():
            # No code is shown by it.
            anew = replace(act, by_agency=True, with_code=False)
            return correct(books, anew, is_override=True)
        case Reverse():
            return reverse(books, replace(act, by_agency=True), is_override=True)


def _tried(books: Books, act: Act) -> OverrideSums:
    """Returns what an act comes to: the bill itself and those behind, as they were and would be."""
    old, after = settled(books, act.settlement_id), books.copy()
    _carried_out(after, act)
    new = after.settlements[act.op_id if isinstance(act, Correct) else act.settlement_id]
    later = [each for each in books.alive(old.person_id) if each.place > old.place]
    columns = [
        (each.effective, after.settlements[each.settlement_id].effective)
        for each in later
        if each.state is State.SETTLED
    ]
    moved = [(before, now) for before, now in columns if _borne(before) != _borne(now)]
    return OverrideSums(
        adjusted_count=len(moved),
        held_count=len(later) - len(columns),
        fund_change_fen=sum(_funds_fen(now) - _funds_fen(before) for before, now in moved),
        back=returned(old.counter, new.counter),
    )


def _borne(column: Column) -> tuple[object, ...]:
    return column.by_account(), column.purses.fen, column.cash_fen


def _funds_fen(column: Column) -> int:
    return sum(fen for payer, fen in column.paid.items() if payer.account_id.startswith("fund:"))

"""The model: operations in, outcomes out."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from . import agency, operations, overriding, returning, settling
from .books import Books
from .operations import Operation
from .outcomes import Answer, BillNow, Outcome
from .refusals import Refused
from .region import Region
from .settlements import Settlement, State

COMMANDS: Final[Mapping[type[Operation], Callable[[Books, Any], Answer]]] = {
    operations.Settle: settling.settle,
    operations.Interim: settling.settle,
    operations.Hold: settling.hold,
    operations.Confirm: settling.confirm,
    operations.Release: settling.release,
    operations.Refund: returning.refund,
    operations.Reverse: returning.reverse,
    operations.Correct: returning.correct,
    operations.ProposeOverride: overriding.propose,
    operations.ConfirmOverride: overriding.confirm,
    operations.Reprice: agency.reprice,
    operations.Credit: agency.credit,
    operations.SettleDifference: agency.settle_difference,
    operations.MoveDue: agency.move_due,
    operations.Merge: agency.merge,
    operations.Close: agency.close,
    operations.PassTime: agency.pass_time,
    operations.Expire: agency.expire,
}


class World:
    """A region with its persons' bills."""

    def __init__(self, region: Region) -> None:
        """Begins with empty books."""
        self.region = region
        self.books = Books(region)
        self.outcomes: dict[str, Outcome] = {}

    def run(self, operation: Operation) -> Outcome:
        """Returns what came of an operation; repeated, it writes nothing."""
        if operation.op_id in self.outcomes:
            return self.outcomes[operation.op_id]
        before = self.books
        expire_due(self)
        outcome = Outcome(operation.op_id)
        books = self.books.copy()
        try:
            answer = COMMANDS[type(operation)](books, operation)
        except Refused as refused:
            outcome = replace(outcome, refused=refused.reason, why=refused.told)
        else:
            outcome = replace(outcome, answer=answer)
            keep(self, books)
        outcome = replace(
            outcome,
            postings=tuple(self.books.postings[len(before.postings) :]),
            bills=_changed(before, self.books),
        )
        self.outcomes[operation.op_id] = outcome
        return outcome

    def trial(self, operation: Operation) -> Outcome:
        """Returns what would come of an operation, and writes nothing."""
        known = self.books, dict(self.outcomes)
        try:
            return self.run(operation)
        finally:
            self.books, self.outcomes = known


def keep(world: World, books: Books) -> None:
    """Makes written books those of the world, with a revision for each changed bill."""
    for name, new in books.settlements.items():
        old = world.books.settlements.get(name)
        if old is not None and new.amounts() != old.amounts():
            books.settlements[name] = replace(new, revision=old.revision + 1)
    world.books = books


def expire_due(world: World) -> None:
    """Ends every hold whose time is over, each by itself.

    One that cannot end, because a later bill could not be decided, stays with an alarm.
    """
    due = [
        each
        for each in world.books.settlements.values()
        if each.state is State.HELD and each.expires <= world.books.now
    ]
    for held in sorted(due, key=lambda each: (each.expires, each.place)):
        books = world.books.copy()
        try:
            settling.give_up(books, held, State.EXPIRED, cause=f"expiry of {held.settlement_id}")
        except Refused:
            books = world.books.copy()
            if held.settlement_id not in books.alarms:
                books.alarms.append(held.settlement_id)
        keep(world, books)


def _changed(before: Books, after: Books) -> dict[str, BillNow]:
    return {
        name: bill_now(new)
        for name, new in after.settlements.items()
        if (old := before.settlements.get(name)) is None or old.amounts() != new.amounts()
    }


def bill_now(settlement: Settlement) -> BillNow:
    """Returns what an outcome tells of a bill."""
    return BillNow(
        settlement_id=settlement.settlement_id,
        state=settlement.state.value,
        place=settlement.place,
        fee_fen=settlement.effective.fee_fen,
        counter=settlement.counter,
        effective=settlement.effective,
    )

"""The fold: all surviving and held bills of a person, decided in order of their places."""

from collections.abc import Iterable
from dataclasses import replace

from support.benefit_oracle.memory import Memory

from .books import Books
from .columns import NO_PURSES, Purses
from .ledger import adjustment_entries
from .refusals import Refused
from .region import Wrong
from .settlements import Settlement, State
from .splitting import effective
from .terms import Decision, decide


def folded(bills: Iterable[Settlement], windows: Memory) -> tuple[dict[str, Decision], Memory]:
    """Returns what each bill costs after those before it, and the windows after the last.

    Raises `Refused` READJUDICATION_FAILED naming the bill that its terms cannot decide.
    """
    found = {}
    for each in bills:
        try:
            decision = decide(each.terms, each.bill_now, windows)
        except Refused as refused:
            raise Refused(
                "READJUDICATION_FAILED", of=each.settlement_id, because=refused.reason
            ) from refused
        found[each.settlement_id] = decision
        windows = decision.after
    return found, windows


class Adjusting:
    """Moves later bills after an operation and posts each difference once.

    What the operation has posted already is remembered, so that two causes in one operation
    compare with what the first has posted.
    """

    def __init__(self, books: Books, cause: str) -> None:
        """Begins with the books as they are now."""
        self.books = books
        self.cause = cause
        self.posted = {
            each.settlement_id: each
            for each in books.settlements.values()
            if each.state is not State.HELD
        }
        self.taken: dict[str, Purses] = {}
        self.adjusted: list[str] = []

    def copied(self) -> "Adjusting":
        """Returns one that does the same and leaves these books alone."""
        other = Adjusting(self.books.copy(), self.cause)
        other.posted, other.taken = self.posted.copy(), self.taken.copy()
        other.adjusted = self.adjusted.copy()
        return other

    def take_back(self, old: Settlement, new: Settlement) -> Settlement:
        """Takes out of a return what MOVE had put into purses, and keeps the bill."""
        freed = old.counter.purses.plus(new.counter.purses, sign=-1)
        taken = old.moved.at_most(freed)
        new = replace(new, moved=old.moved.plus(taken, sign=-1))
        self.taken[old.settlement_id] = taken
        self.books.settlements[old.settlement_id] = new
        return new

    def later(self, *named: str) -> int:
        """Returns how many bills but those `named` were moved."""
        return len({*self.adjusted} - {*named})

    def fold(self, person_id: str, *, named: Settlement | None = None) -> None:
        """Folds the bills of a person and posts what that changes.

        `named` is the bill that the operation names, as it is now; it comes first.
        """
        books = self.books
        person_id = books.holder(person_id)
        decided, windows = folded(books.alive(person_id), books.region.terms.no_windows())
        for settlement_id, decision in decided.items():
            settlement = books.settlements[settlement_id]
            column = effective(books.region, settlement, decision)
            books.settlements[settlement_id] = replace(settlement, effective=column)
        books.windows[person_id] = windows
        self.post_all(person_id, named)

    def post_all(self, person_id: str, named: Settlement | None) -> None:
        """Posts the differences of all bills of a person."""
        books = self.books
        mine = [
            each for each in books.settlements.values() if books.holder(each.person_id) == person_id
        ]
        mine.sort(key=lambda each: (named is None or each.place != named.place, each.place))
        for each in mine:
            if each.state is not State.HELD:
                self.post(each)

    def post(self, settlement: Settlement) -> None:
        """Posts how a settlement has moved since it was last posted."""
        name = settlement.settlement_id
        before = self.posted.get(name) or settlement.emptied(settlement.state)
        base = before
        if self.books.region.wrong is Wrong.AGAINST_ORIGINAL and settlement != before:
            base = replace(before, effective=before.counter)
        self.posted[name] = settlement
        # Between the funds and the record that stays, whichever had the bill.
        person_id = self.books.holder(settlement.person_id)
        owners = self.books.owners(settlement.person_id)
        taken = self.taken.pop(name, NO_PURSES)
        entries = adjustment_entries(base, settlement, person_id, owners, taken)
        if self.books.post("ADJUSTMENT", name, self.cause, entries):
            self.adjusted.append(name)

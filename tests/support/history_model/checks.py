"""What holds after every operation: H1 to H15.

The checks read stored inputs, columns and entries. They sum the entries themselves and fold
each person's bills anew by the second evaluator.
"""

from collections.abc import Mapping
from typing import Any

from .books import Books
from .facts import Folded, Seen, Sums, Violation
from .fold import folded
from .of_persons import check_fold, check_limits
from .of_settlements import check_settlement
from .of_sums import check_cash, check_differences, check_funds, check_purses
from .operations import Confirm, Hold, Operation
from .outcomes import Outcome
from .settlements import ALIVE
from .world import World


class Checks:
    """Checks a world after each operation, and remembers what must not change."""

    def __init__(self, world: World) -> None:
        """Begins with a world in which nothing has happened."""
        self.world = world
        self.sums = Sums()
        self.read = 0
        self.quotes: dict[str, Any] = {}
        self.closed: dict[tuple[str, int], Mapping[str, int]] = {}
        self.statements: dict[int, Mapping[str, Any]] = {}
        self.places: dict[str, int] = {}
        self.folds: dict[str, Folded] = {}

    def run(self, operation: Operation) -> Outcome:
        """Runs an operation and checks everything; raises `Violation`."""
        outcome = self.world.run(operation)
        self._nothing_written(outcome)
        self._quoted(operation, outcome)
        self.check()
        return outcome

    def replay(self, operation: Operation) -> None:
        """Repeats an operation (H12)."""
        before, first = self.world.books, self.world.outcomes[operation.op_id]
        if self.world.run(operation) != first or self.world.books is not before:
            raise Violation("H12", f"{operation.op_id} repeated")

    def check(self) -> None:
        """Checks the books as they are."""
        books = self.world.books
        for posting in books.postings[self.read :]:
            if sum(posting.entries.values()):
                raise Violation("H1", posting)
            if posting.period in self.closed:
                raise Violation("H11", f"posted into {posting.period}")
            if posting.kind == "ADJUSTMENT" and any("payable" in each for each in posting.entries):
                raise Violation("H5", f"an institution takes part in {posting}")
            self.sums.add(posting)
        self.read = len(books.postings)
        # A record that was merged is none: all is of the one that stays.
        persons = [each for each in books.region.persons if each not in books.merged]
        for person_id in persons:
            self._fold(books, person_id)
        seen = Seen(books, self.sums, self.folds)
        for person_id in persons:
            check_fold(seen, person_id)
            check_limits(seen, person_id)
        check_funds(seen)
        for settlement in books.settlements.values():
            check_settlement(seen, settlement)
        check_differences(seen)
        check_purses(seen)
        check_cash(seen)
        self._closed(books)
        self._places(books)

    def _fold(self, books: Books, person_id: str) -> None:
        """Folds the bills of a person from what is stored, where that has changed."""
        stored = [
            (each.settlement_id, each.bill_now, each.terms) for each in books.alive(person_id)
        ]
        known = self.folds.get(person_id)
        if known is None or known.stored != stored:
            fresh = books.region.terms.no_windows()
            self.folds[person_id] = Folded(stored, *folded(books.alive(person_id), fresh))

    def _nothing_written(self, outcome: Outcome) -> None:
        """Checks that a refusal wrote nothing but the end of holds that had run out (H12)."""
        by_itself = [each for each in outcome.postings if each.cause == outcome.op_id]
        ended = any(each.state == "EXPIRED" for each in outcome.bills.values())
        if outcome.refused and (by_itself or (outcome.bills and not ended)):
            raise Violation("H12", f"{outcome.op_id} was refused and wrote")

    def _quoted(self, operation: Operation, outcome: Outcome) -> None:
        """Checks that what is confirmed is what was quoted (H10)."""
        if outcome.refused:
            return
        if isinstance(operation, Hold):
            self.quotes[operation.op_id] = outcome.answer.column
        elif isinstance(operation, Confirm):
            quote = self.quotes[operation.settlement_id]
            stored = self.world.books.settlements[operation.settlement_id].counter
            if not outcome.answer.column == quote == stored:
                raise Violation("H10", operation.settlement_id)

    def _closed(self, books: Books) -> None:
        """Checks that closed months and years keep their sums (H11)."""
        for period, sums in self.sums.by_period.items():
            is_closed = period[1] < books.months.get(period[0], 0)
            if is_closed and self.closed.setdefault(period, dict(sums)) != sums:
                raise Violation("H11", period)
        for year, statement in books.statements.items():
            if self.statements.setdefault(year, statement) != statement:
                raise Violation("H11", f"year {year}")

    def _places(self, books: Books) -> None:
        """Checks that places are unique and rise, and that inputs have a cause (H15)."""
        alive = [each for each in books.settlements.values() if each.state in ALIVE]
        if len({(each.person_id, each.place) for each in alive}) != len(alive):
            raise Violation("H15", "two bills at one place")
        corrected = {each.settlement_id for each in books.inputs if each.kind == "CORRECTED"}
        last = 0
        for name, each in books.settlements.items():
            if self.places.setdefault(name, each.place) != each.place:
                raise Violation("H15", f"{name} has moved")
            if name not in corrected:
                if each.place <= last:
                    raise Violation("H15", f"{name} stands before an earlier bill")
                last = each.place
        for version in books.inputs:
            if not version.cause or (
                version.kind == "REPRICED" and version.maker == version.checker
            ):
                raise Violation("H15", version)

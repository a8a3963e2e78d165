"""What identity's feed tells of persons: kept, and what has to end by it ended with it.

How a feed is applied is told by `yibao_common.commands.following`.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.feed import FeedPosition
from yibao_common.commands.following import FeedAnswer, Moved, apply_answer
from yibao_common.commands.transactions import Transactions
from yibao_offsite.rules.person import KnownPerson

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

# What follows from what was told of persons, in the same transaction. They are locked, in the
# order of their ids, and with them whose duplicates they turned out to be, where those were told
# of as well; of all others who were told of there is nothing that could have to end.
OnPersons = Callable[["Work", Sequence[KnownPerson]], None]


@dataclass(frozen=True, slots=True)
class PersonChange:
    """What stands for a person from a sequence number of the region's feed on."""

    sequence: int
    person: KnownPerson


class PersonAnswer(FeedAnswer[PersonChange]):
    """What identity answered to a question."""

    __slots__ = ()


class Following:
    """The feed's position and its persons. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, on_persons: OnPersons) -> None:
        """Takes what begins transactions, and what follows from what was told of persons."""
        self._transactions = transactions
        self._on_persons = on_persons

    def position(self, region: str) -> FeedPosition:
        """Returns how far the feed was read."""
        with self._transactions.read(region) as work:
            return work.following.position()

    def apply(self, region: str, asked: FeedPosition, answer: PersonAnswer) -> Moved[int]:
        """Stores what identity answered to who stood at `asked`.

        See `apply_answer`; what was not told of any more is a number of persons, who are
        forgotten. Raises InvariantError where something is missing.
        """
        if answer.says_nothing_new(asked):
            return Moved(dataclasses.replace(asked, read_time=answer.ask_time))
        return self._transactions.change(region, lambda work: self._apply(work, asked, answer))

    def _apply(self, work: "Work", asked: FeedPosition, answer: PersonAnswer) -> Moved[int]:
        def take(new: Sequence[PersonChange], stood: FeedPosition) -> int:
            self._take(work, new, stood.reading)
            return len(new)

        def part(reading: int) -> int:
            return work.persons.forget(before_reading=reading)

        return apply_answer(work.following, asked, answer, take=take, part=part)

    def _take(self, work: "Work", changes: Sequence[PersonChange], reading: int) -> None:
        told = {each.person.person_id: each.person for each in changes}
        # Before what is known of them, in the order in which whoever registers locks both.
        work.persons.lock_concerned(told)
        work.persons.replace(list(told.values()), reading=reading)
        # Again: who was registered for the first time meanwhile held back what was replaced.
        concerned = _with_survivors(work, told, work.persons.lock_concerned(told))
        if concerned:
            self._on_persons(work, [told[each] for each in concerned])


def _with_survivors(
    work: "Work", told: Mapping[str, KnownPerson], concerned: Sequence[str]
) -> Sequence[str]:
    """Locks also whose duplicates persons are, where they were told of; returns all ids."""
    found = list(concerned)
    for each in found:
        survivor_id = told[each].merged_into
        if survivor_id is not None and survivor_id in told and survivor_id not in found:
            work.persons.lock(survivor_id)
            found.append(survivor_id)
    return sorted(found)


def all_follow(*parts: OnPersons) -> OnPersons:
    """Returns what lets each of some parts follow from what was told of persons, in order."""

    def follow(work: "Work", persons: Sequence[KnownPerson]) -> None:
        for each in parts:
            each(work, persons)

    return follow


def nothing_follows(work: "Work", persons: Sequence[KnownPerson]) -> None:
    """Lets what was told of persons end nothing."""

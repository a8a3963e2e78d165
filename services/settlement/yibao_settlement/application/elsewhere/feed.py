"""What offsite's feed tells of registrations and of the holds of audits.

How a feed is applied is told by `yibao_common.commands.following`. What a feed that was read anew
has not told of does not exist any more, and is forgotten.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.feed import FeedPosition
from yibao_common.commands.following import FeedAnswer, Moved, apply_answer
from yibao_common.commands.transactions import Transactions
from yibao_settlement.rules.elsewhere.feed import Known, takes_place
from yibao_settlement.rules.elsewhere.registered import AuditHold, RegisteredCare

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work


@dataclass(frozen=True, slots=True)
class ToldHold:
    """A hold, and the attestation by which offsite signed it."""

    hold: AuditHold
    attestation: bytes


@dataclass(frozen=True, slots=True)
class OffsiteChange:
    """What stands of a registration or a hold from a sequence number of the feed on.

    Without a subject it is of a kind that this version does not know.
    """

    sequence: int
    subject: RegisteredCare | ToldHold | None


class OffsiteAnswer(FeedAnswer[OffsiteChange]):
    """What offsite answered to a question."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class OffsiteGone:
    """How much a feed that was read anew did not tell of any more.

    `emergencies` are those of which offsite was told, and is told again: it has lost them.
    """

    registrations: int
    holds: int
    emergencies: int = 0


class OffsiteFeedRows(Protocol):
    """The feed's position in a region, and what it told of."""

    def position(self) -> FeedPosition:
        """Returns the position as stored."""
        ...

    def lock_position(self) -> FeedPosition:
        """Lets nobody else apply changes until the transaction ends; returns the position."""
        ...

    def move_position(self, position: FeedPosition) -> None:
        """Stores the position, whose row was locked."""
        ...

    def known_registrations(
        self, person_ids: Collection[str], registration_ids: Collection[str]
    ) -> Mapping[str, Known]:
        """Returns which of some registrations are stored of some persons, by their ids."""
        ...

    def known_holds(self, hold_ids_of: Mapping[str, str]) -> Mapping[str, Known]:
        """Returns which holds are stored, by their ids; visits are given by them."""
        ...

    def replace(
        self,
        registrations: Sequence[RegisteredCare],
        holds: Sequence[ToldHold],
        *,
        known: Mapping[str, Known],
        reading: int,
    ) -> None:
        """Puts what was told in the place of what is `known` of the same registrations."""
        ...

    def part_from(self, *, before_reading: int) -> OffsiteGone:
        """Forgets what was last told of before a reading, but what attestations showed alone.

        Emergencies that the feed does not tell of any more are told to offsite again.
        """
        ...

    def move_persons(self, survivors: Mapping[str, str]) -> None:
        """Gives registrations and holds of who was merged to who stands in their place.

        What is told meanwhile waits, and is then told of the survivors.
        """
        ...


class OffsiteFeed:
    """The feed's position and what it told. Blocks."""

    def __init__(self, transactions: "Transactions[Work]") -> None:
        """Takes what begins transactions."""
        self._transactions = transactions

    def position(self, region: str) -> FeedPosition:
        """Returns how far the feed was read."""
        with self._transactions.read(region) as work:
            return work.offsite_feed.position()

    def apply(self, region: str, asked: FeedPosition, answer: OffsiteAnswer) -> Moved[OffsiteGone]:
        """Stores what offsite answered to who stood at `asked`; see `apply_answer`.

        Raises InvariantError where something is missing.
        """
        if answer.says_nothing_new(asked):
            return Moved(dataclasses.replace(asked, read_time=answer.ask_time))
        return self._transactions.change(region, lambda work: _apply(work, asked, answer))


def _apply(work: "Work", asked: FeedPosition, answer: OffsiteAnswer) -> Moved[OffsiteGone]:
    def take(new: Sequence[OffsiteChange], stood: FeedPosition) -> int:
        _take(work, new, stood)
        return len(new)

    def part(reading: int) -> OffsiteGone:
        return work.offsite_feed.part_from(before_reading=reading)

    return apply_answer(work.offsite_feed, asked, answer, take=take, part=part)


def _take(work: "Work", changes: Sequence[OffsiteChange], stood: FeedPosition) -> None:
    """Stores of each subject the last that was told, of whom the person is by now."""
    rows, reading = work.offsite_feed, stood.reading
    # The first reading replaces no feed, and nothing that was attested is of one before.
    is_anew = stood.anew_until is not None and reading > 1
    subjects = [each.subject for each in changes]
    care = {each.registration_id: each for each in subjects if isinstance(each, RegisteredCare)}
    holds = {each.hold.hold_id: each for each in subjects if isinstance(each, ToldHold)}
    told_of = {each.person_id for each in care.values()}
    told_of |= {each.hold.person_id for each in holds.values()}
    if not told_of:
        return
    # Asked under the lock of the position, which whoever moves persons takes too.
    survivors = work.merges.survivors_of(told_of)
    known = {
        **rows.known_registrations({*told_of, *survivors.values()}, care),
        **rows.known_holds({each: told.hold.visit_id for each, told in holds.items()}),
    }
    rows.replace(
        [
            each._replace(person_id=survivors.get(each.person_id, each.person_id))
            for key, each in care.items()
            if takes_place(known.get(key), version=each.version, reading=reading, is_anew=is_anew)
        ],
        [
            _held_of(each, survivors)
            for key, each in holds.items()
            if takes_place(
                known.get(key), version=each.hold.version, reading=reading, is_anew=is_anew
            )
        ],
        known=known,
        reading=reading,
    )


def _held_of(told: ToldHold, survivors: Mapping[str, str]) -> ToldHold:
    person_id = told.hold.person_id
    hold = told.hold._replace(person_id=survivors.get(person_id, person_id))
    return dataclasses.replace(told, hold=hold)

"""What offsite's feed told, in memory."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from yibao_common.commands.feed import FeedPosition
from yibao_settlement.application.elsewhere.feed import OffsiteFeedRows, OffsiteGone, ToldHold
from yibao_settlement.rules.elsewhere.feed import Known
from yibao_settlement.rules.elsewhere.registered import RegisteredCare


@dataclasses.dataclass
class MemoryOffsiteFeed(OffsiteFeedRows):
    """Registrations and holds of one region by their ids, each with its reading."""

    place: FeedPosition = dataclasses.field(default_factory=FeedPosition)
    care: dict[str, tuple[RegisteredCare, int]] = dataclasses.field(default_factory=dict)
    holds: dict[str, tuple[ToldHold, int]] = dataclasses.field(default_factory=dict)
    moved: list[dict[str, str]] = dataclasses.field(default_factory=list)

    def position(self) -> FeedPosition:
        return self.place

    def lock_position(self) -> FeedPosition:
        return self.place

    def move_position(self, position: FeedPosition) -> None:
        self.place = position

    def known_registrations(
        self, person_ids: Collection[str], registration_ids: Collection[str]
    ) -> dict[str, Known]:
        return {
            key: Known(told.person_id, reading, told.version)
            for key, (told, reading) in self.care.items()
            if told.person_id in person_ids and key in registration_ids
        }

    def known_holds(self, hold_ids_of: Mapping[str, str]) -> dict[str, Known]:
        return {
            key: Known(told.hold.person_id, reading, told.hold.version)
            for key, (told, reading) in self.holds.items()
            if key in hold_ids_of
        }

    def replace(
        self,
        registrations: Sequence[RegisteredCare],
        holds: Sequence[ToldHold],
        *,
        known: Mapping[str, Known],
        reading: int,
    ) -> None:
        self.care.update({each.registration_id: (each, reading) for each in registrations})
        self.holds.update({each.hold.hold_id: (each, reading) for each in holds})

    def part_from(self, *, before_reading: int) -> OffsiteGone:
        care = [key for key, (_, reading) in self.care.items() if 0 < reading < before_reading]
        holds = [key for key, (_, reading) in self.holds.items() if reading < before_reading]
        for key in care:
            del self.care[key]
        for key in holds:
            del self.holds[key]
        return OffsiteGone(len(care), len(holds))

    def move_persons(self, survivors: Mapping[str, str]) -> None:
        self.moved.append(dict(survivors))

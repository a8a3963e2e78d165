"""Deaths in memory."""

import dataclasses

from support.memory.holder import MemoryHolders

from yibao_identity.application.death import DeathRows
from yibao_identity.rules.death import Death


@dataclasses.dataclass
class MemoryDeaths(DeathRows):
    """Deaths of one region over what `holders` locks."""

    holders: MemoryHolders
    rows: dict[str, Death] = dataclasses.field(default_factory=dict)

    def standing(self, person_id: str) -> Death | None:
        found = (each for each in self.rows.values() if each.person_id == person_id)
        return next((each for each in found if each.revoke_time is None), None)

    def insert(self, death: Death) -> None:
        assert death.person_id in self.holders.locked
        assert self.standing(death.person_id) is None
        self.rows[death.death_id] = death
        self._write(death)

    def revoke(self, death: Death) -> None:
        self.rows[death.death_id] = death
        self._write(death)

    def _write(self, death: Death) -> None:
        person = self.holders.persons[death.person_id]
        day = death.death_date if death.revoke_time is None else None
        self.holders.persons[death.person_id] = dataclasses.replace(person, death_date=day)

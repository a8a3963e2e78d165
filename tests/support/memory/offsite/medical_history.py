"""Medical-history files in memory."""

import dataclasses
import datetime as dt
from collections.abc import Collection

from yibao_offsite.application.medical_history import MedicalHistoryRows
from yibao_offsite.rules.medical_history import History, Reading


@dataclasses.dataclass
class MemoryHistories(MedicalHistoryRows):
    """Files of one region."""

    versions: list[History] = dataclasses.field(default_factory=list)
    read: list[Reading] = dataclasses.field(default_factory=list)

    def newest_of(self, person_ids: Collection[str]) -> list[History]:
        newest = {each.person_id: each for each in self.versions}
        return [newest[each] for each in sorted(person_ids) if each in newest]

    def newest_version(self, person_id: str) -> int:
        return sum(each.person_id == person_id for each in self.versions)

    def find(self, person_id: str, version: int) -> History | None:
        named = (person_id, version)
        found = (each for each in self.versions if (each.person_id, each.version) == named)
        return next(found, None)

    def insert(self, history: History) -> None:
        assert self.find(history.person_id, history.version) is None
        self.versions.append(history)

    def verify(self, history: History) -> None:
        found = self.find(history.person_id, history.version)
        assert found is not None
        self.versions[self.versions.index(found)] = history

    def add_reading(self, reading: Reading) -> None:
        self.read.append(reading)

    def readings(self, person_ids: Collection[str], *, after_id: str, limit: int) -> list[Reading]:
        found = [each for each in self.read if each.person_id in person_ids]
        return [each for each in found if each.reading_id > after_id][:limit]

    def has_read(
        self, person_ids: Collection[str], *, mark: str, read_by: str, since: dt.datetime
    ) -> bool:
        return any(
            each.person_id in person_ids
            and (each.mark, each.read_by) == (mark, read_by)
            and each.read_time >= since
            for each in self.read
        )

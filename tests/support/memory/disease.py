"""Registered diseases in memory."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Sequence

from yibao_identity.application.disease import DiseaseRows
from yibao_identity.rules.disease import Disease


@dataclasses.dataclass
class MemoryDiseases(DiseaseRows):
    """Registrations of one region by their ids, in the order of recording, with their persons."""

    rows: dict[str, tuple[str, Disease]] = dataclasses.field(default_factory=dict)

    def standing(self, person_ids: Collection[str]) -> dict[str, list[Disease]]:
        return {
            person_id: [each for each in self.history(person_id) if each.replace_time is None]
            for person_id in person_ids
        }

    def history(self, person_id: str) -> list[Disease]:
        return [each for owner, each in self.rows.values() if owner == person_id]

    def insert(self, person_id: str, disease: Disease) -> None:
        assert disease.disease_registration_id not in self.rows
        assert disease.record_time is not None
        assert disease.recorded_by
        self.rows[disease.disease_registration_id] = (person_id, disease)

    def replace(self, disease_registration_ids: Sequence[str], *, at: dt.datetime) -> None:
        for each in disease_registration_ids:
            person_id, former = self.rows[each]
            self.rows[each] = (person_id, dataclasses.replace(former, replace_time=at))

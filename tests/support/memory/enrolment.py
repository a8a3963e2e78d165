"""Enrolment periods in memory."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Sequence

from yibao_identity.application.enrolment import EnrolmentRows
from yibao_identity.rules.enrolment import Enrolment


@dataclasses.dataclass
class MemoryEnrolments(EnrolmentRows):
    """Periods of one region by their ids, in the order of recording, each with its person."""

    rows: dict[str, tuple[str, Enrolment]] = dataclasses.field(default_factory=dict)

    def standing(self, person_ids: Collection[str]) -> dict[str, list[Enrolment]]:
        return {
            person_id: [each for each in self.history(person_id) if each.replace_time is None]
            for person_id in person_ids
        }

    def history(self, person_id: str) -> list[Enrolment]:
        return [each for owner, each in self.rows.values() if owner == person_id]

    def insert(self, person_id: str, enrolment: Enrolment, *, explanation: str) -> None:
        assert enrolment.enrolment_id not in self.rows
        assert enrolment.record_time is not None
        assert enrolment.recorded_by
        self.rows[enrolment.enrolment_id] = (person_id, enrolment)

    def replace(self, enrolment_ids: Sequence[str], *, at: dt.datetime) -> None:
        for enrolment_id in enrolment_ids:
            self._change(enrolment_id, replace_time=at)

    def set_premium(
        self, enrolment_id: str, *, receive_date: dt.date, payment_reference: str
    ) -> None:
        self._change(
            enrolment_id, premium_receive_date=receive_date, payment_reference=payment_reference
        )

    def _change(self, enrolment_id: str, **values: object) -> None:
        person_id, former = self.rows[enrolment_id]
        self.rows[enrolment_id] = (
            person_id,
            dataclasses.replace(former, **values),  # type: ignore[arg-type]
        )

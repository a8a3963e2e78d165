"""Qualifications and what identity is to be told of them, in memory."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Sequence

from yibao_offsite.application.qualification.rows import (
    Errand,
    ErrandRows,
    QualificationRows,
    Wanted,
)
from yibao_offsite.rules.qualification.qualification import (
    CarryState,
    HandedPaper,
    Qualification,
    QualificationEvent,
)


@dataclasses.dataclass
class MemoryQualifications(QualificationRows):
    """The qualifications of one region."""

    rows: dict[str, Qualification] = dataclasses.field(default_factory=dict)
    happened: dict[str, list[QualificationEvent]] = dataclasses.field(default_factory=dict)

    def find(self, qualification_id: str) -> Qualification | None:
        return self.rows.get(qualification_id)

    def lock(self, qualification_id: str) -> Qualification | None:
        return self.find(qualification_id)

    def of_persons(self, person_ids: Collection[str]) -> list[Qualification]:
        return [each for each in self._in_order() if each.person_id in person_ids]

    def page(self, wanted: Wanted, *, after: str | None, limit: int) -> list[Qualification]:
        found = [
            each
            for each in self._in_order()
            if each.qualification_id > (after or "") and _is_wanted(each, wanted)
        ]
        return found[:limit]

    def insert(self, qualification: Qualification) -> None:
        assert qualification.qualification_id not in self.rows
        self.rows[qualification.qualification_id] = qualification

    def update(self, qualification: Qualification) -> None:
        assert qualification.qualification_id in self.rows
        self.rows[qualification.qualification_id] = qualification

    def add_papers(
        self, qualification_id: str, papers: Sequence[HandedPaper], *, at: dt.datetime, by: str
    ) -> None:
        # What was updated has them.
        del qualification_id, papers, at, by

    def add_event(self, qualification_id: str, event: QualificationEvent) -> None:
        self.happened.setdefault(qualification_id, []).append(event)

    def events(self, qualification_id: str) -> list[QualificationEvent]:
        return self.happened.get(qualification_id, [])

    def count_refused(self) -> int:
        return sum(each.carry_state is CarryState.REFUSED for each in self.rows.values())

    def _in_order(self) -> list[Qualification]:
        return [self.rows[each] for each in sorted(self.rows)]


@dataclasses.dataclass
class MemoryErrands(ErrandRows):
    """What identity is to be told of one region's qualifications."""

    qualifications: MemoryQualifications
    rows: dict[str, Errand] = dataclasses.field(default_factory=dict)
    epoch: str = ""

    def put_errand(self, errand: Errand) -> None:
        self.rows[errand.qualification_id] = errand

    def errand(self, qualification_id: str) -> Errand | None:
        return self.rows.get(qualification_id)

    def remove_errand(self, errand: Errand) -> None:
        del self.rows[errand.qualification_id]

    def due_errands(self, now: dt.datetime, *, most_wait: dt.timedelta, limit: int) -> list[Errand]:
        due = [
            each for each in self.rows.values() if not now < each.next_try_time <= now + most_wait
        ]
        return sorted(due, key=lambda each: (each.next_try_time, each.qualification_id))[:limit]

    def count_errands(self, *, waiting_since: dt.datetime) -> int:
        return sum(each.wait_time <= waiting_since for each in self.rows.values())

    def compare_all(self, errand_id: str, now: dt.datetime) -> int:
        told = [
            each
            for each in self.qualifications.rows.values()
            if each.carry_state in (CarryState.CARRIED, CarryState.REFUSED)
        ]
        for each in told:
            self.qualifications.update(
                dataclasses.replace(each, carry_state=CarryState.WAITING, carry_problem="")
            )
            self.put_errand(Errand(each.qualification_id, errand_id, now, 0, now))
        return len(told)

    def identity_epoch(self) -> str:
        return self.epoch

    def put_identity_epoch(self, epoch: str) -> None:
        self.epoch = epoch


def _is_wanted(each: Qualification, wanted: Wanted) -> bool:
    asked = (
        (wanted.disease_code, each.disease_code),
        (wanted.institution_id, each.institution_id),
        (wanted.state, each.state),
        (wanted.carry_state, each.carry_state),
    )
    if any(one is not None and one != "" and one != other for one, other in asked):
        return False
    if wanted.person_ids and each.person_id not in wanted.person_ids:
        return False
    if wanted.latest_end_date is None:
        return True
    first = wanted.first_end_date or dt.date.min
    return each.end_date is not None and first <= each.end_date <= wanted.latest_end_date

"""Registrations, the papers that they rest on and the rules of regions in memory."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Sequence

from yibao_offsite.application.material.papers import PaperRows
from yibao_offsite.application.region_rules import RegionRulesRows, RulesPlace
from yibao_offsite.application.registration.rows import (
    RegistrationPlace,
    RegistrationRows,
    RegistrationWish,
    Standing,
    TaskPlace,
)
from yibao_offsite.files.region_rules import known_rules
from yibao_offsite.rules.material.material import Owner, Paper
from yibao_offsite.rules.region_rules import RegionRules, StoredRules
from yibao_offsite.rules.registration.kinds import TaskKind
from yibao_offsite.rules.registration.registration import Registration, Step


@dataclasses.dataclass
class MemoryRegistrations(RegistrationRows):
    """Registrations of one region; `locked` names what was locked, in order."""

    rows: dict[str, Registration] = dataclasses.field(default_factory=dict)
    locked: list[str] = dataclasses.field(default_factory=list)
    done: dict[str, list[Step]] = dataclasses.field(default_factory=dict)
    # By person and the registration that was revoked.
    limited: dict[tuple[str, str], dt.date] = dataclasses.field(default_factory=dict)

    def of_person(self, person_id: str) -> list[Registration]:
        return [each for each in self.rows.values() if each.person_id == person_id]

    def of_persons(self, person_ids: Collection[str]) -> list[Registration]:
        return [each for each in self._sorted(person_ids) if each.state.is_open]

    def standing(self, person_ids: Collection[str]) -> Standing:
        limits: dict[str, dt.date] = {}
        for (person_id, _), until in self.limited.items():
            if person_id in person_ids:
                limits[person_id] = max(until, limits.get(person_id, until))
        found = [each for each in self._sorted(person_ids) if each.state.takes_its_place]
        return Standing(found, limits)

    def _sorted(self, person_ids: Collection[str]) -> list[Registration]:
        found = [each for each in self.rows.values() if each.person_id in person_ids]
        return sorted(found, key=lambda each: each.registration_id)

    def of_visit(self, visit_id: str) -> Registration | None:
        return next((each for each in self.rows.values() if each.visit_id == visit_id), None)

    def find(self, registration_id: str) -> Registration | None:
        return self.rows.get(registration_id)

    def lock(self, registration_id: str) -> Registration | None:
        self.locked.append(registration_id)
        return self.find(registration_id)

    def insert(self, registrations: Sequence[tuple[Registration, Step]]) -> None:
        for registration, step in registrations:
            assert registration.registration_id not in self.rows
            self.rows[registration.registration_id] = registration
            self.done[registration.registration_id] = [step]

    def update(self, registration: Registration, step: Step) -> None:
        before = self.rows[registration.registration_id]
        assert registration.version == before.version + 1
        self.rows[registration.registration_id] = registration
        self.done.setdefault(registration.registration_id, []).append(step)

    def steps(self, registration_id: str) -> list[Step]:
        return self.done[registration_id]

    def page(
        self, wish: RegistrationWish, *, before: RegistrationPlace | None, limit: int
    ) -> list[Registration]:
        raise AssertionError("lists are tested on databases")

    def tasks(
        self,
        due_date: dt.date,
        kinds: Collection[TaskKind],
        *,
        today: dt.date,
        after: TaskPlace | None,
        limit: int,
    ) -> list[Registration]:
        raise AssertionError("lists are tested on databases")

    def limit_self_service(
        self, person_id: str, registration_id: str, *, until_date: dt.date
    ) -> None:
        assert (person_id, registration_id) not in self.limited
        self.limited[person_id, registration_id] = until_date

    def pass_on_limits(self, person_id: str, survivor_id: str) -> None:
        for (limited_id, registration_id), until_date in list(self.limited.items()):
            if limited_id == person_id:
                self.limited.setdefault((survivor_id, registration_id), until_date)


@dataclasses.dataclass
class HandedIn(PaperRows):
    """Uploaded papers of one region, and which registration each was bound to."""

    known: dict[str, Paper] = dataclasses.field(default_factory=dict)
    bound: dict[str, str] = dataclasses.field(default_factory=dict)
    ended: dict[str, dt.date | None] = dataclasses.field(default_factory=dict)

    def find(self, material_ids: Collection[str]) -> list[Paper]:
        return [self.known[each] for each in sorted(material_ids) if each in self.known]

    def lock(self, material_ids: Collection[str]) -> list[Paper]:
        return self.find(material_ids)

    def of_owner(self, owner: Owner, owner_id: str) -> list[Paper]:
        return self.find([each for each, bound in self.bound.items() if bound == owner_id])

    def bind(self, material_ids: Collection[str], owner: Owner, owner_id: str) -> None:
        assert owner is Owner.REGISTRATION
        self.bound.update(dict.fromkeys(material_ids, owner_id))

    def end(self, owner: Owner, *owner_ids: str, on: dt.date | None) -> None:
        assert owner is Owner.REGISTRATION
        self.ended.update(dict.fromkeys(owner_ids, on))


@dataclasses.dataclass
class MemoryRules(RegionRulesRows):
    """Rules of one region; `said` holds at all times where it is given."""

    rows: dict[str, StoredRules] = dataclasses.field(default_factory=dict)
    said: RegionRules | None = None

    def in_force(self, day: dt.date) -> RegionRules | None:
        found = self.find_in_force(day, known_time=None)
        return self.said if found is None else known_rules(found.contents)

    def find_in_force(self, day: dt.date, *, known_time: dt.datetime | None) -> StoredRules | None:
        begun = [
            each
            for each in self.rows.values()
            if each.effective_date <= day
            and each.approve_time is not None
            and (known_time is None or each.approve_time <= known_time)
        ]
        return max(begun, key=lambda each: (each.effective_date, each.approve_time), default=None)

    def find(self, rules_version: str) -> StoredRules | None:
        return self.rows.get(rules_version)

    def lock(self, rules_version: str) -> StoredRules | None:
        return self.find(rules_version)

    def page(self, *, after: RulesPlace | None, limit: int) -> Sequence[StoredRules]:
        raise AssertionError("lists are tested on databases")

    def insert(self, rules: StoredRules) -> None:
        assert rules.rules_version not in self.rows
        self.rows[rules.rules_version] = rules

    def last_approve_time(self) -> dt.datetime | None:
        times = [each.approve_time for each in self.rows.values() if each.approve_time]
        return max(times, default=None)

    def approve(self, rules: StoredRules) -> None:
        self.rows[rules.rules_version] = rules

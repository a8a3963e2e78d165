"""Papers of care elsewhere in memory; what is sealed in a database is kept as it is."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from yibao_offsite.application.material.due import DueRows
from yibao_offsite.application.material.papers import PaperRows
from yibao_offsite.application.material.rows import MaterialRows, Wish
from yibao_offsite.application.secret import SecretChecks, SecretRows
from yibao_offsite.rules.material.content import Manifest
from yibao_offsite.rules.material.limits import Load
from yibao_offsite.rules.material.material import Material, Owner, Paper, Use
from yibao_offsite.rules.material.retention import LastUses
from yibao_offsite.rules.material.states import READABLE, State


@dataclasses.dataclass
class MemoryMaterials(MaterialRows, DueRows):
    """Papers of one region, and what is due of them; `locked` names what was locked, in order."""

    rows: dict[str, Material] = dataclasses.field(default_factory=dict)
    parts: dict[tuple[str, int], bytes] = dataclasses.field(default_factory=dict)
    manifests: dict[str, Manifest] = dataclasses.field(default_factory=dict)
    locked: list[str] = dataclasses.field(default_factory=list)

    def lock_party(self, party: str) -> None:
        self.locked.append(party)

    def load(self, person_id: str, party: str) -> Load:
        kept = [each for each in self.rows.values() if each.remove_time is None]
        of_person = [each for each in kept if each.person_id == person_id]
        of_party = [each for each in kept if each.party == party and not each.uses]
        return Load(_open(of_person), _open(of_party), _bytes(of_person), _bytes(of_party))

    def lock(self, material_ids: Collection[str]) -> list[Material]:
        self.locked += sorted(material_ids)
        return [self.rows[each] for each in sorted(material_ids) if each in self.rows]

    def find(self, material_id: str) -> Material | None:
        return self.rows.get(material_id)

    def insert(self, material: Material) -> None:
        assert material.material_id not in self.rows
        self.rows[material.material_id] = material

    def update(self, material: Material) -> None:
        self.rows[material.material_id] = material

    def stored_parts(self, material_id: str) -> set[int]:
        return {number for each, number in self.parts if each == material_id}

    def insert_part(self, material: Material, number: int, data: bytes) -> None:
        assert (material.material_id, number) not in self.parts
        self.parts[material.material_id, number] = data

    def open_part(self, material: Material, number: int) -> bytes | None:
        return self.parts.get((material.material_id, number))

    def open_parts(self, material: Material, count: int) -> Iterator[bytes | None]:
        return (self.open_part(material, number) for number in range(1, count + 1))

    def keep_manifest(self, material: Material, manifest: Manifest) -> None:
        self.manifests[material.material_id] = manifest

    def manifest(self, material: Material) -> Manifest | None:
        return self.manifests.get(material.material_id)

    def mark(self, material: Material) -> str:
        return "" if material.told is None else material.told.sha256.hex()

    def remove_contents(self, material_id: str) -> None:
        self.parts = {key: data for key, data in self.parts.items() if key[0] != material_id}

    def take_over_uses(self, material: Material, former: Material) -> None:
        self.update(dataclasses.replace(material, uses=former.uses))

    def listed(self, wish: Wish, *, after: str | None, limit: int) -> Sequence[Material]:
        found = [
            each
            for each in self.rows.values()
            if (after is None or each.material_id < after)
            and wish.party in (None, each.party)
            and wish.person_id in (None, each.person_id)
        ]
        return sorted(found, key=lambda each: each.material_id, reverse=True)[:limit]

    def of_owner(self, owner: Owner, owner_id: str) -> list[Paper]:
        return [
            each.paper
            for _, each in sorted(self.rows.items())
            if any((use.owner, use.owner_id) == (owner, owner_id) for use in each.uses)
        ]

    def bind(self, material_ids: Collection[str], owner: Owner, owner_id: str) -> None:
        for material_id in material_ids:
            material = self.rows[material_id]
            uses = (*material.uses, Use(owner, owner_id))
            self.update(dataclasses.replace(material, uses=uses))

    def end(self, owner: Owner, *owner_ids: str, on: dt.date | None) -> None:
        ended = {(owner, each) for each in owner_ids}
        for material in list(self.rows.values()):
            uses = tuple(
                use._replace(end_date=on) if (use.owner, use.owner_id) in ended else use
                for use in material.uses
            )
            self.update(dataclasses.replace(material, uses=uses))

    def to_scan(self, *, after: str | None, limit: int) -> list[str]:
        return self._ids(
            limit,
            lambda each: each.state is State.SCANNING and each.material_id > (after or ""),
        )

    def count_to_scan(self) -> int:
        return len(self.to_scan(after=None, limit=len(self.rows)))

    def unfinished(self, *, before: dt.datetime, limit: int) -> list[str]:
        return self._ids(
            limit, lambda each: each.state is State.UPLOADING and each.begin_time < before
        )

    def unused(self, *, before: dt.datetime, limit: int) -> list[str]:
        return self._ids(
            limit,
            lambda each: each.state in READABLE and not each.uses and each.begin_time < before,
        )

    def ended(self, by: LastUses, *, after: str | None, limit: int) -> list[str]:
        def has_ended(each: Material) -> bool:
            ends = [use.end_date for use in each.uses]
            day = by.by_kind.get(each.kind, by.otherwise)
            return bool(ends) and all(end is not None and end <= day for end in ends)

        return self._ids(limit, lambda each: has_ended(each) and each.material_id > (after or ""))

    def _ids(self, limit: int, fits: Any) -> list[str]:
        return [each.material_id for _, each in sorted(self.rows.items()) if fits(each)][:limit]


@dataclasses.dataclass
class MemoryPapers(PaperRows):
    """The room of papers as other features see it, over the same rows."""

    materials: MemoryMaterials

    def find(self, material_ids: Collection[str]) -> list[Paper]:
        return [each.paper for each in self.materials.lock(material_ids)]

    def lock(self, material_ids: Collection[str]) -> list[Paper]:
        return self.find(material_ids)

    def of_owner(self, owner: Owner, owner_id: str) -> list[Paper]:
        return self.materials.of_owner(owner, owner_id)

    def bind(self, material_ids: Collection[str], owner: Owner, owner_id: str) -> None:
        self.materials.bind(material_ids, owner, owner_id)

    def end(self, owner: Owner, *owner_ids: str, on: dt.date | None) -> None:
        self.materials.end(owner, *owner_ids, on=on)


@dataclasses.dataclass
class MemorySecrets(SecretRows):
    """Check values of keys."""

    checks: dict[str, bytes] = dataclasses.field(default_factory=dict)

    def recorded(self) -> SecretChecks:
        return dict(self.checks)

    def record(self, checks: Mapping[str, bytes], *, at: dt.datetime) -> None:
        self.checks = {**checks, **self.checks}


def _open(materials: Sequence[Material]) -> int:
    return sum(each.state in (State.UPLOADING, State.WAIVER_PROPOSED) for each in materials)


def _bytes(materials: Sequence[Material]) -> int:
    return sum(each.told.size_bytes for each in materials if each.told is not None)

"""Papers and the parts of their files as rows."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import insert_rows
from yibao_common.keys.vault import Vault
from yibao_common.values.errors import InvariantError
from yibao_offsite.application.material.rows import Wish
from yibao_offsite.rules.material.content import Manifest
from yibao_offsite.rules.material.limits import Load
from yibao_offsite.rules.material.material import Material, MediaType, Owner, Use
from yibao_offsite.rules.material.states import State
from yibao_offsite.storage import tables
from yibao_offsite.storage.material.sealing import MaterialSeal

_TABLES = tables.materials
_MATERIAL, _PART, _USE = _TABLES.material.c, _TABLES.part.c, _TABLES.use.c
# What counts into how many a person or party has begun and not ended.
_OPEN = (int(State.UPLOADING), int(State.WAIVER_PROPOSED))


class StoredMaterials:
    """See `application.material.rows.MaterialRows`."""

    def __init__(self, connection: sa.Connection, region: str, vault: Vault | None) -> None:
        """Takes the transaction's connection; without a vault nothing here may be asked."""
        self._connection = connection
        self._region = region
        self._keys = vault

    def lock_party(self, party: str) -> None:
        """Locks the party's row, made where it is missing."""
        table = _TABLES.party
        columns, row = ("region", "party"), (self._region, party)
        insert_rows(self._connection, table, columns, [row], skip_existing=True)
        query = sa.select(table.c.party).where(
            table.c.region == self._region, table.c.party == party
        )
        self._connection.execute(query.with_for_update()).one()

    def load(self, person_id: str, party: str) -> Load:
        """Returns what a person and a party have already."""
        open_count = sa.func.count().filter(_MATERIAL.state.in_(_OPEN))
        size = sa.func.coalesce(sa.func.sum(_MATERIAL.size_bytes), 0)
        here = (_MATERIAL.region == self._region, _MATERIAL.remove_time.is_(None))
        of_person = self._connection.execute(
            sa.select(open_count, size).where(*here, _MATERIAL.person_id == person_id)
        ).one()
        of_party = self._connection.execute(
            sa.select(open_count, size).where(
                *here, _MATERIAL.party == party, sa.not_(_MATERIAL.is_used)
            )
        ).one()
        return Load(of_person[0], of_party[0], int(of_person[1]), int(of_party[1]))

    def find(self, material_id: str) -> Material | None:
        """Returns a paper, or None."""
        found = self._of(self._named([material_id]))
        return found[0] if found else None

    def lock(self, material_ids: Collection[str]) -> list[Material]:
        """Locks papers by rising ids."""
        query = self._named(material_ids).order_by(_MATERIAL.material_id).with_for_update()
        return self._of(query)

    def insert(self, material: Material) -> None:
        """Stores a new paper."""
        told = material.told
        self._connection.execute(
            sa.insert(_TABLES.material).values(
                region=self._region,
                material_id=material.material_id,
                person_id=material.person_id,
                kind=material.kind,
                media_type=None if told is None else int(told.media_type),
                size_bytes=0 if told is None else told.size_bytes,
                sealed_told=None if told is None else self._seal(material).told(told),
                party=material.party,
                begun_by=material.begun_by,
                begin_time=material.begin_time,
                is_used=False,
                **self._fate(material),
            )
        )

    def update(self, material: Material) -> None:
        """Stores what became of a paper."""
        changed = self._connection.execute(
            sa.update(_TABLES.material)
            .where(_MATERIAL.region == self._region, _MATERIAL.material_id == material.material_id)
            .values(**self._fate(material))
        )
        assert changed.rowcount == 1

    def stored_parts(self, material_id: str) -> set[int]:
        """Returns the numbers of the parts that are stored."""
        query = sa.select(_PART.number).where(*self._parts_of(material_id))
        return set(self._connection.execute(query).scalars())

    def insert_part(self, material: Material, number: int, data: bytes) -> None:
        """Stores a part, sealed."""
        self._connection.execute(
            sa.insert(_TABLES.part).values(
                region=self._region,
                material_id=material.material_id,
                number=number,
                sealed_data=self._seal(material).part(number, data),
            )
        )

    def open_part(self, material: Material, number: int) -> bytes | None:
        """Returns a part, None where there is none or it does not open here."""
        query = sa.select(_PART.sealed_data).where(
            *self._parts_of(material.material_id), _PART.number == number
        )
        sealed = self._connection.execute(query).scalar_one_or_none()
        return None if sealed is None else self._seal(material).open_part(number, bytes(sealed))

    def open_parts(self, material: Material, count: int) -> Iterator[bytes | None]:
        """Yields the parts 1 to `count`, one at a time in memory."""
        return (self.open_part(material, number) for number in range(1, count + 1))

    def keep_manifest(self, material: Material, manifest: Manifest) -> None:
        """Stores what a finished file is, sealed."""
        self._connection.execute(
            sa.update(_TABLES.material)
            .where(_MATERIAL.region == self._region, _MATERIAL.material_id == material.material_id)
            .values(sealed_manifest=self._seal(material).manifest(manifest))
        )

    def manifest(self, material: Material) -> Manifest | None:
        """Returns what a finished file is."""
        query = sa.select(_MATERIAL.sealed_manifest).where(
            _MATERIAL.region == self._region, _MATERIAL.material_id == material.material_id
        )
        sealed = self._connection.execute(query).scalar_one_or_none()
        return None if sealed is None else self._seal(material).open_manifest(bytes(sealed))

    def mark(self, material: Material) -> str:
        """Returns what stands for a file's contents in the audit."""
        return "" if material.told is None else self._seal(material).mark(material.told.sha256)

    def remove_contents(self, material_id: str) -> None:
        """Takes the parts of a file away."""
        self._connection.execute(sa.delete(_TABLES.part).where(*self._parts_of(material_id)))

    def take_over_uses(self, material: Material, former: Material) -> None:
        """Has a paper be used for all that another one was handed in for."""
        rows = [
            (self._region, int(use.owner), use.owner_id, material.material_id, use.end_date)
            for use in former.uses
        ]
        if not rows:
            return
        columns = ("region", "owner", "owner_id", "material_id", "end_date")
        insert_rows(self._connection, _TABLES.use, columns, rows, skip_existing=True)
        self._connection.execute(
            sa.update(_TABLES.material)
            .where(_MATERIAL.region == self._region, _MATERIAL.material_id == material.material_id)
            .values(is_used=True)
        )

    def listed(self, wish: Wish, *, after: str | None, limit: int) -> Sequence[Material]:
        """Returns at most `limit` papers whose ids are below `after`, the newest first."""
        query = sa.select(_TABLES.material).where(_MATERIAL.region == self._region)
        for column in ("person_id", "kind", "state", "party"):
            value = getattr(wish, column)
            if value is not None:
                query = query.where(_MATERIAL[column] == value)
        if wish.owner is not None:
            query = query.join(
                _TABLES.use,
                sa.and_(_USE.region == _MATERIAL.region, _USE.material_id == _MATERIAL.material_id),
            ).where(_USE.owner == int(wish.owner), _USE.owner_id == wish.owner_id)
        if after is not None:
            query = query.where(
                _MATERIAL.material_id < sa.literal(after, _MATERIAL.material_id.type)
            )
        return self._of(query.order_by(_MATERIAL.material_id.desc()).limit(limit))

    def _named(self, material_ids: Collection[str]) -> sa.Select[Any]:
        return sa.select(_TABLES.material).where(
            _MATERIAL.region == self._region, _MATERIAL.material_id.in_(sorted(material_ids))
        )

    def _parts_of(self, material_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (_PART.region == self._region, _PART.material_id == material_id)

    def _seal(self, material: Material) -> MaterialSeal:
        return MaterialSeal(
            self._vault(),
            region=self._region,
            material_id=material.material_id,
            person_id=material.person_id,
            kind=material.kind,
        )

    def _vault(self) -> Vault:
        if self._keys is None:
            raise InvariantError("papers are asked for and there are no keys for them")
        return self._keys

    def _fate(self, material: Material) -> dict[str, Any]:
        """Returns the columns that change in the life of a paper."""
        reason = material.reason
        return {
            "state": int(material.state),
            "finish_time": material.finish_time,
            "sealed_reason": self._seal(material).reason(reason) if reason else None,
            "changed_by": material.changed_by,
            "change_time": material.change_time,
            "replaces_id": material.replaces_id,
            "replaced_by_id": material.replaced_by_id,
            "remove_time": material.remove_time,
        }

    def _of(self, query: sa.Select[Any]) -> list[Material]:
        rows = self._connection.execute(query).all()
        uses = self._uses([row.material_id for row in rows])
        return [self._material(row, uses.get(row.material_id, ())) for row in rows]

    def _uses(self, material_ids: Sequence[str]) -> dict[str, tuple[Use, ...]]:
        query = (
            sa.select(_USE.material_id, _USE.owner, _USE.owner_id, _USE.end_date)
            .where(_USE.region == self._region, _USE.material_id.in_(material_ids))
            .order_by(_USE.material_id, _USE.owner, _USE.owner_id)
        )
        found: dict[str, tuple[Use, ...]] = {}
        for material_id, owner, owner_id, end_date in self._connection.execute(query):
            use = Use(Owner(owner), owner_id, end_date)
            found[material_id] = (*found.get(material_id, ()), use)
        return found

    def _material(self, row: Any, uses: tuple[Use, ...]) -> Material:
        seal = MaterialSeal(
            self._vault(),
            region=self._region,
            material_id=row.material_id,
            person_id=row.person_id,
            kind=row.kind,
        )
        told = None
        if row.sealed_told is not None:
            media_type = MediaType(row.media_type)
            told = seal.open_told(bytes(row.sealed_told), row.size_bytes, media_type)
        return Material(
            row.region,
            row.material_id,
            row.person_id,
            row.kind,
            State(row.state),
            told,
            row.party,
            row.begun_by,
            row.begin_time,
            row.finish_time,
            "" if row.sealed_reason is None else seal.open_reason(bytes(row.sealed_reason)),
            row.changed_by,
            row.change_time,
            row.replaces_id,
            row.replaced_by_id,
            row.remove_time,
            uses,
        )

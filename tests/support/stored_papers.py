"""A counter for papers over a database, with keys."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from support.databases import as_owner
from support.paper_desk import LIMITS, REGION, PaperDesk

from yibao_common.db.database import Database
from yibao_common.db.transactions import StoredTransactions
from yibao_common.keys.vault import Vault
from yibao_offsite.application.material.due import (
    DueMaterials,
    Keeping,
    Scanner,
    ScannerError,
    Verdict,
)
from yibao_offsite.application.work import Work
from yibao_offsite.rules.material.limits import Limits
from yibao_offsite.storage import tables
from yibao_offsite.storage.work import unit_of_work

KEYS = (b"k" * 32, b"h" * 32)
MATERIAL, PART = tables.materials.material, tables.materials.part
KEEPING = Keeping(
    unfinished=dt.timedelta(hours=24), unused=dt.timedelta(days=30), years={"lease": 3}
)


def vault() -> Vault:
    """Returns the keys, with nonces that are never the same."""
    numbers = iter(range(1, 1_000_000))
    return Vault([KEYS[0]], KEYS[1], random_bytes=lambda size: next(numbers).to_bytes(size, "big"))


class StoredDesk(PaperDesk):
    """Papers of one region in a database."""

    def __init__(
        self, database: Database, *, is_scanned: bool = False, limits: Limits = LIMITS
    ) -> None:
        self.database = database
        self.vault = vault()
        transactions: StoredTransactions[Work] = StoredTransactions(
            database,
            answers=tables.answer,
            unit=unit_of_work(self.vault),
            clock=lambda: self.now,
            vault=self.vault,
        )
        super().__init__(transactions, is_scanned=is_scanned, limits=limits)
        self.due = DueMaterials(transactions, keeping=KEEPING, clock=lambda: self.now)

    def state_of(self, id: str) -> str:
        """Returns the name of a paper's state."""
        with self.transactions.read(REGION) as work:
            found = work.materials.find(id)
        assert found is not None
        return found.state.name

    def of_party(self, party: str) -> list[str]:
        """Returns what a party has handed in or begun."""
        query = sa.select(MATERIAL.c.material_id).where(MATERIAL.c.party == party)
        with self.database.read() as connection:
            return list(connection.execute(query).scalars())

    def part_numbers(self, id: str) -> set[int]:
        """Returns which parts of a file lie in the database."""
        with self.transactions.read(REGION) as work:
            return work.materials.stored_parts(id)

    def audited(self, method: str) -> list[dict[str, str]]:
        """Returns what is on record of a method, in order: caller, outcome and detail."""
        event = tables.audit.event.c
        query = sa.select(event.caller, event.outcome, event.detail).where(event.method == method)
        with self.database.read() as connection:
            rows = connection.execute(query.order_by(event.sequence)).all()
        return [
            {"caller": row.caller, "outcome": row.outcome}
            | dict(pair.split("=", 1) for pair in row.detail.split())
            for row in rows
        ]

    def alter(self, table: sa.Table, id: str, *, number: int | None = None, **values: Any) -> None:
        """Does what somebody with the database at hand could do."""
        named = [table.c.material_id == id]
        if number is not None:
            named.append(table.c.number == number)
        with as_owner(self.database) as connection:
            changed = connection.execute(sa.update(table).where(*named).values(**values))
        assert changed.rowcount == 1

    def sealed(self, column: str, id: str, number: int = 1) -> bytes:
        """Returns what is stored, as it is stored."""
        table = PART if column == "sealed_data" else MATERIAL
        query = sa.select(table.c[column]).where(table.c.material_id == id)
        if table is PART:
            query = query.where(table.c.number == number)
        with self.database.read() as connection:
            return bytes(connection.execute(query).scalar_one())


class FakeScanner(Scanner):
    """Finds what holds a word, and may be down, or fail at some files."""

    def __init__(self, word: bytes = b"EICAR") -> None:
        self.word = word
        self.problem: Exception | None = None
        self.fails_at: tuple[bytes, ...] = ()
        self.scanned = 0

    def scan(self, parts: Iterable[bytes]) -> Verdict:
        if self.problem is not None:
            raise self.problem
        data = b"".join(parts)
        if data in self.fails_at:
            raise ScannerError("too long for it")
        self.scanned += 1
        return Verdict.INFECTED if self.word in data else Verdict.CLEAN

"""Cards over a real database, and holders with papers."""

from typing import Any

import sqlalchemy as sa
from support.card_acts import AGENCY, BIRTH, LIMITS, NUMBER, REGION, CardActs, Randomness

from yibao_common.db.database import Database
from yibao_common.db.transactions import StoredTransactions
from yibao_common.keys.vault import Vault
from yibao_common.values.clock import Clock
from yibao_common.values.ids import new_id
from yibao_identity.application.work import Work
from yibao_identity.rules.card import Card, CardLimits
from yibao_identity.storage import tables
from yibao_identity.storage.work import unit_of_work


def transactions_of(database: Database, vault: Vault, *, clock: Clock) -> StoredTransactions[Work]:
    """Returns what begins units of work of a database."""
    unit = unit_of_work(vault)
    return StoredTransactions(database, answers=tables.answer, unit=unit, clock=clock, vault=vault)


class CardDesk(CardActs):
    """Everything that is done with cards of a database, and what is stored of it."""

    def __init__(self, database: Database, *, limits: CardLimits = LIMITS) -> None:
        self.database = database
        self.vault = Vault([b"\x11" * 32], b"\x22" * 32, random_bytes=Randomness())
        super().__init__(transactions_of(database, self.vault, clock=self.clock), limits=limits)

    # Holders.

    def person(self, number: str = NUMBER) -> str:
        """Stores a person and returns its id."""
        person_id = new_id()
        place = f"{REGION}/person/{person_id}"
        with self.database.write() as connection:
            connection.execute(
                sa.insert(tables.person).values(
                    region=REGION,
                    person_id=person_id,
                    certificate_type="01",
                    number_hash=self.vault.number_hash("01", number),
                    sealed_number=self.vault.seal(number.encode(), place=f"{place}/number"),
                    sealed_name=self.vault.seal("欧阳".encode(), place=f"{place}/name"),
                    gender=1,
                    birth_date=BIRTH,
                    register_time=self.now,
                    registered_by=AGENCY,
                )
            )
        return person_id

    def certificate(self, person_id: str, state: int = 1) -> str:
        """Stores an e-certificate and returns its id."""
        certificate_id = new_id()
        with self.database.write() as connection:
            connection.execute(
                sa.insert(tables.certificate).values(
                    region=REGION,
                    certificate_id=certificate_id,
                    person_id=person_id,
                    subject=certificate_id[-13:],
                    state=state,
                    activate_time=self.now,
                    activated_by=AGENCY,
                    proofing_method=1,
                    proofing_reference="face/1",
                )
            )
        return certificate_id

    def row(self, card: Card) -> Any:
        """Returns the stored row."""
        query = sa.select(tables.card).where(tables.card.c.card_id == card.card_id)
        with self.database.read() as connection:
            return connection.execute(query).one()

    def count(self, table: sa.Table) -> int:
        with self.database.read() as connection:
            return int(
                connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            )

    def audit(self, method: str) -> list[tuple[str, str]]:
        """Returns outcome and detail of the audit rows of a method, in their order."""
        event = tables.audit.event.c
        query = sa.select(event.outcome, event.detail).where(event.method == method)
        with self.database.read() as connection:
            return [tuple(row) for row in connection.execute(query.order_by(event.sequence))]

    def changes(self) -> int:
        """Returns how many entries the feed has."""
        return self.count(tables.person_change)

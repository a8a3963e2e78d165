"""The rows of persons, as what every command locks first."""

import hmac
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import select_rows
from yibao_common.keys.vault import Vault
from yibao_identity.application.holder import LockedPerson
from yibao_identity.rules.certificate import CertificateState
from yibao_identity.rules.document import ShownDocument
from yibao_identity.storage import tables

_person = tables.person.c


class StoredHolders:
    """See `application.holder.HolderRows`."""

    def __init__(self, connection: sa.Connection, region: str, vault: Vault) -> None:
        """Takes the transaction's connection and what opens numbers."""
        self._connection = connection
        self._region = region
        self._vault = vault

    def lock(self, person_ids: Collection[str]) -> dict[str, LockedPerson]:
        """Locks the rows of those who exist, in rising order."""
        rows = select_rows(
            self._connection,
            tables.person,
            ("person_id", "birth_date", "merged_into", "death_date"),
            region=self._region,
            key="person_id",
            among=sorted(set(person_ids)),
            for_update=True,
        )
        return {row[0]: LockedPerson(*row) for row in rows}

    def survivor_of(self, person_id: str) -> str:
        """Returns the record that took the place of a person's, or the person's own."""
        while True:
            merged_into = self._value(_person.merged_into, person_id)
            if merged_into is None:
                return person_id
            person_id = merged_into

    def records_of(self, person_id: str) -> list[str]:
        """Returns a person's id and those of all records that were merged into it."""
        records, latest = [person_id], [person_id]
        while latest:
            query = sa.select(_person.person_id).where(
                _person.region == self._region, _person.merged_into.in_(latest)
            )
            latest = list(self._connection.execute(query).scalars())
            records += latest
        return records

    def has_document(self, person_id: str, document: ShownDocument) -> bool:
        """Tells whether a person is found by the document."""
        shown = self._vault.number_hash(document.certificate_type, document.certificate_number)
        return hmac.compare_digest(shown, bytes(self._value(_person.number_hash, person_id)))

    def number_of(self, person_id: str) -> str:
        """Returns the number of the document that a person is registered with."""
        sealed = bytes(self._value(_person.sealed_number, person_id))
        place = f"{self._region}/person/{person_id}/number"
        return self._vault.open(sealed, place=place).decode()

    def of_open_certificate(self, certificate_id: str) -> str | None:
        """Returns the person of an e-certificate that is not closed, or None."""
        table = tables.certificate.c
        query = sa.select(table.person_id).where(
            table.region == self._region,
            table.certificate_id == certificate_id,
            table.state != CertificateState.CLOSED.value,
        )
        found: str | None = self._connection.execute(query).scalar_one_or_none()
        return found

    def has_certificate(self, certificate_id: str) -> bool:
        """Tells whether there is an e-certificate, closed or not."""
        table = tables.certificate.c
        query = sa.select(table.certificate_id).where(
            table.region == self._region, table.certificate_id == certificate_id
        )
        return self._connection.execute(query).one_or_none() is not None

    def _value(self, column: sa.Column[Any], person_id: str) -> Any:
        query = sa.select(column).where(
            _person.region == self._region, _person.person_id == person_id
        )
        return self._connection.execute(query).scalar_one()

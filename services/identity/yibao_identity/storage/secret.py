"""Check values of the secrets of personal data as rows, and what was made with these."""

import datetime as dt

import sqlalchemy as sa

from yibao_common.db.rows import insert_missing_rows
from yibao_common.keys.vault import SealError, Vault
from yibao_identity.application.secret import SecretChecks, SecretKind
from yibao_identity.storage import tables
from yibao_identity.storage.person import StoredPersons

_KEY_ID_BYTES = 8
# Persons who are looked up by their numbers, where the hash key was never recorded.
_SAMPLES = 20
_SEALED = (
    tables.person.c.sealed_number,
    tables.former_person.c.sealed_number,
    tables.misuse_case.c.sealed_description,
)


class StoredSecrets:
    """See `application.secret.SecretRows`; of all regions of a database."""

    def __init__(self, connection: sa.Connection, vault: Vault) -> None:
        """Takes a transaction, and the keys that are held."""
        self._connection = connection
        self._vault = vault

    def recorded(self) -> SecretChecks:
        """Returns the check values of all secrets that this database was used with."""
        check = tables.trust_secret_check.c
        rows = self._connection.execute(sa.select(check.kind, check.name, check.check_value))
        return {(SecretKind(row.kind), row.name): bytes(row.check_value) for row in rows}

    def record(self, checks: SecretChecks, *, at: dt.datetime) -> None:
        """Stores check values that are not there yet."""
        insert_missing_rows(
            self._connection,
            tables.trust_secret_check,
            ("kind", "name", "check_value", "record_time"),
            [(kind.value, name, check, at) for (kind, name), check in sorted_checks(checks)],
        )

    def names_in_use(self, kind: SecretKind) -> set[str]:
        """Returns the names of all keys or peppers that anything stored was made with."""
        if kind is SecretKind.PEPPER:
            card = tables.card.c
            schemes = sa.select(card.pin_scheme).where(card.pin_hash.is_not(None)).distinct()
            return {str(scheme) for scheme in self._connection.execute(schemes).scalars()}
        if kind is SecretKind.HASH_KEY:
            return {""}
        found: set[str] = set()
        for column in _SEALED:
            key_id = sa.func.substr(column, 1, _KEY_ID_BYTES)
            query = sa.select(sa.type_coerce(key_id, sa.LargeBinary)).distinct()
            found |= {bytes(each).hex() for each in self._connection.execute(query).scalars()}
        return found

    def finds_persons(self) -> bool:
        """Tells whether one of some persons is found by the number; or nobody is there."""
        person = tables.person.c
        query = (
            sa.select(person.region, person.person_id)
            .where(person.merged_into.is_(None))
            .order_by(person.region, person.person_id)
            .limit(_SAMPLES)
        )
        compared = 0
        for region, person_id in self._connection.execute(query).all():
            persons = StoredPersons(self._connection, region, self._vault)
            try:
                if persons.is_found_by_number(person_id):
                    return True
            except SealError:
                # Its encryption key is missing, which is told of by itself.
                continue
            compared += 1
        return not compared


def sorted_checks(checks: SecretChecks) -> list[tuple[tuple[SecretKind, str], bytes]]:
    """Returns check values in the order of their keys, in which they are locked."""
    return sorted(checks.items(), key=lambda each: (each[0][0].value, each[0][1]))

"""Check values of the keys of personal data as rows."""

import datetime as dt

import sqlalchemy as sa

from yibao_common.db.rows import insert_missing_rows
from yibao_offsite.application.secret import SecretChecks
from yibao_offsite.storage import tables


class StoredSecrets:
    """See `application.secret.SecretRows`; of all regions of a database."""

    def __init__(self, connection: sa.Connection) -> None:
        """Takes the transaction's connection."""
        self._connection = connection

    def recorded(self) -> SecretChecks:
        """Returns the check values of all keys that this database was used with."""
        check = tables.trust_secret_check.c
        rows = self._connection.execute(sa.select(check.name, check.check_value))
        return {row.name: bytes(row.check_value) for row in rows}

    def record(self, checks: SecretChecks, *, at: dt.datetime) -> None:
        """Stores check values that are not there yet."""
        insert_missing_rows(
            self._connection,
            tables.trust_secret_check,
            ("name", "check_value", "record_time"),
            [(name, check, at) for name, check in sorted(checks.items())],
        )

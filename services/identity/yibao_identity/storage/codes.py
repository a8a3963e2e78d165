"""The transactions in which codes are issued: one select and one insert a batch."""

import contextlib
import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.db.rows import insert_rows, select_rows
from yibao_identity.application.commands import IssueCode
from yibao_identity.rules.certificate import Certificate
from yibao_identity.rules.qr_code import QrClaims
from yibao_identity.storage import tables
from yibao_identity.storage.certificate_rows import COLUMNS, certificate_from

ISSUED_COLUMNS = ("region", "issue_time", "code_id", "certificate_id", "audience", "issued_to")


class CodeTransactions:
    """Begins the transactions of a database; see `application.ports`."""

    def __init__(self, database: Database) -> None:
        """Takes the database."""
        self._database = database

    @contextlib.contextmanager
    def begin(self, region: str) -> Iterator["_Transaction"]:
        """Gives a transaction that commits durably when the block ends without error."""
        with self._database.write() as connection:
            yield _Transaction(connection, region)


class _Transaction:
    """One batch in one region."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        self._connection = connection
        self._region = region

    def certificates(self, certificate_ids: Collection[str]) -> Mapping[str, Certificate]:
        """Returns those that exist, by their ids."""
        rows = select_rows(
            self._connection,
            tables.certificate,
            COLUMNS,
            region=self._region,
            key="certificate_id",
            among=certificate_ids,
        )
        found = map(certificate_from, rows)
        return {certificate.certificate_id: certificate for certificate in found}

    def store(self, issued: Sequence[tuple[IssueCode, QrClaims]]) -> None:
        """Notes what is about to be signed, for whom and who asked."""
        store_codes(self._connection, self._region, issued)


def store_codes(
    connection: sa.Connection, region: str, issued: Sequence[tuple[IssueCode, QrClaims]]
) -> None:
    """Notes which codes are about to be signed, for whom and who asked."""
    insert_rows(
        connection,
        tables.issued_code,
        ISSUED_COLUMNS,
        [
            (
                region,
                dt.datetime.fromtimestamp(claims.issue_second, dt.UTC),
                claims.code_id.hex(),
                command.certificate_id,
                command.audience,
                command.caller,
            )
            for command, claims in issued
        ],
    )

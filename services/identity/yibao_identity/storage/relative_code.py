"""The transactions in which relatives' codes are issued."""

import contextlib
import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.db.rows import insert_rows, select_rows
from yibao_identity.application.relative_code import IssueRelativeCode, RelativeCode
from yibao_identity.rules.certificate import Certificate
from yibao_identity.rules.relative import RelativeLink
from yibao_identity.storage import tables
from yibao_identity.storage.certificate import COLUMNS, certificate_from
from yibao_identity.storage.code import ISSUED_COLUMNS
from yibao_identity.storage.relative import COLUMNS as LINK_COLUMNS
from yibao_identity.storage.relative import link_from


class RelativeCodeTransactions:
    """Begins the transactions of a database; see `application.relative_code`."""

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

    def links(self, link_ids: Collection[str]) -> Mapping[str, RelativeLink]:
        """Returns those that exist, by their ids, and locks them until the end."""
        rows = select_rows(
            self._connection,
            tables.relative_link,
            LINK_COLUMNS,
            region=self._region,
            key="link_id",
            among=link_ids,
            for_update=True,
        )
        found = map(link_from, rows)
        return {link.link_id: link for link in found}

    def certificates(self, certificate_ids: Collection[str]) -> Mapping[str, Certificate]:
        """Returns those that exist, by their ids."""
        found = self._certificates("certificate_id", certificate_ids)
        return {certificate.certificate_id: certificate for certificate in found}

    def newest_certificates(self, person_ids: Collection[str]) -> Mapping[str, Certificate]:
        """Returns the certificate that each person activated last, by person."""
        # One is activated only when those before are closed, so the last one is the one
        # that stands, if any does.
        found = self._certificates("person_id", person_ids)
        return {certificate.person_id: certificate for certificate in found}

    def store(self, issued: Sequence[tuple[IssueRelativeCode, RelativeCode]]) -> None:
        """Notes what is about to be signed, who shows it and who asked."""
        insert_rows(
            self._connection,
            tables.issued_code,
            (*ISSUED_COLUMNS, "shown_by"),
            [
                (
                    self._region,
                    dt.datetime.fromtimestamp(code.claims.issue_second, dt.UTC),
                    code.claims.code_id.hex(),
                    code.certificate_id,
                    command.audience,
                    command.caller,
                    command.certificate_id,
                )
                for command, code in issued
            ],
        )

    def _certificates(self, key: str, among: Collection[str]) -> Iterator[Certificate]:
        rows = select_rows(
            self._connection,
            tables.certificate,
            COLUMNS,
            region=self._region,
            key=key,
            among=among,
            order_by=("activate_time",),
        )
        return map(certificate_from, rows)

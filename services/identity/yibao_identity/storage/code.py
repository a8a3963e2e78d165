"""Codes as rows, stored before they are signed."""

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from yibao_common.db.rows import insert_rows
from yibao_identity.application.code.issued import IssuedCode
from yibao_identity.storage import tables

ISSUED_COLUMNS = ("region", "issue_time", "code_id", "certificate_id", "audience", "issued_to")


class StoredCodes:
    """See `application.code.issued.CodeRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def insert(self, issued: Sequence[IssuedCode]) -> None:
        """Notes what is about to be signed, for whom and who asked."""
        insert_rows(
            self._connection,
            tables.issued_code,
            (*ISSUED_COLUMNS, "shown_by"),
            [
                (
                    self._region,
                    dt.datetime.fromtimestamp(each.claims.issue_second, dt.UTC),
                    each.claims.code_id.hex(),
                    each.certificate_id,
                    each.claims.audience,
                    each.issued_to,
                    each.shown_by,
                )
                for each in issued
            ],
        )

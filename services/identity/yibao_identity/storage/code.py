"""Codes as rows, stored before they are signed."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from yibao_common.db.rows import insert_missing_rows, insert_rows
from yibao_identity.application.code.issued import IssuedCode
from yibao_identity.rules.code import LIFE_SECONDS, QrClaims
from yibao_identity.rules.relative_code import ShownCode
from yibao_identity.storage import tables

COLUMNS = (
    "region",
    "issue_time",
    "code_id",
    "certificate_id",
    "audience",
    "issued_to",
    "shown_by",
)

_WITHDRAWAL = (
    "region",
    "certificate_id",
    "codes_since_time",
    "withdraw_time",
    "withdrawn_by",
)


class StoredCodes:
    """See `application.code.issued.CodeRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def insert_free(self, issued: Sequence[IssuedCode]) -> bool:
        """Notes what is about to be signed; tells whether each second was free."""
        # In the order of their keys, so that two transactions do not wait for each other.
        in_order = sorted(issued, key=lambda each: (each.claims.issue_second, each.certificate_id))
        stored = insert_missing_rows(
            self._connection, tables.issued_code, COLUMNS, [self._row(each) for each in in_order]
        )
        return stored == len(issued)

    def of_seconds(
        self, certificate_ids: Sequence[str], seconds: Sequence[int]
    ) -> list[IssuedCode]:
        """Returns the codes of certificates in `seconds`, those of before in their order."""
        code, certificate = tables.issued_code.c, tables.certificate.c
        query = (
            sa.select(*(code[name] for name in COLUMNS), certificate.subject)
            .join(
                tables.certificate,
                (certificate.region == code.region)
                & (certificate.certificate_id == code.certificate_id),
            )
            .where(
                code.region == self._region,
                code.issue_time.in_([_instant(second) for second in seconds]),
                code.certificate_id.in_(certificate_ids),
            )
            .order_by(code.issue_time, code.certificate_id, code.former_tie)
        )
        return [_code_from(tuple(row)) for row in self._connection.execute(query)]

    def newest_shown(
        self, shown_by: Collection[str], *, issued_after: dt.datetime
    ) -> list[ShownCode]:
        """Returns the newest code of each certificate that the certificates `shown_by` showed."""
        code, certificate = tables.issued_code.c, tables.certificate.c
        query = (
            sa.select(
                certificate.person_id, certificate.certificate_id, sa.func.max(code.issue_time)
            )
            .join(
                tables.certificate,
                (certificate.region == code.region)
                & (certificate.certificate_id == code.certificate_id),
            )
            .where(
                code.region == self._region,
                code.shown_by.in_(shown_by),
                code.issue_time > issued_after,
            )
            .group_by(certificate.person_id, certificate.certificate_id)
            .order_by(certificate.certificate_id)
        )
        return [ShownCode(*row) for row in self._connection.execute(query)]

    def withdraw(self, codes: Sequence[ShownCode], *, at: dt.datetime, caller: str) -> None:
        """Stores that codes and all of their certificates that are older count no more."""
        rows = [
            (self._region, each.certificate_id, each.codes_since_time, at, caller) for each in codes
        ]
        insert_rows(self._connection, tables.code_withdrawal, _WITHDRAWAL, rows, skip_existing=True)

    def _row(self, issued: IssuedCode) -> tuple[object, ...]:
        claims = issued.claims
        return (
            self._region,
            _instant(claims.issue_second),
            claims.code_id.hex(),
            issued.certificate_id,
            claims.audience,
            issued.issued_to,
            issued.shown_by,
        )


def _instant(second: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(second, dt.UTC)


def _code_from(row: tuple[Any, ...]) -> IssuedCode:
    region, issue_time, code_id, certificate_id, audience, issued_to, shown_by, subject = row
    issue_second = int(issue_time.timestamp())
    expire_second = issue_second + LIFE_SECONDS
    claims = QrClaims(
        region, subject, audience, issue_second, expire_second, bytes.fromhex(code_id)
    )
    return IssuedCode(claims, certificate_id, issued_to, shown_by)

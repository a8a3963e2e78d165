"""Whose code a token stands for, as who reads an account by it finds it."""

import sqlalchemy as sa

from yibao_settlement.application.credential import KnownHolder
from yibao_settlement.rules.presentation import PresentedCode
from yibao_settlement.rules.token import ResolvedCode
from yibao_settlement.storage import tables
from yibao_settlement.storage.credential.holder import known_holder
from yibao_settlement.storage.credential.reading import CREDENTIAL_COLUMNS, credential_from


def find_token_holder(
    connection: sa.Connection, region: str, token_hash: str
) -> tuple[ResolvedCode, KnownHolder] | None:
    """Returns what a token stands for, and whose code it was, as is known by now.

    None where there is no such token, or nobody whose code it was.
    """
    token, credential = tables.credential_token.c, tables.credential.c
    row = connection.execute(
        sa.select(
            *(token.subject, token.code_id, token.issue_time, token.scan_time),
            *(token.terminal_id, token.device_certificate_id, token.resolution_id),
            *(token.audience, token.institution_id, token.expire_time),
            *(credential[name] for name in CREDENTIAL_COLUMNS),
        )
        .join_from(
            tables.credential_token,
            tables.credential,
            sa.and_(token.region == credential.region, token.subject == credential.subject),
        )
        .where(token.region == region, token.token_hash == token_hash)
    ).one_or_none()
    if row is None:
        return None
    width = len(CREDENTIAL_COLUMNS)
    *of_code, audience, institution_id, expire_time = tuple(row)[:-width]
    resolved = ResolvedCode(
        token_hash, PresentedCode(region, *of_code), audience, institution_id, expire_time
    )
    return resolved, known_holder(connection, region, credential_from(tuple(row)[-width:]))

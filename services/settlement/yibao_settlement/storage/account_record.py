"""Whose code a token stands for, as who reads an account by it finds it."""

import sqlalchemy as sa

from yibao_settlement.rules.presentation import PresentedCode
from yibao_settlement.rules.token import ResolvedCode
from yibao_settlement.storage import tables
from yibao_settlement.storage.merge import one_person, survivors_of


def find_token_holder(
    connection: sa.Connection, region: str, token_hash: str
) -> tuple[ResolvedCode, str, list[str]] | None:
    """Returns what a token stands for, who holds the account, and all records of the person.

    None where there is no such token, or nobody whose code it was.
    """
    token, credential = tables.credential_token.c, tables.credential.c
    row = connection.execute(
        sa.select(
            *(token.subject, token.code_id, token.issue_time, token.scan_time),
            *(token.terminal_id, token.device_certificate_id, token.resolution_id),
            *(token.audience, token.institution_id, token.expire_time, credential.person_id),
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
    *of_code, audience, institution_id, expire_time, person_id = tuple(row)
    resolved = ResolvedCode(
        token_hash, PresentedCode(region, *of_code), audience, institution_id, expire_time
    )
    holder_id = survivors_of(connection, region, (person_id,)).get(person_id, person_id)
    return resolved, holder_id, one_person(connection, region, holder_id)

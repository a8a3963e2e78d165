"""Whom a token stands for, with the periods of cover, for who looks an item up."""

import sqlalchemy as sa

from yibao_common.db.rows import select_rows
from yibao_settlement.application.catalogue_version.look_up import TokenHolder
from yibao_settlement.storage import tables
from yibao_settlement.storage.enrolment import ENROLMENT_COLUMNS, enrolments_from
from yibao_settlement.storage.merge import survivors_of


def find_token_holder(
    connection: sa.Connection, region: str, token_hash: str
) -> TokenHolder | None:
    """Returns whom a token stands for, used or not, or None."""
    token = tables.credential_token.c
    row = connection.execute(
        sa.select(token.institution_id, token.expire_time, token.subject).where(
            token.region == region, token.token_hash == token_hash
        )
    ).one_or_none()
    person_id = None if row is None else _person_of(connection, region, row.subject)
    if row is None or person_id is None:
        return None
    rows = select_rows(
        connection,
        tables.enrolment,
        ENROLMENT_COLUMNS,
        region=region,
        key="person_id",
        among=(person_id,),
    )
    enrolments = enrolments_from(rows).get(person_id, [])
    return TokenHolder(row.institution_id, row.expire_time, enrolments)


def _person_of(connection: sa.Connection, region: str, subject: str) -> str | None:
    """Returns whose code it was: the record that stands in the place of merged ones."""
    credential = tables.credential.c
    person_id: str | None = connection.execute(
        sa.select(credential.person_id).where(
            credential.region == region, credential.subject == subject
        )
    ).scalar_one_or_none()
    if person_id is None:
        return None
    return survivors_of(connection, region, (person_id,)).get(person_id, person_id)

"""Whom a token stands for, with the periods of cover, for who looks an item up."""

import sqlalchemy as sa

from yibao_common.db.rows import select_rows
from yibao_settlement.application.catalogue_version.look_up import TokenHolder
from yibao_settlement.storage import tables
from yibao_settlement.storage.credential.holder import find_holder
from yibao_settlement.storage.enrolment import ENROLMENT_COLUMNS, enrolments_from


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
    holder = None if row is None else find_holder(connection, region, row.subject)
    if row is None or holder is None:
        return None
    rows = select_rows(
        connection,
        tables.enrolment,
        ENROLMENT_COLUMNS,
        region=region,
        key="person_id",
        among=(holder.person_id,),
    )
    enrolments = enrolments_from(rows).get(holder.person_id, [])
    return TokenHolder(row.institution_id, row.expire_time, enrolments)

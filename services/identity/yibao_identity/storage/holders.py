"""Whom a holder's client certificate acts for: the person of its e-certificate."""

import sqlalchemy as sa

from yibao_common.values.caller import Caller, Role
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.certificate import CertificateState
from yibao_identity.storage import tables


def require_holder(connection: sa.Connection, region: str, caller: Caller, person_id: str) -> None:
    """Refuses a holder who acts for somebody else; lets pass every other role.

    A holder is known by an e-certificate, which has to be the person's and not closed.

    Raises:
        RuleError: OUT_OF_SCOPE.
    """
    if caller.role is not Role.HOLDER:
        return
    table = tables.certificate.c
    query = sa.select(table.person_id).where(
        table.region == region,
        table.certificate_id == caller.id,
        table.state != CertificateState.CLOSED.value,
    )
    if connection.execute(query).scalar_one_or_none() != person_id:
        raise RuleError(
            Reason.OUT_OF_SCOPE,
            f"the caller does not act for person {person_id}",
            scope=f"person/{person_id}",
        )

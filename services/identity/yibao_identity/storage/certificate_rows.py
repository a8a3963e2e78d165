"""E-certificates as rows: read, and locked after their holders."""

import sqlalchemy as sa

from yibao_identity.rules.certificate import (
    Certificate,
    CertificateState,
    certificate_not_found,
)
from yibao_identity.storage import tables
from yibao_identity.storage.person_locks import lock_persons

COLUMNS = (
    "region",
    "certificate_id",
    "person_id",
    "subject",
    "state",
    "activate_time",
    "suspension_case_id",
    "close_time",
)


def certificate_state(stored: int, suspension_case_id: str | None) -> CertificateState:
    """Returns the state of a stored certificate: a suspension lies beside it."""
    state = CertificateState(stored)
    if state is CertificateState.ACTIVE and suspension_case_id is not None:
        return CertificateState.SUSPENDED
    return state


def certificate_from(row: tuple[object, ...]) -> Certificate:
    """Builds a certificate from a row of COLUMNS."""
    region, certificate_id, person_id, subject, state, activate_time, case_id, close_time = row
    return Certificate(
        region,  # type: ignore[arg-type]
        certificate_id,  # type: ignore[arg-type]
        person_id,  # type: ignore[arg-type]
        subject,  # type: ignore[arg-type]
        certificate_state(state, case_id),  # type: ignore[arg-type]
        activate_time,  # type: ignore[arg-type]
        case_id,  # type: ignore[arg-type]
        close_time,  # type: ignore[arg-type]
    )


def find_certificate(
    connection: sa.Connection, region: str, certificate_id: str, *, for_update: bool = False
) -> Certificate | None:
    """Returns a certificate, or None; `for_update` locks its row."""
    table = tables.certificate.c
    query = sa.select(*(table[name] for name in COLUMNS)).where(
        table.region == region, table.certificate_id == certificate_id
    )
    row = connection.execute(query.with_for_update() if for_update else query).one_or_none()
    return None if row is None else certificate_from(tuple(row))


def hold_certificate(connection: sa.Connection, region: str, certificate_id: str) -> Certificate:
    """Locks the holder's row, then the certificate's, until the transaction ends.

    Whose certificate it is never changes, so it is read before there is any lock.

    Raises:
        RuleError: CERTIFICATE_NOT_FOUND.
    """
    read = find_certificate(connection, region, certificate_id)
    if read is None:
        raise certificate_not_found(certificate_id)
    lock_persons(connection, region, [read.person_id])
    held = find_certificate(connection, region, certificate_id, for_update=True)
    assert held is not None
    return held

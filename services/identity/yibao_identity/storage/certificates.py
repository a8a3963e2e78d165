"""E-certificates: activated and closed once by request id, read by id."""

import datetime as dt
from collections.abc import Callable

import sqlalchemy as sa

from yibao_common.commands.audit import AuditEntry
from yibao_common.db.audit_chain import record_refused
from yibao_common.db.database import Database
from yibao_common.keys.vault import Vault
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_identity.application.certificates import (
    ActivateCertificate,
    CloseCertificate,
    EncodeCertificate,
)
from yibao_identity.rules.certificate import (
    Certificate,
    CertificateState,
    certificate_exists,
    ecert_suspended,
    new_subject,
)
from yibao_identity.storage import tables
from yibao_identity.storage.certificate_rows import find_certificate, hold_certificate
from yibao_identity.storage.device_rows import revoke_devices_of
from yibao_identity.storage.feed import note_change
from yibao_identity.storage.person_calls import PersonCalls
from yibao_identity.storage.person_locks import lock_live_person


class CertificateStore(PersonCalls):
    """E-certificates of a database; see `application.certificates.Certificates`."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        clock: Clock,
        ids: Ids,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        """Takes the database and the source of subjects."""
        super().__init__(database, vault, clock=clock, ids=ids)
        self._random_bytes = random_bytes

    def activate(self, command: ActivateCertificate, encode: EncodeCertificate) -> bytes:
        """Activates a certificate once by request id and returns the answer's bytes."""
        return self._answer(
            command.request,
            lambda connection: encode(self._activate(connection, command)),
        )

    def close(self, command: CloseCertificate, encode: EncodeCertificate) -> bytes:
        """Closes a certificate once by request id and returns the answer's bytes."""
        return self._answer(
            command.request,
            lambda connection: encode(self._close(connection, command)),
        )

    def find(self, region: str, certificate_id: str) -> Certificate | None:
        """Returns a certificate, or None."""
        with self._database.read() as connection:
            return find_certificate(connection, region, certificate_id)

    def record_foreign(
        self, caller: Caller, *, method: str, region: str, certificate_id: str
    ) -> None:
        """Puts on record that a holder asked for another's certificate and was refused."""
        outcome = Reason.OUT_OF_SCOPE.name
        now = self._clock()
        entry = AuditEntry(region, now, caller.path, method, (certificate_id,), outcome, {}, "")
        record_refused(self._database, tables.audit, entry)

    def _activate(self, connection: sa.Connection, command: ActivateCertificate) -> Certificate:
        request, now = command.request, self._clock()
        region, person_id = request.region, command.person_id
        lock_live_person(connection, region, person_id)
        _check_may_activate(connection, region, person_id)
        certificate = Certificate(
            region,
            self._ids(),
            person_id,
            new_subject(self._random_bytes),
            CertificateState.ACTIVE,
            now,
        )
        connection.execute(
            sa.insert(tables.certificate).values(
                region=region,
                certificate_id=certificate.certificate_id,
                person_id=person_id,
                subject=certificate.subject,
                state=certificate.state.value,
                activate_time=now,
                activated_by=request.caller.path,
                proofing_method=command.proofing.method.value,
                proofing_reference=command.proofing.reference,
            )
        )
        note_change(connection, region, [person_id], now=now, caller=request.caller.path)
        subjects = (person_id, certificate.certificate_id)
        proof = command.proofing.method.name
        self._record(connection, request, subjects, proof=proof)
        return certificate

    def _close(self, connection: sa.Connection, command: CloseCertificate) -> Certificate:
        request, now = command.request, self._clock()
        request.caller.require_certificate(command.certificate_id)
        certificate = hold_certificate(connection, request.region, command.certificate_id)
        if certificate.state is CertificateState.CLOSED:
            return certificate
        caller = request.caller.path
        close_certificate(connection, certificate, now=now, caller=caller)
        person_id = certificate.person_id
        note_change(connection, request.region, [person_id], now=now, caller=caller)
        self._record(connection, request, (person_id, certificate.certificate_id))
        closed = find_certificate(connection, request.region, certificate.certificate_id)
        assert closed is not None
        return closed


def close_certificate(
    connection: sa.Connection, certificate: Certificate, *, now: dt.datetime, caller: str
) -> None:
    """Closes a certificate whose row is locked, and revokes its devices.

    A suspension stays beside it: it is not shaken off by closing.
    """
    table = tables.certificate
    region, certificate_id = certificate.region, certificate.certificate_id
    connection.execute(
        sa.update(table)
        .where(table.c.region == region, table.c.certificate_id == certificate_id)
        .values(state=CertificateState.CLOSED.value, close_time=now, closed_by=caller)
    )
    revoke_devices_of(connection, region, certificate_id, now=now, caller=caller)


def close_of_person(
    connection: sa.Connection, region: str, person_id: str, *, now: dt.datetime, caller: str
) -> None:
    """Closes the certificate of a person whose row is locked, where one stands.

    For merges: who calls notes the change and writes the audit row.
    """
    table = tables.certificate.c
    standing = connection.execute(
        sa.select(table.certificate_id).where(
            table.region == region,
            table.person_id == person_id,
            table.state != CertificateState.CLOSED.value,
        )
    ).scalar_one_or_none()
    if standing is not None:
        certificate = find_certificate(connection, region, standing, for_update=True)
        assert certificate is not None
        close_certificate(connection, certificate, now=now, caller=caller)


def _check_may_activate(connection: sa.Connection, region: str, person_id: str) -> None:
    """Refuses a second certificate, and a new one in place of a suspended one (I-04).

    The person's row is locked, so nobody activates, closes or suspends meanwhile.

    Raises:
        RuleError: CERTIFICATE_EXISTS, ECERT_SUSPENDED.
    """
    table = tables.certificate.c
    query = sa.select(table.certificate_id, table.state, table.suspension_case_id).where(
        table.region == region, table.person_id == person_id
    )
    rows = connection.execute(query).all()
    for row in rows:
        if row.state != CertificateState.CLOSED.value:
            raise certificate_exists(row.certificate_id)
    for row in rows:
        if row.suspension_case_id is not None:
            raise ecert_suspended(row.suspension_case_id)

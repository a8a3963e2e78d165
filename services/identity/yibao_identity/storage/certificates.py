"""E-certificates: activated once by request id, read by id."""

from collections.abc import Callable

import sqlalchemy as sa

from yibao_common.clock import Clock
from yibao_common.database import Database
from yibao_common.ids import Ids
from yibao_identity.application.commands import ActivateCertificate
from yibao_identity.rules.certificate import (
    Certificate,
    CertificateState,
    certificate_exists,
    new_subject,
)
from yibao_identity.rules.person import person_not_found
from yibao_identity.storage import tables
from yibao_identity.storage.feed import append_change, newest_change
from yibao_identity.storage.sealed_answers import answer_sealed
from yibao_identity.storage.vault import Vault

COLUMNS = ("region", "certificate_id", "person_id", "subject", "state", "activate_time")


class CertificateStore:
    """E-certificates of a database; see `application.ports.Certificates`."""

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
        self._database = database
        self._vault = vault
        self._clock = clock
        self._ids = ids
        self._random_bytes = random_bytes

    def activate(
        self, command: ActivateCertificate, encode: Callable[[Certificate], bytes]
    ) -> bytes:
        """Activates a certificate once by request id and returns the answer's bytes."""
        return answer_sealed(
            self._database,
            self._vault,
            region=command.region,
            request_id=command.request_id,
            digest=command.digest,
            work=lambda connection: encode(self._activate(connection, command)),
        )

    def find(self, region: str, certificate_id: str) -> Certificate | None:
        """Returns a certificate, or None."""
        table = tables.certificate.c
        query = sa.select(*(table[name] for name in COLUMNS)).where(
            table.region == region, table.certificate_id == certificate_id
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else certificate_from(tuple(row))

    def _activate(self, connection: sa.Connection, command: ActivateCertificate) -> Certificate:
        region, now = command.region, self._clock()
        person = tables.person.c
        locked = connection.execute(
            sa.select(person.person_id)
            .where(person.region == region, person.person_id == command.person_id)
            .with_for_update()
        ).one_or_none()
        if locked is None:
            raise person_not_found(command.person_id)
        # Read after the lock, so that it is what the lock's last holder left.
        change = newest_change(connection, region, command.person_id)
        assert change is not None, "stored in the transaction of the registration"
        table = tables.certificate.c
        known = connection.execute(
            sa.select(table.certificate_id).where(
                table.region == region, table.person_id == command.person_id
            )
        ).scalar_one_or_none()
        if known is not None:
            raise certificate_exists(known)
        certificate = Certificate(
            region,
            self._ids(),
            command.person_id,
            new_subject(self._random_bytes),
            CertificateState.ACTIVE,
            now,
        )
        connection.execute(
            sa.insert(tables.certificate).values(
                region=region,
                certificate_id=certificate.certificate_id,
                person_id=certificate.person_id,
                subject=certificate.subject,
                state=certificate.state.value,
                activate_time=now,
                activated_by=command.caller,
                proofing_method=command.proofing.method.value,
                proofing_reference=command.proofing.reference,
            )
        )
        append_change(
            connection,
            region,
            person_id=command.person_id,
            subject=certificate.subject,
            birth_date=change.birth_date,
            enrolment=change.enrolment,
            credential_usable=True,
            now=now,
            caller=command.caller,
        )
        return certificate


def certificate_from(row: tuple[object, ...]) -> Certificate:
    """Builds a certificate from a row of COLUMNS."""
    region, certificate_id, person_id, subject, state, activate_time = row
    return Certificate(
        region,  # type: ignore[arg-type]
        certificate_id,  # type: ignore[arg-type]
        person_id,  # type: ignore[arg-type]
        subject,  # type: ignore[arg-type]
        CertificateState(state),
        activate_time,  # type: ignore[arg-type]
    )

"""E-certificates as rows."""

from collections.abc import Collection

import sqlalchemy as sa

from yibao_common.db.rows import select_rows
from yibao_identity.rules.certificate import Certificate, CertificateState, Proofing
from yibao_identity.storage import tables

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
_table = tables.certificate


class StoredCertificates:
    """See `application.certificate.CertificateRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region

    def find(self, certificate_id: str) -> Certificate | None:
        """Returns a certificate, or None."""
        return self._one(self._named(certificate_id))

    def lock(self, certificate_id: str) -> Certificate | None:
        """Locks a certificate and returns it, or None."""
        return self._one(self._named(certificate_id).with_for_update())

    def among(self, certificate_ids: Collection[str]) -> dict[str, Certificate]:
        """Returns those that exist, by their ids."""
        found = self._with("certificate_id", certificate_ids)
        return {certificate.certificate_id: certificate for certificate in found}

    def of_persons(self, person_ids: Collection[str]) -> list[Certificate]:
        """Returns every certificate of persons, in the order of activation."""
        return self._with("person_id", person_ids, order_by=("activate_time",))

    def insert(self, certificate: Certificate, proofing: Proofing, *, activated_by: str) -> None:
        """Stores a new certificate."""
        self._connection.execute(
            sa.insert(_table).values(
                region=certificate.region,
                certificate_id=certificate.certificate_id,
                person_id=certificate.person_id,
                subject=certificate.subject,
                state=certificate.stored_state.value,
                activate_time=certificate.activate_time,
                activated_by=activated_by,
                proofing_method=proofing.method.value,
                proofing_reference=proofing.reference,
            )
        )

    def close(self, certificate: Certificate, *, closed_by: str) -> None:
        """Stores that a certificate is closed."""
        changed = self._connection.execute(
            sa.update(_table)
            .where(
                _table.c.region == self._region,
                _table.c.certificate_id == certificate.certificate_id,
            )
            .values(
                state=certificate.stored_state.value,
                close_time=certificate.close_time,
                closed_by=closed_by,
            )
        )
        assert changed.rowcount == 1

    def _named(self, certificate_id: str) -> sa.Select[tuple[object, ...]]:
        return sa.select(*(_table.c[name] for name in COLUMNS)).where(
            _table.c.region == self._region, _table.c.certificate_id == certificate_id
        )

    def _one(self, query: sa.Select[tuple[object, ...]]) -> Certificate | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else certificate_from(tuple(row))

    def _with(
        self, key: str, among: Collection[str], *, order_by: tuple[str, ...] = ()
    ) -> list[Certificate]:
        rows = select_rows(
            self._connection,
            _table,
            COLUMNS,
            region=self._region,
            key=key,
            among=among,
            order_by=order_by,
        )
        return [certificate_from(row) for row in rows]


def certificate_from(row: tuple[object, ...]) -> Certificate:
    """Builds a certificate from a row of COLUMNS."""
    region, certificate_id, person_id, subject, state, activate_time, case_id, close_time = row
    return Certificate(
        region,  # type: ignore[arg-type]
        certificate_id,  # type: ignore[arg-type]
        person_id,  # type: ignore[arg-type]
        subject,  # type: ignore[arg-type]
        CertificateState(state),
        activate_time,  # type: ignore[arg-type]
        case_id,  # type: ignore[arg-type]
        close_time,  # type: ignore[arg-type]
    )

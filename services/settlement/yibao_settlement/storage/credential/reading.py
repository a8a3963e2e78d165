"""Cards and e-certificates as stored; the feed tells of them."""

from yibao_common.db.rows import Row
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.credential import Credential
from yibao_settlement.storage.batch.loading import Read, Wanted
from yibao_settlement.storage.credential.tables import credential

CREDENTIAL_COLUMNS = (
    *("subject", "person_id", "kind", "state"),
    *("revoked_device_certificate_ids", "codes_since_second", "certificate_id"),
)


def read_credentials(wanted: Wanted) -> Read:
    """Reads the credentials that the codes are of."""
    return Read(
        wanted.select(credential, CREDENTIAL_COLUMNS, "subject", wanted.needs.subjects),
        _keep_credentials,
    )


def credential_from(row: Row) -> Credential:
    """Returns the credential in a row of CREDENTIAL_COLUMNS."""
    subject, person_id, kind, state, revoked, codes_since_second, certificate_id = row
    revoked_ids = frozenset(revoked.split(",")) if revoked else ()
    return Credential(
        subject, person_id, kind, state, revoked_ids, codes_since_second, certificate_id
    )


def _keep_credentials(working_set: WorkingSet, rows: list[Row]) -> None:
    for row in rows:
        credential = credential_from(row)
        working_set.credentials[credential.subject] = credential

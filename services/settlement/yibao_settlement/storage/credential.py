"""Cards and e-certificates as stored; the feed tells of them."""

from yibao_common.db.rows import Row
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.credential import Credential
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Read, Wanted

CREDENTIAL_COLUMNS = ("subject", "person_id", "kind", "state", "revoked_device_certificate_ids")


def read_credentials(wanted: Wanted) -> Read:
    """Reads the credentials that the codes are of."""
    return Read(
        wanted.select(tables.credential, CREDENTIAL_COLUMNS, "subject", wanted.needs.subjects),
        _keep_credentials,
    )


def _keep_credentials(working_set: WorkingSet, rows: list[Row]) -> None:
    for subject, person_id, kind, state, revoked in rows:
        revoked_ids = frozenset(revoked.split(",")) if revoked else ()
        working_set.credentials[subject] = Credential(subject, person_id, kind, state, revoked_ids)

"""Codes that were used up."""

from yibao_common.db.rows import Insert, Row
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Read, Wanted

_COLUMNS = (
    *("region", "signer", "code_id", "request_id"),
    *("institution_id", "terminal_id", "scan_time", "used_for_id"),
)


def read_codes(wanted: Wanted) -> Read:
    """Reads which of the codes were used before."""
    return Read(
        wanted.select(tables.used_code, ("signer", "code_id"), "code_id", wanted.needs.code_ids),
        _keep_codes,
    )


def write_codes(working_set: WorkingSet) -> Insert:
    """Writes the codes that the batch used up."""
    region = working_set.region
    return Insert(
        tables.used_code,
        _COLUMNS,
        [
            (
                region,
                code.signer,
                code.code_id,
                request_id,
                institution_id,
                code.terminal_id,
                code.scan_time,
                used_for_id,
            )
            for code, request_id, institution_id, used_for_id in working_set.changes.code_uses
        ],
    )


def _keep_codes(working_set: WorkingSet, rows: list[Row]) -> None:
    working_set.used_codes.update((signer, code_id) for signer, code_id in rows)

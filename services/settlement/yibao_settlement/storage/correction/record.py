"""Corrections as stored, and settlements with what took their places."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from yibao_common.db.rows import Insert, Row, Select, Statement
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.settlement.corrected import Correction
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.storage import tables

_COLUMNS = Correction._fields


def write_corrections(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes which settlements took the places of others."""
    yield Insert(
        tables.correction,
        ("region", *_COLUMNS),
        [(working_set.region, *each) for each in working_set.changes.corrections],
    )


def select_corrections(region: str, settlement_ids: Collection[str]) -> tuple[Select, Select]:
    """Returns the look-ups of corrections by which settlements came to be, and were replaced."""
    ids = tuple(settlement_ids)
    return (
        Select(tables.correction, _COLUMNS, region, "settlement_id", ids),
        Select(tables.correction, _COLUMNS, region, "corrected_id", ids),
    )


def corrected(record: SettlementRecord, rows: Iterable[Row]) -> SettlementRecord:
    """Returns a settlement with what `rows` of corrections tell of it, among others."""
    for each in map(Correction._make, rows):
        if each.settlement_id == record.settlement_id:
            record = record._replace(correction=each)
        elif each.corrected_id == record.settlement_id:
            record = record._replace(corrected_by_id=each.settlement_id)
    return record


def came_to_be(
    records: Mapping[str, SettlementRecord], rows: Iterable[Row]
) -> dict[str, SettlementRecord]:
    """Returns those of settlements, by id, that came to be by the corrections in `rows`."""
    return {row[0]: corrected(records[row[0]], [row]) for row in rows}

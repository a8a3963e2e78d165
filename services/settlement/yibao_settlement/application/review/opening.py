"""The case that a bill opens."""

from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.review import Finding, Review


def opened_by(record: SettlementRecord, findings: tuple[Finding, ...], *, review_id: str) -> Review:
    """Returns the case of a settlement, as it is opened."""
    return Review(
        record.region,
        review_id,
        record.settlement_id,
        record.visit_id,
        record.person_id,
        record.institution_id,
        record.service_date,
        record.total_fen,
        record.fund_total_fen,
        findings,
        record.settle_time,
    )

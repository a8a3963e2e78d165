"""What a bill is found with, so that a case is opened of it; of most nothing is."""

from collections.abc import Collection

from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.charge.taking import Taking
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.finding import NewBill, RetiredCadres, findings_of
from yibao_settlement.rules.review import Finding
from yibao_settlement.rules.stay import StandingBill
from yibao_settlement.rules.visit import Visit


def found_with(
    record: SettlementRecord,
    visit: Visit,
    taking: Taking,
    own: Collection[StandingBill],
    working_set: WorkingSet,
    *,
    retired_cadres: RetiredCadres,
) -> tuple[Finding, ...]:
    """Returns what a bill is found with; `own` are the others that stand of its visit."""
    others = working_set.other_visits(visit)
    is_retired_cadre = retired_cadres.have(record.facts.person_class, record.insurance_type)
    if not (own or others or is_retired_cadre):
        return ()
    bill = NewBill(
        visit,
        record.service_date,
        record.total_fen,
        record.marks,
        record.lines,
        record.particulars,
        taking.told_apart,
    )
    return findings_of(bill, own, others, is_retired_cadre=is_retired_cadre)

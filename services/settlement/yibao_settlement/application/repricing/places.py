"""Where the windows are kept that a bill starts from on the terms of its day by now."""

from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.settlement.benefit import terms_of
from yibao_settlement.application.settlement.fold import places_anew
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.benefit.keeping import KeptPlace
from yibao_settlement.rules.benefit.policy import BenefitPolicy


def places_by_now(record: SettlementRecord, working_set: WorkingSet) -> set[KeptPlace]:
    """Returns where that is kept which a bill asks for by the policy in force on its day by now.

    Beside `WorkingSet.places_of`, which tells what it asks for so far.
    """
    policy = working_set.reference.policy(record.insurance_type, record.service_date)
    now = record.in_effect
    if isinstance(policy, BenefitPolicy):
        visit = working_set.held(working_set.visits[record.visit_id])
        now = now._replace(benefit=terms_of(now, visit))
    return places_anew(now, policy, holder_id=working_set.holder_of(record.person_id))

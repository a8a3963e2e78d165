"""Finding a settlement that the caller may see, and what its calculation was."""

from typing import NamedTuple

from yibao_common.values.caller import Caller
from yibao_common.values.errors import (
    FieldFault,
    InvariantError,
    RuleError,
    named_once,
    refuse_faults,
)
from yibao_common.values.reasons import Reason
from yibao_settlement.application.credential import Viewer, may_see
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.settlement.explain import (
    AnySplit,
    Figures,
    TraceNode,
    explained,
    figures_of,
    settled_again,
    trace_mismatch,
)
from yibao_settlement.application.settlement.record import (
    SettlementRecord,
    settlement_not_found,
)
from yibao_settlement.rules.policy.any_policy import AnyPolicy


class SettlementName(NamedTuple):
    """How a caller names a settlement: by its id, or by an institution's own numbers."""

    settlement_id: str
    provider_visit_number: str = ""
    bill_number: str = ""


def settlement_named(reads: Reads, region: str, name: SettlementName, viewer: Viewer) -> str:
    """Returns which settlement a caller names; who may see it is asked by `find_settlement`.

    By numbers it is that of a visit which was not cancelled: the one that stands, or was reversed
    last. Raises RuleError SETTLEMENT_NOT_FOUND, FIELD_REQUIRED where it is not named, or by
    numbers that are not the caller's own, FIELD_OUT_OF_RANGE where it is named twice.
    """
    numbers = name.provider_visit_number, name.bill_number
    refuse_faults(
        named_once(
            "settlement_id",
            name.settlement_id,
            provider_visit_number=name.provider_visit_number,
            bill_number=name.bill_number,
        )
    )
    found = name.settlement_id or _numbered(reads, region, *numbers, viewer)
    if found is None:
        message = f"no settlement of a bill {name.bill_number} of such a visit"
        raise RuleError(Reason.SETTLEMENT_NOT_FOUND, message, bill_number=name.bill_number)
    return found


def _numbered(
    reads: Reads, region: str, visit_number: str, bill_number: str, viewer: Viewer
) -> str | None:
    if viewer.institution_id is None:
        fault = "is required: numbers are an institution's own"
        refuse_faults([FieldFault("settlement_id", Reason.FIELD_REQUIRED, fault)])
    assert viewer.institution_id is not None
    visit = reads.visit_numbered(region, viewer.institution_id, visit_number)
    if visit is None:
        return None
    return reads.settlement_numbered(region, visit.visit_id, bill_number)


def find_settlement(
    reads: Reads, region: str, settlement_id: str, caller: Caller | Viewer
) -> SettlementRecord:
    """Returns a settlement of the caller's institution or person, or any where it is an agency.

    Raises RuleError SETTLEMENT_NOT_FOUND, and InvariantError where the record of one that
    the caller may see was altered.
    """
    try:
        record = reads.settlement(region, settlement_id)
    except InvariantError:
        # Whose it is stands beside the record: who may not see it learns nothing of it.
        _check_may_see(reads.settled_at(region, settlement_id), None, settlement_id, caller)
        raise
    if record is None:
        raise settlement_not_found(settlement_id)
    _check_may_see(record.institution_id, record.person_id, settlement_id, caller)
    return record


def _check_may_see(
    institution_id: str | None, person_id: str | None, settlement_id: str, caller: Caller | Viewer
) -> None:
    if not may_see(caller, institution_id=institution_id, person_id=person_id):
        raise settlement_not_found(settlement_id)


def find_recalculated(
    reads: Reads, region: str, settlement_id: str, caller: Caller | Viewer
) -> tuple[SettlementRecord, AnyPolicy, AnySplit]:
    """Returns a settlement as `find_settlement` does, its policy and its calculation again.

    Raises RuleError TRACE_MISMATCH where it does not come out as it was settled.
    """
    try:
        record = find_settlement(reads, region, settlement_id, caller)
    except InvariantError as error:
        raise trace_mismatch(settlement_id) from error
    policy = reads.policy(region, record.policy_version)
    if policy is None:
        raise trace_mismatch(settlement_id)
    return record, policy, settled_again(record, policy)


def find_explained(
    reads: Reads, region: str, settlement_id: str, caller: Caller | Viewer
) -> tuple[SettlementRecord, tuple[TraceNode, ...], Figures]:
    """Returns a settlement, every step of its calculation, and its figures.

    Raises as `find_recalculated`.
    """
    record, policy, split = find_recalculated(reads, region, settlement_id, caller)
    return record, explained(policy, split), figures_of(split)

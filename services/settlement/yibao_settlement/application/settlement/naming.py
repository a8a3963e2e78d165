"""The settlement that a command names, and the fold of its person's bills from it on."""

import contextlib
import functools
from collections.abc import Iterator

from yibao_common.values.caller import Caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.settlement.fold import Fold
from yibao_settlement.application.settlement.record import (
    SettlementRecord,
    settlement_not_found,
)


def named_settlement(
    working_set: WorkingSet, settlement_id: str, caller: Caller
) -> SettlementRecord:
    """Returns a settlement that stands: of the caller's institution, any to an agency.

    Raises RuleError SETTLEMENT_NOT_FOUND, SETTLEMENT_REVERSED.
    """
    record = working_set.settlements.get(settlement_id)
    if record is None or caller.institution_id not in (None, record.institution_id):
        raise settlement_not_found(settlement_id)
    if record.reversal is not None:
        raise RuleError(
            Reason.SETTLEMENT_REVERSED,
            f"settlement {record.settlement_id} is reversed already",
            reversal_id=record.reversal.reversal_id,
        )
    return record


def begun_fold(record: SettlementRecord, working_set: WorkingSet) -> Fold:
    """Returns the fold of the person's bills before a settlement: that and later ones are off."""
    holder_id = working_set.holder_of(record.person_id)
    fold = Fold(
        functools.partial(working_set.kept, holder_id),
        working_set.policy_of,
        holder_id=holder_id,
    )
    fold.take_off([record, *working_set.later_bills(record)])
    return fold


@contextlib.contextmanager
def told_to(caller: Caller) -> Iterator[None]:
    """Tells which bill cannot be decided again to an agency alone.

    Which it is may concern another hospital than the caller's.
    """
    try:
        yield
    except RuleError as refusal:
        if refusal.reason is not Reason.READJUDICATION_FAILED or caller.institution_id is None:
            raise
        raise RuleError(refusal.reason, refusal.message) from None

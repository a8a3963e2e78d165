"""Both columns of a settlement explained: the counter's, and what the bill costs by now.

The effective one is derived again on the windows that it was decided on last: what they held
then, and which of the person's bills before it had put it there.
"""

from collections.abc import Iterable
from typing import NamedTuple

from yibao_common.values.caller import Caller
from yibao_common.values.errors import InvariantError, RuleError
from yibao_settlement.application.credential import Viewer
from yibao_settlement.application.elsewhere.explain import ElsewhereExplained, explain_elsewhere
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.settlement.explain import (
    AnySplit,
    Figures,
    TraceNode,
    calculated,
    explained,
    figures_of,
    trace_mismatch,
)
from yibao_settlement.application.settlement.find import find_recalculated
from yibao_settlement.application.settlement.fold import asked_again, pays_before_funds
from yibao_settlement.application.settlement.past import ToldAdjustment, adjustments_told
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.account import Carried
from yibao_settlement.rules.policy.any_policy import AnyPolicy


class WindowPart(NamedTuple):
    """What a bill had put into a window before another one; in fen, or a number of bills."""

    settlement_id: str
    value: int


class WindowFound(NamedTuple):
    """What a bill finds under a name of the person's windows now, and found at the counter.

    `parts` are the bills that put it there, in the order of their places, as far as the caller
    may learn of them.
    """

    name: str
    counter_value: int
    value: int
    parts: tuple[WindowPart, ...]


class EffectiveExplained(NamedTuple):
    """Each step of what a bill costs by now, and the windows that it finds."""

    trace: tuple[TraceNode, ...]
    windows: tuple[WindowFound, ...]


class Explained(NamedTuple):
    """A settlement, what moved of it, and the calculation of its columns.

    `effective` is None while nobody bears another amount than the counter showed.
    """

    record: SettlementRecord
    adjustments: list[ToldAdjustment]
    trace: tuple[TraceNode, ...]
    figures: Figures
    effective: EffectiveExplained | None
    elsewhere: ElsewhereExplained | None = None


def find_both_columns(
    reads: Reads, region: str, settlement_id: str, caller: Caller | Viewer
) -> Explained:
    """Returns a settlement, every step of both its columns, and what moved of it.

    Raises as `find_recalculated`; TRACE_MISMATCH too where the effective column does not come
    out as it was posted.
    """
    record, policy, split = find_recalculated(reads, region, settlement_id, caller)
    effective = None
    if record.is_revised:
        by_now = policy
        if record.newest_terms is not None:
            by_now = policy_by_now(reads, record)
        again = effective_again(record, by_now)
        windows = tuple(_windows(record, reads, caller))
        effective = EffectiveExplained(explained(by_now, again), windows)
    return Explained(
        record,
        adjustments_told(reads, record, caller),
        explained(policy, split),
        figures_of(split),
        effective,
        explain_elsewhere(record, policy, split),
    )


def policy_by_now(reads: Reads, record: SettlementRecord) -> AnyPolicy:
    """Returns the policy that decides what a bill costs by now; raises RuleError TRACE_MISMATCH."""
    policy = reads.policy(record.region, record.in_effect.policy_version)
    if policy is None:
        raise trace_mismatch(record.settlement_id)
    return policy


def effective_again(record: SettlementRecord, policy: AnyPolicy) -> AnySplit:
    """Calculates what a settled bill costs now, on the windows that it was decided on last.

    `policy` is the one that decides it by now.

    Raises RuleError TRACE_MISMATCH where it does not come out as it was posted.
    """
    effective = record.effective
    asked = asked_again(record.in_effect, policy, effective.year_before)
    if not pays_before_funds(policy):
        # It is asked for what it bears by now, so that the steps say that amount.
        carried_fen = min(record.carried.paid_fen, effective.account_fen)
        asked = asked._replace(
            balance_before_fen=effective.account_fen, carried=Carried(carried_fen, carried_fen)
        )
    try:
        split = calculated(asked, policy)
    except (RuleError, InvariantError) as error:
        raise trace_mismatch(record.settlement_id) from error
    came_to = (split.fund_payments, split.account_fen, split.cash_fen)
    posted = (effective.fund_payments, effective.account_fen, effective.cash_fen)
    if came_to != posted or dict(split.accumulations) != dict(effective.accumulations):
        raise trace_mismatch(record.settlement_id)
    return split


def _windows(
    record: SettlementRecord, reads: Reads, caller: Caller | Viewer
) -> Iterable[WindowFound]:
    counter, effective = record.counter.year_before, record.effective.year_before
    before = reads.bills_before(record.region, record.person_id, record.place)
    # By the first format names say no year.
    of_names = [
        bill for bill in before if record.has_windows or bill.benefit_year == record.benefit_year
    ]
    seen = [bill for bill in of_names if caller.institution_id in (None, bill.institution_id)]
    for name in sorted({*counter, *effective}):
        yield WindowFound(
            name,
            counter.get(name, 0),
            effective.get(name, 0),
            tuple(
                [
                    WindowPart(bill.settlement_id, bill.effective.accumulations[name])
                    for bill in seen
                    if bill.effective.accumulations.get(name, 0)
                ]
            ),
        )

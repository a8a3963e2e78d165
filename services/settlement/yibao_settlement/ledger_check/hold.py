"""What the ledger checker examines of holds.

That a held bill counts in years, windows and the fold is examined with the settlements.
"""

from collections.abc import Callable, Iterator

from yibao_common.values.errors import InvariantError, RuleError
from yibao_settlement.application.hold.state import Hold
from yibao_settlement.application.settlement.explain import settled_again
from yibao_settlement.ledger_check.report import Fault
from yibao_settlement.rules.account import NO_PURSES
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.storage.ledger.person import KeptPerson

# Their numbers among the invariants.
_CALCULATION, _HOLD = 8, 18


def hold_faults(
    person: KeptPerson, policy_of: Callable[[str], AnyPolicy | None]
) -> Iterator[Fault]:
    """Yields what is wrong with what a person holds."""
    for hold in person.held:
        yield from _calculation_faults(hold, policy_of(hold.record.policy_version))
    reserved_fen = sum(hold.record.account_fen for hold in person.held)
    balance_fen = person.purses.get(person.holder_id, NO_PURSES).balance_fen
    if reserved_fen > balance_fen:
        detail = f"holds reserve {reserved_fen} fen, the account has {balance_fen}"
        yield _HOLD, person.holder_id, detail
    for person_id in person.person_ids:
        ends = [each.expire_time for each in person.held if each.holder_id == person_id]
        first, kept = min(ends, default=None), person.hold_ends.get(person_id)
        if first != kept:
            yield _HOLD, person_id, f"keeps that a hold runs out at {kept}, not at {first}"


def _calculation_faults(hold: Hold, policy: AnyPolicy | None) -> Iterator[Fault]:
    if policy is None:
        yield _CALCULATION, hold.hold_id, f"policy {hold.record.policy_version} is not stored"
        return
    try:
        settled_again(hold.record, policy)
    except (RuleError, InvariantError, ArithmeticError, ValueError) as error:
        yield _CALCULATION, hold.hold_id, str(error)

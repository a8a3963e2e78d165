"""What the ledger checker examines of holds.

That a held bill counts in years, windows and the fold is examined with the settlements.
"""

from collections.abc import Callable, Iterator

from yibao_settlement.ledger_check.report import Fault
from yibao_settlement.ledger_check.settlement import quote_faults
from yibao_settlement.rules.account import NO_PURSES
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.storage.ledger.person import KeptPerson

# Its number among the invariants.
_HOLD = 18


def hold_faults(
    person: KeptPerson, policy_of: Callable[[str], AnyPolicy | None]
) -> Iterator[Fault]:
    """Yields what is wrong with what a person holds."""
    for hold_id in person.lost_hold_ids:
        yield _HOLD, hold_id, "its record cannot be read"
    for hold in person.held:
        policy = policy_of(hold.record.policy_version)
        for number, detail in quote_faults(hold.record, policy):
            yield number, hold.hold_id, detail
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

"""Whether what was read of a stored settlement is what was written: names, texts, numbers.

JSON says nothing of types. What was altered past the service must be told as such, by the
settlement's id, and not fail somewhere in a calculation.
"""

from collections.abc import Iterable, Mapping
from types import NoneType

from yibao_common.values.errors import InvariantError
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.policy.split import Facts

_Types = tuple[type, ...]

_LINE: _Types = (int, str, str, int, int, int, int, int, int, str, str)
# A line where the policy's share for the class decided.
_LINE_OF_CLASS: _Types = (*_LINE[:8], NoneType, *_LINE[9:])


def check_shape(record: SettlementRecord) -> None:
    """Checks that everything in a record is of its type.

    Raises InvariantError that names the settlement and what is not.
    """
    amounts = (
        *(record.total_fen, record.fund_total_fen, record.account_fen, record.cash_fen),
        *(record.excluded_fen, record.over_limit_fen, record.prepay_fen, record.eligible_fen),
        *(record.deductible_fen, record.balance_before_fen),
    )
    payments = (
        (each.fund_type, each.step_id, each.base_fen, each.amount_fen)
        for each in record.fund_payments
    )
    for name, is_right in (
        ("amounts", _are(amounts, int)),
        ("account_used", type(record.account_used) is bool),
        ("facts", _are_facts(record.facts)),
        ("year_before", are_amounts(record.year_before)),
        ("accumulations", are_amounts(record.accumulations)),
        ("fund payments", _are_rows(payments, (str, str, int, int))),
        ("entries", _are_rows(record.entries, (str, int))),
        ("lines", _are_rows(record.lines, _LINE, _LINE_OF_CLASS)),
    ):
        if not is_right:
            raise InvariantError(f"settlement {record.settlement_id} has other {name} than written")


def are_amounts(stored: object) -> bool:
    """Tells whether something read from JSON maps names to whole numbers."""
    return isinstance(stored, Mapping) and _are(stored.values(), int)


def _are(values: Iterable[object], kind: type) -> bool:
    # Not isinstance: true and false are no numbers here.
    return all(type(value) is kind for value in values)


def _are_rows(rows: Iterable[Iterable[object]], *allowed: _Types) -> bool:
    return all(tuple(map(type, row)) in allowed for row in rows)


def _are_facts(facts: Facts) -> bool:
    texts = (facts.care_type, facts.person_class, facts.institution_level)
    return _are((*texts, *facts.entitlement_groups), str) and type(facts.age) is int

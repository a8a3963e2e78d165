"""The commands that change what the settlement service stores.

Each carries the caller's request id and the digest of its contents; what it refers to is
named by ids only. A code that was refused comes along with its refusal: a repeated
request gets its first answer however old its code is by then.
"""

import datetime as dt
from dataclasses import dataclass

from yibao_common.values.errors import RuleError
from yibao_settlement.rules.bill import Bill
from yibao_settlement.rules.presentation import PresentedCode

Code = PresentedCode | RuleError


@dataclass(frozen=True, slots=True)
class RegisterVisit:
    """Registers a visit for the holder of a code."""

    request_id: str
    digest: bytes
    institution_id: str
    code: Code
    provider_visit_number: str
    care_type: str
    start_date: dt.date


@dataclass(frozen=True, slots=True)
class SettleBill:
    """Settles a bill of a visit."""

    request_id: str
    digest: bytes
    institution_id: str
    code: Code
    bill: Bill


@dataclass(frozen=True, slots=True)
class ReverseSettlement:
    """Reverses a settlement in full.

    `institution_id` is None where an agency of the region reverses.
    """

    request_id: str
    digest: bytes
    institution_id: str | None
    settlement_id: str
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class CreditAccount:
    """Credits a personal account from a source of funds."""

    request_id: str
    digest: bytes
    person_id: str
    amount_fen: int
    source: str


Command = RegisterVisit | SettleBill | ReverseSettlement | CreditAccount


def accepted(code: Code) -> PresentedCode:
    """Returns the code, or raises its refusal."""
    if isinstance(code, RuleError):
        raise code
    return code

"""Monthly allocations to personal accounts (划账): what a month brings a person, and why not.

A month is credited to whoever is insured on some day of it, by the terms of the last such
period. Contributions of employees count by their base once it is told (到账); a fixed amount, as
of who is retired, waits for none. Who died in the month is credited for it still, since it was
paid: the money is the heirs'.
"""

import datetime as dt
import enum
from collections.abc import Sequence
from typing import NamedTuple

from yibao_common.values.calendar import full_years
from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.benefit.credit import CreditPolicy, CreditShare, monthly_credits
from yibao_settlement.rules.benefit.facts import Facts
from yibao_settlement.rules.enrolment import (
    ENROLMENT_NORMAL,
    Enrolment,
    RegisteredDisease,
    enrolled_facts_of,
)
from yibao_settlement.rules.period.month import first_day, is_month, month_of, next_month

_DAY = dt.timedelta(days=1)


class AllocatedState(enum.IntEnum):
    """What became of a person in an allocation; stored with it."""

    CREDITED = 1
    ALREADY_CREDITED = 2
    CREDITED_OTHERWISE = 3
    WAITING = 4
    NO_BASE = 5
    NO_RULE = 6
    FACT_MISSING = 7
    NOTHING = 8
    DIED = 9
    MERGED = 10
    CLOSED = 11
    NOT_ENROLLED = 12


class AllocatedPerson(NamedTuple):
    """A person of an allocation: the base that is known and what the rules credit, in fen."""

    allocation_id: str
    person_id: str
    state: AllocatedState
    base_fen: int | None = None
    amount_fen: int = 0
    credit_id: str | None = None


class Allocation(NamedTuple):
    """A month's allocation to an insurance type's members; `finish_time` is None while it runs."""

    region: str
    allocation_id: str
    insurance_type: str
    month: int
    policy_version: str
    request_id: str
    maker: str
    start_time: dt.datetime
    finish_time: dt.datetime | None = None


class StoredCreditPolicy(NamedTuple):
    """Rules of a file, which decide months from `start_month` on once they are approved."""

    region: str
    policy_version: str
    insurance_type: str
    start_month: int
    policy_file: bytes
    maker: str
    submit_time: dt.datetime
    checker: str | None = None
    approve_time: dt.datetime | None = None


class Member(NamedTuple):
    """What is known of a person whom an allocation looks at."""

    enrolments: Sequence[Enrolment]
    diseases: Sequence[RegisteredDisease]
    birth_date: dt.date | None
    death_date: dt.date | None
    # What the month's contribution was paid of, None where none was told.
    base_fen: int | None


class Due(NamedTuple):
    """What an allocation owes a person: `refused` is None where something is credited."""

    amount_fen: int = 0
    refused: AllocatedState | None = None


def due_to(member: Member, policy: CreditPolicy, *, insurance_type: str, month: int) -> Due:
    """Returns what a month brings a person, by the rules of the month."""
    first, last = first_day(month), first_day(next_month(month)) - _DAY
    if member.death_date is not None and member.death_date < first:
        return Due(refused=AllocatedState.DIED)
    enrolment = _last_of_month(member.enrolments, insurance_type, first=first, last=last)
    if enrolment is None:
        return Due(refused=AllocatedState.NOT_ENROLLED)
    ends = [each for each in (last, enrolment.end_date, member.death_date) if each is not None]
    day = min(ends)
    facts = _facts(member, enrolment, on=day)
    try:
        credits = monthly_credits(policy, facts, base_fen=member.base_fen or 0)
    except RuleError as error:
        is_row = error.reason is Reason.POLICY_NO_MATCHING_ROW
        return Due(refused=AllocatedState.NO_RULE if is_row else AllocatedState.FACT_MISSING)
    rows = [
        credit.table.rows[each.row_index].value
        for credit, each in zip(policy.credits, credits, strict=True)
    ]
    if member.base_fen is None and any(isinstance(each, CreditShare) for each in rows):
        return Due(refused=AllocatedState.NO_BASE)
    amount_fen = sum(each.amount_fen for each in credits)
    return Due(amount_fen, None if amount_fen else AllocatedState.NOTHING)


def _last_of_month(
    enrolments: Sequence[Enrolment], insurance_type: str, *, first: dt.date, last: dt.date
) -> Enrolment | None:
    """Returns the normal period of the insurance type that covers the latest day of a month."""
    covering = [
        each
        for each in enrolments
        if each.insurance_type == insurance_type
        and each.status == ENROLMENT_NORMAL
        and each.start_date <= last
        and (each.end_date is None or each.end_date >= first)
    ]
    return max(covering, key=lambda each: (each.start_date, each.enrolment_id), default=None)


def _facts(member: Member, enrolment: Enrolment, *, on: dt.date) -> Facts:
    day = max(on, enrolment.start_date)
    enrolled = enrolled_facts_of(enrolment, member.enrolments, member.diseases, on=day)
    birth = member.birth_date
    return Facts(
        person_class=enrolment.person_class,
        entitlement_groups=frozenset(enrolment.entitlement_groups),
        age=None if birth is None else full_years(birth, day),
        tier=enrolled.tier,
        diseases=enrolled.diseases,
        months_insured=enrolled.months_insured,
        months_owing=enrolled.months_owing,
        years_unclaimed=enrolled.years_unclaimed,
    )


def check_month(month: int, *, now: dt.datetime | None, field: str = "month") -> None:
    """Raises RuleError DATE_INVALID for what is no month, or lies behind that of `now`."""
    if not is_month(month):
        refuse_faults([FieldFault(field, Reason.DATE_INVALID, f"{month} is no month")])
    if now is not None and month > month_of(now):
        refuse_faults([FieldFault(field, Reason.DATE_INVALID, f"month {month} lies ahead")])


def deciding(
    policies: Sequence[StoredCreditPolicy], *, insurance_type: str, month: int
) -> StoredCreditPolicy:
    """Returns which of the approved rules of an insurance type decide a month.

    The one that begins last, and of those the one approved last. Raises RuleError
    CREDIT_POLICY_NOT_FOUND.
    """
    found = [
        (each.start_month, each.approve_time, each.policy_version, each)
        for each in policies
        if each.approve_time is not None
        and each.insurance_type == insurance_type
        and each.start_month <= month
    ]
    if not found:
        raise RuleError(
            Reason.CREDIT_POLICY_NOT_FOUND,
            f"no approved rules credit members of {insurance_type} in month {month}",
            insurance_type=insurance_type,
            month=str(month),
        )
    return max(found)[-1]


def check_approvable(policy: StoredCreditPolicy, *, checker: str) -> None:
    """Raises RuleError CREDIT_POLICY_STATE where rules are approved, SAME_MAKER_AND_CHECKER."""
    if policy.approve_time is not None:
        raise policy_state("the rules are approved", "APPROVED")
    if is_same_operator(policy.maker, checker):
        raise RuleError(
            Reason.SAME_MAKER_AND_CHECKER, "who submitted rules of credits cannot approve them"
        )


def policy_state(message: str, state: str) -> RuleError:
    """Returns the refusal of rules that are not in the state that is asked for."""
    return RuleError(Reason.CREDIT_POLICY_STATE, message, state=state)


def policy_not_found(policy_version: str) -> RuleError:
    """Returns the refusal for rules that there are not."""
    return RuleError(
        Reason.CREDIT_POLICY_NOT_FOUND,
        f"no credit policy {policy_version}",
        policy_version=policy_version,
    )


def allocation_not_found(allocation_id: str) -> RuleError:
    """Returns the refusal for an allocation that there is not."""
    return RuleError(
        Reason.ALLOCATION_NOT_FOUND,
        f"no allocation {allocation_id}",
        allocation_id=allocation_id,
    )


def allocation_running(allocation: Allocation) -> RuleError:
    """Returns the refusal where a month is being allocated."""
    return RuleError(
        Reason.ALLOCATION_RUNNING,
        f"month {allocation.month} of {allocation.insurance_type} is being allocated",
        allocation_id=allocation.allocation_id,
    )

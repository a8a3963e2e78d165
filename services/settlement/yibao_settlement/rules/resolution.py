"""What a counter is told of the holder of a code that it resolves, and no more than it needs."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from yibao_settlement.rules.benefit.steps import AccountStep as BenefitAccountStep
from yibao_settlement.rules.elsewhere.registered import RegisteredCare
from yibao_settlement.rules.enrolment import Enrolment, RegisteredDisease
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.step import AccountStep


class Described(NamedTuple):
    """What a counter compares with who stands there: the name, masked, and the gender.

    `gender` is that of GB/T 2261.1, 1 male and 2 female. Empty, and 0, while the feed did not tell.
    """

    person_name_masked: str = ""
    gender: int = 0


class Resolution(NamedTuple):
    """What resolving a code tells of its holder, as of now.

    `account_balance_fen` is what the account has, less what held bills reserve.
    """

    resolution_id: str
    person_id: str
    described: Described
    birth_date: dt.date
    enrolments: Sequence[Enrolment]
    # By which a visit of today would be registered.
    paying: Enrolment | None
    diseases: Sequence[RegisteredDisease]
    account_balance_fen: int
    account_may_pay: bool
    token_expire_time: dt.datetime
    # What relatives' accounts may pay of a bill of today, and who they are, as described.
    family_available_fen: int = 0
    relatives: Sequence[tuple[int, Described]] = ()
    # Those for care elsewhere that hold today where the institution is.
    registrations: Sequence[RegisteredCare] = ()


def enrolments_shown(enrolments: Sequence[Enrolment], *, on: dt.date) -> list[Enrolment]:
    """Returns the periods that cover a day, and of other insurances the one that ended last.

    They are in the order of their first days, then of insurance types.
    """
    shown = [each for each in enrolments if each.start_date <= on and _reaches(each.end_date, on)]
    covered = {each.insurance_type for each in shown}
    last: dict[str, Enrolment] = {}
    for each in enrolments:
        if each.insurance_type in covered or each.end_date is None or each.end_date >= on:
            continue
        known = last.get(each.insurance_type)
        if known is None or each.start_date > known.start_date:
            last[each.insurance_type] = each
    shown += last.values()
    return sorted(shown, key=lambda each: (each.start_date, each.insurance_type))


def diseases_shown(
    diseases: Sequence[RegisteredDisease], *, on: dt.date
) -> list[RegisteredDisease]:
    """Returns the registered diseases that hold on a day or later."""
    return [each for each in diseases if _reaches(each.end_date, on)]


def lets_account_pay(policy: AnyPolicy | None) -> bool:
    """Tells whether a policy has a personal account pay of bills, where it is asked to."""
    if policy is None:
        return False
    return any(isinstance(step, AccountStep | BenefitAccountStep) for step in policy.steps)


def _reaches(end_date: dt.date | None, day: dt.date) -> bool:
    return end_date is None or day <= end_date

"""Correcting a settled bill: what holds of the days that it was charged on, and its account.

A corrected bill is decided on the terms of the one whose place it takes, so that nothing that
became known of the person since moves it.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.bill import ChargedLine, LineParticulars
from yibao_settlement.rules.enrolment import Enrolment, paying_on
from yibao_settlement.rules.policy.split import OwnCost, SplitLine


def days_found(
    lines: Sequence[SplitLine],
    particulars: Sequence[LineParticulars | None],
    *,
    service_date: dt.date,
) -> Mapping[dt.date, bool]:
    """Returns the days that a settled bill was charged on, and whether each was covered."""
    found: dict[dt.date, bool] = {}
    for own in particulars or [None] * len(lines):
        day = service_date if own is None else own.charge_date or service_date
        found[day] = own is None or own.own_cost != OwnCost.OUTSIDE_COVER
    return found


def uncovered_days(
    lines: Sequence[ChargedLine],
    found: Mapping[dt.date, bool],
    enrolments: Sequence[Enrolment],
    *,
    insurance_type: str,
    service_date: dt.date,
) -> set[dt.date]:
    """Returns the days without cover among those of a corrected bill.

    A day that the bill was charged on before is covered as it was `found` then; of others the
    periods tell that stand by now.
    """
    days = {service_date, *(line.day(service_date) for line in lines)}

    def is_covered(day: dt.date) -> bool:
        known = found.get(day)
        if known is not None:
            return known
        return paying_on(enrolments, day, insurance_type=insurance_type) is not None

    return {day for day in days if not is_covered(day)}


def purses_without_code(held: Purses, back: Purses) -> Purses:
    """Returns what an account may pay of a corrected bill for which no code is shown.

    `held` is what it holds once it has got `back` what it paid: the person agreed to that much
    and no more.
    """
    return Purses(
        min(held.current_year_fen, back.current_year_fen), min(held.carried_fen, back.carried_fen)
    )

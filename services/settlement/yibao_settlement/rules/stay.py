"""Stays (住院): what opens and ends one, which bills it takes, what they want told.

A stay has one end however many bills it has (T-29): interim bills (中途结算) leave it open,
discharge ends it, and so does a bill that is none, where no discharge was told. Whether
discharge has to be told is the region's; an institution that settled interim bills knows
of it and has to in any region.
"""

import datetime as dt
from collections.abc import Collection, Iterator
from typing import NamedTuple

from yibao_common.values.errors import FieldFault, RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.care_type import care_type_not_allowed, is_stay, needs_disease
from yibao_settlement.rules.visit import Visit


class StandingBill(NamedTuple):
    """A bill of a visit that stands settled; see `duplicate.Marks` for the marks.

    These are None for settlements of before they were kept.
    """

    settlement_id: str
    service_date: dt.date
    is_interim: bool
    total_fen: int = 0
    line_marks: bytes | None = None
    item_set_mark: bytes | None = None


def returned_whole(bill: StandingBill) -> StandingBill:
    """Returns a bill of which nothing is left: its lines may be charged again."""
    return bill._replace(line_marks=None, item_set_mark=None)


def last_bill(bills: Collection[StandingBill]) -> StandingBill | None:
    """Returns the latest bill that is no interim one, or None."""
    final = [bill for bill in bills if not bill.is_interim]
    return max(final, key=lambda bill: bill.service_date, default=None)


def is_open(visit: Visit, bills: Collection[StandingBill]) -> bool:
    """Tells whether a visit is a stay that has not ended; `bills` are those that stand.

    Visits of before stays were kept have no `stay_id` and are none: nobody could have
    told their end.
    """
    return visit.is_undischarged_stay and last_bill(bills) is None


def end_of(visit: Visit, bills: Collection[StandingBill]) -> dt.date | None:
    """Returns the last day of a stay, None where it is open."""
    if visit.end_date is not None:
        return visit.end_date
    final = last_bill(bills)
    return None if final is None else final.service_date


def left_ended(
    visit: Visit,
    bills: Collection[StandingBill],
    *,
    open_stays: Collection[Visit],
    last_day: dt.date,
) -> Visit | None:
    """Returns a stay as it is where its last bill is taken back and another one is open.

    `bills` are those that still stand, `open_stays` the person's, `last_day` the day of the
    bill: the stay stays ended on it, since a person is in one place at a time. None where
    it opens again, or is ended anyway.
    """
    if not is_open(visit, bills) or all(each.visit_id == visit.visit_id for each in open_stays):
        return None
    return visit._replace(end_date=last_day)


def check_no_open_stay(visits: Collection[Visit], *, institution_id: str) -> None:
    """Raises STAY_OPEN_ELSEWHERE where there are any of these, a person's open stays.

    What is told of another institution's stay is only that there is one.
    """
    if not visits:
        return
    own = [visit.visit_id for visit in visits if visit.institution_id == institution_id]
    if own:
        raise RuleError(
            Reason.STAY_OPEN_ELSEWHERE, f"visit {own[0]} is an open stay", visit_id=own[0]
        )
    raise RuleError(
        Reason.STAY_OPEN_ELSEWHERE, "the person has an open stay at another institution"
    )


def check_transfer(former: Visit, bills: Collection[StandingBill], *, start_date: dt.date) -> None:
    """Raises TRANSFER_INVALID where a stay that begins on `start_date` cannot continue it.

    `bills` are the former visit's that stand. How many days may lie between is the policy's.
    """
    ended = end_of(former, bills)
    if not is_stay(former.care_type) or former.cancel_time is not None:
        raise transfer_invalid(former.visit_id, "is no stay that stands")
    if ended is None:
        raise transfer_invalid(former.visit_id, "has not ended")
    if start_date < ended:
        raise transfer_invalid(former.visit_id, "ended after the first day of this one")


def transfer_invalid(visit_id: str, why: str) -> RuleError:
    """Returns the refusal of a transfer; `why` goes on after the visit."""
    return RuleError(
        Reason.TRANSFER_INVALID, f"visit {visit_id} {why}", transfer_from_visit_id=visit_id
    )


def check_discharge(
    visit: Visit,
    bills: Collection[StandingBill],
    *,
    end_date: dt.date,
    today: dt.date,
    is_continued: bool,
) -> None:
    """Refuses a discharge of a visit of which `bills` stand.

    One that another visit continues ended on the day on which the transfer found it ended:
    whether both are one stay hangs on it.

    Raises RuleError CARE_TYPE_NOT_ALLOWED, VISIT_DISCHARGED, VISIT_SETTLED,
    DISCHARGE_DATE_INVALID.
    """
    if not is_stay(visit.care_type):
        raise care_type_not_allowed(visit.care_type, "has no discharge")
    if visit.is_discharge_told:
        assert visit.end_date is not None
        raise RuleError(
            Reason.VISIT_DISCHARGED,
            f"visit {visit.visit_id} was discharged on {visit.end_date.isoformat()}",
            visit_id=visit.visit_id,
            end_date=visit.end_date.isoformat(),
        )
    check_not_settled(visit, bills)
    if is_continued and visit.end_date not in (None, end_date):
        assert visit.end_date is not None
        raise RuleError(
            Reason.DISCHARGE_DATE_INVALID,
            f"discharge on {end_date.isoformat()} is not on {visit.end_date.isoformat()}, the "
            "end of a stay that another visit continues",
            end_date=end_date.isoformat(),
            earliest_date=visit.end_date.isoformat(),
        )
    earliest = max([visit.start_date, *(bill.service_date for bill in bills)])
    if not earliest <= end_date <= today:
        raise RuleError(
            Reason.DISCHARGE_DATE_INVALID,
            f"discharge on {end_date.isoformat()} is not between {earliest.isoformat()}, the "
            "first day or the last settled one, and today",
            end_date=end_date.isoformat(),
            earliest_date=earliest.isoformat(),
        )


def check_not_settled(visit: Visit, bills: Collection[StandingBill]) -> None:
    """Raises VISIT_SETTLED where more stands settled of a visit than interim bills."""
    final = last_bill(bills)
    if final is not None:
        raise RuleError(
            Reason.VISIT_SETTLED,
            f"bill {final.settlement_id} of the visit stands, settled or held",
            visit_id=visit.visit_id,
            settlement_id=final.settlement_id,
        )


def check_bill(
    visit: Visit,
    bills: Collection[StandingBill],
    *,
    is_interim: bool,
    is_discharge_required: bool,
) -> None:
    """Refuses a bill that the visit does not take yet, or not any more.

    `bills` are the others that stand. Raises RuleError CARE_TYPE_NOT_ALLOWED,
    INTERIM_NOT_ALLOWED, VISIT_INCOMPLETE with everything that is missing.
    """
    if is_interim:
        if not is_stay(visit.care_type):
            raise care_type_not_allowed(visit.care_type, "has no interim bills")
        if end_of(visit, bills) is not None:
            raise RuleError(
                Reason.INTERIM_NOT_ALLOWED,
                f"the stay of visit {visit.visit_id} has ended",
                visit_id=visit.visit_id,
            )
    faults = [
        FieldFault(f"visit.{field}", Reason.VISIT_INCOMPLETE, message)
        for field, message in _missing(
            visit, bills, is_interim=is_interim, is_discharge_required=is_discharge_required
        )
    ]
    if faults:
        raise RuleError(
            Reason.VISIT_INCOMPLETE,
            "; ".join(fault.message for fault in faults),
            faults=faults,
            visit_id=visit.visit_id,
        )


def missing_for_settlement(
    visit: Visit, bills: Collection[StandingBill], *, is_discharge_required: bool
) -> tuple[str, ...]:
    """Returns the fields of a visit without which its last bill is not settled."""
    missing = _missing(visit, bills, is_interim=False, is_discharge_required=is_discharge_required)
    return tuple(field for field, _ in missing)


def _missing(
    visit: Visit,
    bills: Collection[StandingBill],
    *,
    is_interim: bool,
    is_discharge_required: bool,
) -> Iterator[tuple[str, str]]:
    """Yields each missing field of a visit, and a sentence."""
    if visit.stay_id is None and visit.end_date is None:
        # It is of before: whoever registered it had no way to tell, and no need.
        return
    is_told = is_interim or visit.is_discharge_told or any(bill.is_interim for bill in bills)
    if is_stay(visit.care_type) and (is_told or is_discharge_required):
        if visit.end_date is None and not is_interim:
            yield "end_date", "the stay has no discharge yet (DischargeVisit)"
        if not visit.facts.diagnoses:
            yield "diagnoses", "the main diagnosis is missing"
    if needs_disease(visit.care_type) and not visit.facts.disease_code:
        yield "disease_code", f"care type {visit.care_type} is of a disease that has a code"

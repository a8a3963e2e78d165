"""Lines of a bill that are not payable because of whose they are."""

import datetime as dt
from collections.abc import Mapping, Sequence

from yibao_common.values.reasons import Reason
from yibao_settlement.application.reference import Reference
from yibao_settlement.rules.bill import ChargedLine, RefusedLine, are_plain
from yibao_settlement.rules.care_type import is_stay
from yibao_settlement.rules.institution.outside import outside_lines
from yibao_settlement.rules.institution.suspension import barred_lines
from yibao_settlement.rules.pricing import NOTHING_BARRED
from yibao_settlement.rules.visit import Visit


def barred_by(
    reference: Reference, lines: Sequence[ChargedLine], visit: Visit, *, last: dt.date
) -> Mapping[int, RefusedLine]:
    """Returns the lines of a bill that are not payable because of whose they are, by number.

    Of who is suspended, and of other institutions where they cannot join a stay.
    """
    outside = NOTHING_BARRED if are_plain(lines) else _outside(reference, lines, visit, last=last)
    if not reference.suspended:
        return outside
    barred = barred_lines(
        lines,
        reference.suspended,
        visit.institution_id,
        care_type=visit.care_type,
        last=last,
        is_borne=reference.line_terms.suspended_is_borne,
    )
    return {**outside, **barred}


def _outside(
    reference: Reference, lines: Sequence[ChargedLine], visit: Visit, *, last: dt.date
) -> Mapping[int, RefusedLine]:
    def standing(institution_id: str, day: dt.date) -> Reason | None:
        found = reference.institution(institution_id)
        if found is None or not found.is_designated_on(day):
            return Reason.INSTITUTION_NOT_DESIGNATED
        suspended = reference.suspended.institutions.get(institution_id, ())
        return Reason.INSTITUTION_SUSPENDED if any(s.holds_on(day) for s in suspended) else None

    return outside_lines(
        lines, visit.institution_id, standing, is_stay=is_stay(visit.care_type), last=last
    )

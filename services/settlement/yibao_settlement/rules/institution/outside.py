"""Examinations and drugs of another institution during a stay (外检、外购), which join the stay.

苏医保发〔2022〕75号, article 39: the hospital certifies that it asked for them (annex 8).
"""

import datetime as dt
from collections.abc import Callable, Sequence

from yibao_common.values.errors import FieldFault
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.bill import ChargedLine, LineOrigin, RefusedLine, refused

# Why what an institution does on a day is not payable, None where it is.
Standing = Callable[[str, dt.date], Reason | None]


def outside_lines(
    lines: Sequence[ChargedLine],
    institution_id: str,
    standing: Standing,
    *,
    is_stay: bool,
    last: dt.date,
) -> dict[int, RefusedLine]:
    """Returns the lines of other institutions that cannot join a visit of one, by number.

    `last` is the service date of their bill.
    """
    found = {}
    for line in lines:
        origin = None if line.details is None else line.details.origin
        if origin is None or not (
            origin.outside_institution_id or origin.outside_certificate_number
        ):
            continue
        fault = _fault(origin, institution_id, standing, line.day(last), is_stay=is_stay)
        if fault is not None:
            field = f"origin.{fault.field}"
            found[line.line_number] = refused(line, field, fault.reason, fault.message)
    return found


def _fault(
    origin: LineOrigin,
    institution_id: str,
    standing: Standing,
    day: dt.date,
    *,
    is_stay: bool,
) -> FieldFault | None:
    """Returns the first thing that is wrong, None where nothing is."""
    other_id, field = origin.outside_institution_id, "outside_institution_id"
    if not other_id:
        message = "is required with outside_certificate_number"
        return FieldFault(field, Reason.FIELD_REQUIRED, message)
    if not is_stay:
        message = "what another institution did joins stays alone"
        return FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message)
    if other_id == institution_id:
        message = "is the visit's own institution"
        return FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message)
    if not origin.outside_certificate_number:
        message = "is required with outside_institution_id"
        return FieldFault("outside_certificate_number", Reason.FIELD_REQUIRED, message)
    reason = standing(other_id, day)
    if reason is not None:
        message = f"institution {other_id} cannot be paid for {day.isoformat()}"
        return FieldFault(field, reason, message)
    return None

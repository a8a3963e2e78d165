"""Listing visits of an institution: which of them, in which order, from where on."""

import datetime as dt
from typing import NamedTuple

from yibao_common.values.caller import Caller
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason


class VisitPlace(NamedTuple):
    """A visit's place in lists: they go from the one registered last to the first."""

    register_time: dt.datetime
    visit_id: str


class VisitWish(NamedTuple):
    """Which visits of an institution are listed; what is None limits nothing.

    Instants are the first one included and the first one left out.
    """

    institution_id: str
    registered_since: dt.datetime | None = None
    registered_before: dt.datetime | None = None
    person_id: str | None = None
    care_type: str | None = None
    is_cancelled: bool | None = None


def institution_asked_of(caller: Caller, institution_id: str) -> str:
    """Returns whose visits a caller asks for: its own, or those that an agency names.

    Raises RuleError OUT_OF_SCOPE where an institution names another one, FIELD_REQUIRED where
    an agency names none.
    """
    asked_id = institution_id or caller.institution_id
    if asked_id is None:
        fault = "an agency names the institution"
        refuse_faults([FieldFault("institution_id", Reason.FIELD_REQUIRED, fault)])
    assert asked_id is not None
    caller.require_institution(asked_id)
    return asked_id

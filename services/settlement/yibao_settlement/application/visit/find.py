"""Finding a visit that the caller may see."""

from collections.abc import Mapping
from typing import NamedTuple

from yibao_common.values.caller import Caller
from yibao_common.values.errors import RuleError, named_once, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.visit.listing import institution_asked_of
from yibao_settlement.rules.stay import is_open, missing_for_settlement, transfer_invalid
from yibao_settlement.rules.visit import Visit, check_not_cancelled


def find_visit(reads: Reads, region: str, visit_id: str, caller: Caller) -> Visit:
    """Returns a visit of the caller's institution, or any where it is an agency.

    Raises RuleError VISIT_NOT_FOUND.
    """
    visit = reads.visit(region, visit_id)
    if visit is None or caller.institution_id not in (None, visit.institution_id):
        raise visit_not_found(visit_id)
    return visit


class VisitName(NamedTuple):
    """How a caller names a visit: by its id, or by an institution's own number of it."""

    visit_id: str
    provider_visit_number: str = ""
    # Whose number it is; empty for the caller's own.
    institution_id: str = ""


def find_named(reads: Reads, region: str, name: VisitName, caller: Caller) -> Visit:
    """Returns a visit as `find_visit` does; by its number the one that was not cancelled.

    Raises RuleError VISIT_NOT_FOUND, FIELD_REQUIRED where it is not named or an agency does not
    say whose number it is, FIELD_OUT_OF_RANGE where it is named twice, OUT_OF_SCOPE where an
    institution asks by another one's number.
    """
    number = name.provider_visit_number
    refuse_faults(named_once("visit_id", name.visit_id, provider_visit_number=number))
    if not number:
        return find_visit(reads, region, name.visit_id, caller)
    institution_id = institution_asked_of(caller, name.institution_id)
    visit = reads.visit_numbered(region, institution_id, number)
    if visit is None:
        message = f"no visit of number {number} at {institution_id} that was not cancelled"
        raise RuleError(Reason.VISIT_NOT_FOUND, message, provider_visit_number=number)
    return visit


def find_with_missing(
    reads: Reads, region: str, name: VisitName, caller: Caller, *, is_discharge_required: bool
) -> tuple[Visit, tuple[str, ...]]:
    """Returns a visit as `find_named` does, and what its last bill waits for.

    Raises as `find_named`.
    """
    visit = find_named(reads, region, name, caller)
    if visit.cancel_time is not None:
        return visit, ()
    bills = reads.standing_bills(region, visit.visit_id)
    missing = missing_for_settlement(visit, bills, is_discharge_required=is_discharge_required)
    return visit, missing


def find_open_stays(reads: Reads, region: str, person_id: str, caller: Caller) -> list[Visit]:
    """Returns a person's open stays, of the caller's institution where it is of one."""
    return [
        visit
        for visit in reads.undischarged_stays(region, person_id)
        if caller.institution_id in (None, visit.institution_id)
        and is_open(visit, reads.standing_bills(region, visit.visit_id))
    ]


def visit_of_caller(visits: Mapping[str, Visit], visit_id: str, caller: Caller) -> Visit:
    """Returns a visit of the caller's institution among those read, by id.

    Raises RuleError VISIT_NOT_FOUND: another institution's visit is not told apart from none.
    """
    visit = visits.get(visit_id)
    if visit is None or visit.institution_id != caller.own_institution():
        raise visit_not_found(visit_id)
    return visit


def own_visit_that_stands(working_set: WorkingSet, visit_id: str, caller: Caller) -> Visit:
    """Returns a visit as `visit_of_caller`; raises VISIT_CANCELLED too."""
    visit = visit_of_caller(working_set.visits, visit_id, caller)
    check_not_cancelled(visit)
    return visit


def check_not_continued(working_set: WorkingSet, visit_id: str) -> None:
    """Raises TRANSFER_INVALID where another visit continues the stay of a visit."""
    if visit_id in working_set.continued_by:
        raise transfer_invalid(visit_id, "is continued by another visit")


def visit_not_found(visit_id: str) -> RuleError:
    """Returns the refusal for a visit that the caller cannot see."""
    return RuleError(Reason.VISIT_NOT_FOUND, f"no visit {visit_id}", visit_id=visit_id)

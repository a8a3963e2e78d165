"""Finding a visit that the caller may see."""

from collections.abc import Mapping

from yibao_common.values.caller import Caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.reading import Reads
from yibao_settlement.rules.visit import Visit


def find_visit(reads: Reads, region: str, visit_id: str, caller: Caller) -> Visit:
    """Returns a visit of the caller's institution, or any where it is an agency.

    Raises RuleError VISIT_NOT_FOUND.
    """
    visit = reads.visit(region, visit_id)
    if visit is None or caller.institution_id not in (None, visit.institution_id):
        raise visit_not_found(visit_id)
    return visit


def visit_of_caller(visits: Mapping[str, Visit], visit_id: str, caller: Caller) -> Visit:
    """Returns a visit of the caller's institution among those read, by id.

    Raises RuleError VISIT_NOT_FOUND: another institution's visit is not told apart from none.
    """
    visit = visits.get(visit_id)
    if visit is None or visit.institution_id != caller.own_institution():
        raise visit_not_found(visit_id)
    return visit


def visit_not_found(visit_id: str) -> RuleError:
    """Returns the refusal for a visit that the caller cannot see."""
    return RuleError(Reason.VISIT_NOT_FOUND, f"no visit {visit_id}", visit_id=visit_id)

"""What an institution may be for, from a day on: kind, care types, other regions' persons."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


class InstitutionScope(NamedTuple):
    """What an institution is for from `start_date` on, until the next one begins.

    `care_types` are codes that stand for all that begin with them; none limits nothing.
    """

    institution_id: str
    start_date: dt.date
    institution_kind: str
    care_types: tuple[str, ...] = ()
    is_offsite_networked: bool = False
    ecert_supported: bool = False


def scope_on(scopes: Sequence[InstitutionScope], day: dt.date) -> InstitutionScope | None:
    """Returns the scope that holds on `day`: the last begun, or None."""
    holding = [each for each in scopes if each.start_date <= day]
    return max(holding, key=lambda each: each.start_date, default=None)


def check_networked(
    scope: InstitutionScope | None, institution_id: str, *, care_type: str, on: dt.date
) -> None:
    """Raises INSTITUTION_NOT_NETWORKED where an institution is not for a care type on a day."""
    if scope is None or not scope.care_types:
        return
    if not any(care_type.startswith(each) for each in scope.care_types):
        raise RuleError(
            Reason.INSTITUTION_NOT_NETWORKED,
            f"institution {institution_id} is not networked for care type {care_type} on "
            f"{on.isoformat()}",
            institution_id=institution_id,
            care_type=care_type,
        )

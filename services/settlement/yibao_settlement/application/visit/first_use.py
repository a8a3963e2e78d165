"""Confirming that a card may be activated at its first use: for identity, which asks."""

import datetime as dt
from dataclasses import dataclass

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller, Role
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.reading import Reads
from yibao_settlement.rules.care_type import is_stay
from yibao_settlement.rules.stay import end_of
from yibao_settlement.rules.visit import check_first_use

# The one service that asks.
_ASKING = "identity"


@dataclass(frozen=True, slots=True)
class FirstUse:
    """A card that is put into a terminal of an institution for the first time."""

    region: str
    person_id: str
    institution_id: str
    provider_visit_number: str


def validate_first_use(
    reads: Reads, first_use: FirstUse, *, caller: Caller, now: dt.datetime
) -> None:
    """Returns where it is confirmed.

    Raises:
        RuleError: OUT_OF_SCOPE, and what `rules.visit.check_first_use` refuses.
    """
    if caller.role is not Role.SERVICE or caller.id != _ASKING:
        raise RuleError(
            Reason.OUT_OF_SCOPE, "first uses are confirmed for identity", scope=f"service/{_ASKING}"
        )
    region, institution_id = first_use.region, first_use.institution_id
    number = first_use.provider_visit_number
    institution, visit = reads.first_use(region, institution_id, number)
    ended = None
    if visit is not None and is_stay(visit.care_type):
        ended = end_of(visit, reads.standing_bills(region, visit.visit_id))
    check_first_use(
        institution,
        institution_id,
        visit,
        ended=ended,
        person_id=first_use.person_id,
        region=region,
        on=shanghai_day(now),
    )

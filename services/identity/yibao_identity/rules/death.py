"""Deaths (参保人死亡): one event with date and evidence that ends all credentials (I-31)."""

import datetime as dt
from dataclasses import dataclass, replace

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason


@dataclass(frozen=True, slots=True)
class Death:
    """A death as it was reported; `evidence_reference` tells where the certificate is kept.

    `revoked_by` is empty and `revoke_time` None while the report stands.
    """

    region: str
    death_id: str
    person_id: str
    death_date: dt.date
    evidence_reference: str
    recorded_by: str
    record_time: dt.datetime
    revoked_by: str = ""
    revoke_time: dt.datetime | None = None
    revocation: str = ""


def check_death_date(
    death_date: dt.date, *, birth_date: dt.date, today: dt.date, field: str = "death_date"
) -> None:
    """Refuses a death before birth or after `today`.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE.
    """
    if death_date > today:
        refuse_faults([FieldFault(field, Reason.FIELD_OUT_OF_RANGE, "lies in the future")])
    if death_date < birth_date:
        refuse_faults([FieldFault(field, Reason.FIELD_OUT_OF_RANGE, "lies before birth")])


def check_alive(death_date: dt.date | None) -> None:
    """Refuses what only the living do; `death_date` is None where no death is recorded.

    Raises:
        RuleError: PERSON_DECEASED.
    """
    if death_date is not None:
        raise person_deceased(death_date)


def check_alive_on(death_date: dt.date | None, day: dt.date) -> None:
    """Refuses what begins on a day after a death.

    Raises:
        RuleError: PERSON_DECEASED.
    """
    if death_date is not None and day > death_date:
        raise person_deceased(death_date)


def revoke(death: Death, *, operator: str, now: dt.datetime, explanation: str) -> Death:
    """Returns a report as withdrawn by `operator`, another than who recorded it.

    Raises:
        RuleError: SAME_MAKER_AND_CHECKER.
    """
    if is_same_operator(death.recorded_by, operator):
        raise RuleError(
            Reason.SAME_MAKER_AND_CHECKER, "the operator who recorded the death may not revoke it"
        )
    return replace(death, revoked_by=operator, revoke_time=now, revocation=explanation)


def death_not_found(person_id: str) -> RuleError:
    """Returns the refusal to revoke a death that nobody recorded, or that was revoked."""
    return RuleError(
        Reason.DEATH_NOT_FOUND, f"no death of person {person_id} is recorded", person_id=person_id
    )


def person_deceased(death_date: dt.date) -> RuleError:
    """Returns the refusal of what is not done for a person who died."""
    return RuleError(
        Reason.PERSON_DECEASED,
        f"the person died on {death_date.isoformat()}",
        death_date=death_date.isoformat(),
    )

"""Registered chronic and special diseases (门诊慢特病备案), in runs of days."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_identity.rules.lifetime import end_faults

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Disease:
    """A disease that a person is registered with, its first and last day included.

    `end_date` is None while it is open, and the day before the first where the registration
    was taken back. `replace_time` is None while it stands. One that was not stored yet has
    no id, no time and no recorder.
    """

    disease_code: str
    start_date: dt.date
    end_date: dt.date | None = None
    disease_registration_id: str = ""
    record_time: dt.datetime | None = None
    recorded_by: str = ""
    replace_time: dt.datetime | None = None

    @property
    def last_day(self) -> dt.date:
        """The last day; the end of the calendar while it is open."""
        return self.end_date or dt.date.max

    @property
    def ever_holds(self) -> bool:
        """Whether there is any day on which it holds."""
        return self.start_date <= self.last_day


def diseases_in_order(diseases: Iterable[Disease]) -> tuple[Disease, ...]:
    """Returns registrations by their first day, then by disease."""
    return tuple(sorted(diseases, key=lambda each: (each.start_date, each.disease_code)))


def register_disease(standing: Sequence[Disease], new: Disease, *, birth_date: dt.date) -> Disease:
    """Returns the registration of a disease of somebody born on `birth_date`.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE, before birth, ending before it begins or after any
            life; DISEASE_OVERLAP.
    """
    faults = []
    if new.start_date < birth_date:
        message = "lies before birth"
        faults.append(FieldFault("start_date", Reason.FIELD_OUT_OF_RANGE, message))
    if not new.ever_holds:
        message = "lies before the first day"
        faults.append(FieldFault("end_date", Reason.FIELD_OUT_OF_RANGE, message))
    faults += end_faults(new.end_date, birth_date=birth_date)
    refuse_faults(faults)
    _check_room(standing, new)
    return new


def check_after_birth(standing: Iterable[Disease], *, birth_date: dt.date, field: str) -> None:
    """Refuses a birth date, told by `field`, that lies after the first day of a disease.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE.
    """
    if any(each.ever_holds and each.start_date < birth_date for each in standing):
        message = "a disease is registered from before the birth date: take it back before"
        refuse_faults([FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message)])


def end_disease(
    standing: Sequence[Disease],
    disease_registration_id: str,
    *,
    end_date: dt.date,
    birth_date: dt.date,
) -> Disease:
    """Returns a registration with another last day, to be stored in the place of the former.

    Raises:
        RuleError: DISEASE_NOT_FOUND; FIELD_OUT_OF_RANGE, earlier than the day before the
            first or after any life; DISEASE_OVERLAP.
    """
    former = _standing_one(standing, disease_registration_id)
    if end_date < former.start_date - _DAY:
        message = "lies over a day before the first day"
        refuse_faults([FieldFault("end_date", Reason.FIELD_OUT_OF_RANGE, message)])
    refuse_faults(end_faults(end_date, birth_date=birth_date))
    ended = dataclasses.replace(_unrecorded(former), end_date=end_date)
    _check_room([each for each in standing if each is not former], ended)
    return ended


def inherited_diseases(
    surviving: Sequence[Disease], retired: Sequence[Disease]
) -> tuple[Disease, ...]:
    """Returns the parts of `retired` on whose days `surviving` lacks the disease (I-28)."""
    taken = list(surviving)
    for former in diseases_in_order(retired):
        same = [each for each in taken if each.disease_code == former.disease_code]
        taken.extend(_without(former, diseases_in_order(same)))
    return tuple(taken[len(surviving) :])


def _without(former: Disease, others: Sequence[Disease]) -> list[Disease]:
    """Returns the parts of a registration outside of `others`, which are sorted."""
    parts, plain = [], _unrecorded(former)
    day = former.start_date
    for each in others:
        if not each.ever_holds or each.last_day < day:
            continue
        if each.start_date > day:
            before = min(former.last_day, each.start_date - _DAY)
            parts.append(dataclasses.replace(plain, start_date=day, end_date=before))
        if each.last_day >= former.last_day:
            break
        day = each.last_day + _DAY
    else:
        parts.append(dataclasses.replace(plain, start_date=day))
    return [each for each in parts if each.ever_holds]


def _standing_one(standing: Sequence[Disease], disease_registration_id: str) -> Disease:
    for each in standing:
        if each.disease_registration_id == disease_registration_id:
            return each
    raise RuleError(
        Reason.DISEASE_NOT_FOUND,
        f"the person has no registration {disease_registration_id} of a disease that stands",
        disease_registration_id=disease_registration_id,
    )


def _unrecorded(disease: Disease) -> Disease:
    return dataclasses.replace(
        disease, disease_registration_id="", record_time=None, recorded_by="", replace_time=None
    )


def _check_room(standing: Iterable[Disease], new: Disease) -> None:
    """Refuses a registration on days on which another of its disease holds."""
    for each in diseases_in_order(standing):
        if (
            each.disease_code == new.disease_code
            and each.ever_holds
            and new.ever_holds
            and each.start_date <= new.last_day
            and new.start_date <= each.last_day
        ):
            raise RuleError(
                Reason.DISEASE_OVERLAP,
                f"registration {each.disease_registration_id} holds on some of the same days",
                disease_registration_id=each.disease_registration_id,
            )

"""Carrying qualifications to identity, whose registered diseases policies see.

Offsite owns what is carried: identity is asked what it has, and told what differs. So a
step that was cut off is taken up anywhere, and an identity that was restored from a backup
is told again what it lost.
"""

import datetime as dt
import enum
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from yibao_offsite.rules.qualification.qualification import Qualification

# How long is waited after the first failure of one qualification; twice as long each time.
_FIRST_WAIT = dt.timedelta(seconds=10)
MOST_WAIT = dt.timedelta(hours=1)
_MOST_DOUBLINGS = 10
# What waits longer is told to operators.
STUCK_AFTER = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class KnownDisease:
    """A registration of a disease at identity; its days are included."""

    disease_registration_id: str
    disease_code: str
    start_date: dt.date
    end_date: dt.date | None

    @property
    def ever_holds(self) -> bool:
        """Whether there is any day on which it holds."""
        return self.end_date is None or self.start_date <= self.end_date


class CarryStep(enum.Enum):
    """What identity is told next."""

    REGISTER = enum.auto()
    END = enum.auto()
    # Identity has it, or has nothing to be taken back.
    NOTHING = enum.auto()
    # Identity has given it a last day itself, which cannot be taken away there, or ended since
    # what offsite knows of: who restored offsite may not know why.
    REFUSED = enum.auto()


@dataclass(frozen=True, slots=True)
class Carrying:
    """What identity is told next, and of which of its registrations; empty where it has none."""

    step: CarryStep
    disease_registration_id: str = ""


def next_step(
    qualification: Qualification,
    known: Sequence[KnownDisease],
    others: Sequence[Qualification],
    replaced: Collection[KnownDisease] = (),
) -> Carrying:
    """Returns what makes identity's registration the same as the qualification.

    `known` are the registrations of the person that stand; `others` are the other
    qualifications of the person, by whichever of its records. `replaced` are registrations at
    identity that stand no more as they were: where the qualification's own is among them, what
    replaced it is newer than what is known here, and is neither lengthened nor made again.
    """
    is_outdated = _is_outdated(qualification, replaced, others)
    found = _counterpart(qualification, known, others)
    if found is None:
        known_id = qualification.disease_registration_id
        if _is_covered(qualification, known, others):
            return Carrying(CarryStep.NOTHING, known_id)
        if qualification.ever_holds:
            if is_outdated:
                return Carrying(CarryStep.REFUSED, known_id)
            return Carrying(CarryStep.REGISTER)
        # Told at once where the person is another one's duplicate by now: it stands there.
        return Carrying(CarryStep.END if known_id else CarryStep.NOTHING, known_id)
    if found.end_date == qualification.end_date:
        return Carrying(CarryStep.NOTHING, found.disease_registration_id)
    is_longer = qualification.last_day > (found.end_date or dt.date.max)
    if qualification.end_date is None or (is_outdated and is_longer):
        return Carrying(CarryStep.REFUSED, found.disease_registration_id)
    return Carrying(CarryStep.END, found.disease_registration_id)


def wait_after(attempts: int) -> dt.timedelta:
    """Returns how long is waited after a number of failures; an hour at most."""
    return min(_FIRST_WAIT * (1 << min(attempts - 1, _MOST_DOUBLINGS)), MOST_WAIT)


def _is_outdated(
    qualification: Qualification,
    replaced: Collection[KnownDisease],
    others: Sequence[Qualification],
) -> bool:
    """Tells whether identity ended or took back what it had of the qualification.

    Where none of its own is known, as in a backup of before it was carried, it is whatever has its
    disease and first day; of another one that was carried so, nothing is known of this one.
    """
    own_id = qualification.disease_registration_id
    if own_id:
        return any(each.disease_registration_id == own_id for each in replaced)
    key = (qualification.disease_code, qualification.start_date)
    if any(
        other.disease_registration_id and (other.disease_code, other.start_date) == key
        for other in others
    ):
        return False
    return any((each.disease_code, each.start_date) == key for each in replaced)


def _counterpart(
    qualification: Qualification,
    known: Sequence[KnownDisease],
    others: Sequence[Qualification],
) -> KnownDisease | None:
    """Returns identity's registration: by its id, or by disease and first day.

    An identity that was restored, or has carried it to another record of the person, calls it
    by another id.
    """
    for each in known:
        if each.disease_registration_id == qualification.disease_registration_id:
            return each
    is_anothers = any(
        other.disease_code == qualification.disease_code
        and other.start_date == qualification.start_date
        and other.ever_holds
        and other.disease_registration_id
        for other in others
    )
    if is_anothers:
        return None
    return next(
        (
            each
            for each in known
            if each.disease_code == qualification.disease_code
            and each.start_date == qualification.start_date
            and each.ever_holds
        ),
        None,
    )


def _is_covered(
    qualification: Qualification,
    known: Sequence[KnownDisease],
    others: Sequence[Qualification],
) -> bool:
    """Tells whether all its days are those of what another qualification has carried.

    Both records of a merged person had been qualified: identity keeps one registration. It is
    the other one's by its first day, for each change of its last day gives it another id.
    """
    carried = {
        (other.disease_code, other.start_date)
        for other in others
        if other.ever_holds and other.disease_registration_id
    }
    return qualification.ever_holds and any(
        each.disease_code == qualification.disease_code
        and (each.disease_code, each.start_date) in carried
        and each.start_date <= qualification.start_date
        and qualification.last_day <= (each.end_date or dt.date.max)
        for each in known
    )

"""What a paper is to those who decide over it."""

import datetime as dt
import enum
from dataclasses import dataclass
from typing import NamedTuple

from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.material.kinds import Kind
from yibao_offsite.rules.material.states import COUNTS, State

# By so much the clock of a camera may be ahead.
_CLOCK_LEEWAY = dt.timedelta(minutes=10)


class MediaType(enum.IntEnum):
    """What a file is; the numbers are those of the contract and of the table."""

    PDF = 1
    JPEG = 2
    PNG = 3


class Owner(enum.IntEnum):
    """What papers are handed in for; the numbers are those of the contract and of the table."""

    REGISTRATION = 1
    AUDIT_TASK = 2
    ADMISSION = 3
    COMPLAINT = 4
    EVALUATION = 5
    MEDICAL_HISTORY = 6
    QUALIFICATION = 7
    TICKET = 8


class PhotoFacts(NamedTuple):
    """When (UTC), by whom and where a photo was taken."""

    taken_time: dt.datetime
    author: str
    place: str


class Use(NamedTuple):
    """What a paper was handed in for; `end_date` is the last day of that.

    It may lie ahead; None while none is known.
    """

    owner: Owner
    owner_id: str
    end_date: dt.date | None = None


class Paper(NamedTuple):
    """A paper as those need it who ask for papers: rooms of other features find it so.

    `put_in_place_by` is who did where it took the place of another one, and was not returned
    since; else empty.
    """

    material_id: str
    kind: str
    person_id: str
    state: State
    put_in_place_by: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of a file before it came: its length, type, hash, and facts of a photo."""

    size_bytes: int
    media_type: MediaType
    sha256: bytes
    photo: PhotoFacts | None = None


@dataclass(frozen=True, slots=True)
class Material:
    """A paper as it is stored; `told` is None of a waiver. Times are UTC.

    `party` is whose certificates may go on with it, `begun_by` the caller who began it,
    `changed_by` who returned it, decided on it, or put it in the place of another one.
    """

    region: str
    material_id: str
    person_id: str
    kind: str
    state: State
    told: Told | None
    party: str
    begun_by: str
    begin_time: dt.datetime
    finish_time: dt.datetime | None = None
    reason: str = ""
    changed_by: str = ""
    change_time: dt.datetime | None = None
    replaces_id: str | None = None
    replaced_by_id: str | None = None
    remove_time: dt.datetime | None = None
    uses: tuple[Use, ...] = ()

    @property
    def paper(self) -> Paper:
        """What other features see of it."""
        is_in_place = self.replaces_id is not None and self.state in COUNTS
        by = self.changed_by if is_in_place else ""
        return Paper(self.material_id, self.kind, self.person_id, self.state, by)


def check_photo(kind: Kind, photo: PhotoFacts | None, *, now: dt.datetime) -> None:
    """Checks that a photo says when, by whom and where, and that nothing else does.

    Raises:
        RuleError: FIELD_REQUIRED, FIELD_OUT_OF_RANGE.
    """
    if kind.is_photo and photo is None:
        refuse_faults([FieldFault("photo", Reason.FIELD_REQUIRED, "is required of a photo")])
    if photo is None:
        return
    if not kind.is_photo:
        message = "is told of photos alone"
        refuse_faults([FieldFault("photo", Reason.FIELD_OUT_OF_RANGE, message)])
    if photo.taken_time > now + _CLOCK_LEEWAY:
        message = "must not lie in the future"
        refuse_faults([FieldFault("photo.taken_time", Reason.FIELD_OUT_OF_RANGE, message)])


def material_not_found(material_id: str) -> RuleError:
    """Returns the refusal of a paper that is not there, or not the caller's to know of."""
    return RuleError(
        Reason.MATERIAL_NOT_FOUND, f"there is no paper {material_id}", material_id=material_id
    )


def not_fitting(material_id: str, kind: str, why: str) -> RuleError:
    """Returns the refusal of a paper that does not fit; `why` ends the sentence."""
    return RuleError(
        Reason.MATERIAL_NOT_FITTING,
        f"paper {material_id or kind} {why}",
        material_id=material_id,
        kind=kind,
    )


def altered(material_id: str, part_number: int) -> RuleError:
    """Returns the refusal to give out what is not what was handed in; 0 is the file as a whole."""
    return RuleError(
        Reason.MATERIAL_ALTERED,
        f"paper {material_id} is not what was handed in, at part {part_number}",
        material_id=material_id,
        part_number=part_number,
    )

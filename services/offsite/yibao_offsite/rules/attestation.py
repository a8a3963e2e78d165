"""Attestations: what of a registration is signed, for how long, and when it is taken back."""

import datetime as dt
import hashlib
from dataclasses import dataclass, replace
from typing import Final

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.feed import RegisteredCare
from yibao_offsite.rules.registration.kinds import Origin
from yibao_offsite.rules.registration.place import covering_region
from yibao_offsite.rules.registration.registration import registration_not_found

# A status list has so many entries.
LIST_ENTRIES: Final = 2**20
# A verifier without a network uses a list for so long, one with a network for so long.
LIST_LIFE: Final = dt.timedelta(hours=24)
LIST_REFRESH_AFTER: Final = dt.timedelta(minutes=5)
# The widest leeway of verifiers, and half a minute between their clocks and this one: for so
# long one takes an attestation that has ended.
VERIFIER_LEEWAY: Final = dt.timedelta(seconds=90)
# From then on, whatever the clock says.
AT_ONCE: Final = dt.date.min


@dataclass(frozen=True, slots=True)
class Entry:
    """The entry of a status list that attestations of a registration name.

    One serves every version that states the same but for the last day. `withdraw_date` is
    from which day of Asia/Shanghai on its bit is set, None while nothing ended the cover.
    No attestation that names it is valid from `last_expire_time` on.
    """

    list_number: int
    status_index: int
    registration_id: str
    stated_digest: bytes
    last_expire_time: dt.datetime
    withdraw_date: dt.date | None = None

    def withdrawn_by(self, told: RegisteredCare) -> "Entry":
        """Returns the entry as it is once settlement is told this of its registration.

        What turned out to cover nothing, or covers something else by now, is set at once and
        stays so. What ends at a day keeps its bit until that day is over: until then the
        person is covered, and nobody would give another attestation for it.
        """
        if self.withdraw_date == AT_ONCE:
            return self
        if told.is_void or stated_digest(told) != self.stated_digest:
            return replace(self, withdraw_date=AT_ONCE)
        return replace(self, withdraw_date=_day_after(told.end_date))


@dataclass(frozen=True, slots=True)
class Statement:
    """What is signed of a registration; `told` is what settlement knows of it."""

    region: str
    told: RegisteredCare
    list_number: int
    status_index: int
    issue_time: dt.datetime
    expire_time: dt.datetime


@dataclass(frozen=True, slots=True)
class HoldStatement:
    """What is signed of an audit's hold, or of its end."""

    region: str
    hold_id: str
    visit_id: str
    person_id: str
    task_id: str
    is_lifted: bool
    version: int


@dataclass(frozen=True, slots=True)
class ListContent:
    """What is signed of a status list: which entries are set."""

    region: str
    list_number: int
    is_set: frozenset[int]
    issue_time: dt.datetime
    life: dt.timedelta = LIST_LIFE
    refresh_after: dt.timedelta = LIST_REFRESH_AFTER


def stated_digest(told: RegisteredCare) -> bytes:
    """Returns 32 bytes that stand for all that an attestation states but the last day."""
    stated = (
        *(told.person_id, told.category, told.treatment_region, told.terms),
        *(sorted(told.benefits), told.start_date.isoformat(), told.origin),
    )
    return hashlib.sha256(repr(stated).encode()).digest()


def check_attestable(told: RegisteredCare, *, today: dt.date) -> None:
    """Checks that a registration covers today or a day to come.

    What is on record of an emergency's mark covers no visit but the one that bears the mark.

    Raises:
        RuleError: REGISTRATION_STATE.
    """
    if told.origin == Origin.DEEMED.value:
        raise not_attestable(told.registration_id, "DEEMED")
    if told.is_void:
        raise not_attestable(told.registration_id, "REVOKED")
    # What was cancelled before its first day ends the day before that.
    if told.end_date is not None and told.end_date < max(today, told.start_date):
        raise not_attestable(told.registration_id, "ENDED")


def not_attestable(registration_id: str, state: str) -> RuleError:
    """Returns the refusal of a registration that covers nothing now, by its state."""
    return RuleError(
        Reason.REGISTRATION_STATE,
        f"registration {registration_id} is {state.lower()}: nothing of it is attested",
        registration_id=registration_id,
        state=state,
    )


def check_place(told: RegisteredCare, *, institution_id: str) -> None:
    """Checks that an institution lies in the city that a registration is for.

    The first six digits of its number are those of the division it lies in. Where it lies
    elsewhere the registration does not exist for it.

    Raises:
        RuleError: REGISTRATION_NOT_FOUND.
    """
    if covering_region(institution_id[1:7]) != covering_region(told.treatment_region):
        raise registration_not_found(told.registration_id)


def list_not_found(uri: str) -> RuleError:
    """Returns the refusal of a status list that is none, or none of this service."""
    return RuleError(
        Reason.STATUS_LIST_NOT_FOUND, f"there is no list of attestations {uri}", uri=uri
    )


def no_attestation_key(region: str) -> RuleError:
    """Returns the refusal where no key may sign for a region at present."""
    return RuleError(
        Reason.NO_ATTESTATION_KEY, f"no key may sign attestations of {region}", region=region
    )


def _day_after(day: dt.date | None) -> dt.date | None:
    return None if day is None or day == dt.date.max else day + dt.timedelta(days=1)

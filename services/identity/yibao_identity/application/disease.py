"""Chronic and special diseases: registered and ended, each once by request id, and listed."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_identity.application.holder import lock_live_person
from yibao_identity.rules.death import check_alive_on
from yibao_identity.rules.disease import (
    Disease,
    end_disease,
    inherited_diseases,
    register_disease,
)
from yibao_identity.rules.enrolment import check_begins_soon
from yibao_identity.rules.person import person_not_found

if TYPE_CHECKING:
    from yibao_identity.application.work import Work

EncodeDisease = Callable[[Disease], bytes]


class DiseaseRows(Protocol):
    """Registered diseases in a region, as one transaction finds and writes them."""

    def standing(self, person_ids: Collection[str]) -> Mapping[str, Sequence[Disease]]:
        """Returns what stands of each of `person_ids` (none twice), in any order."""
        ...

    def history(self, person_id: str) -> Sequence[Disease]:
        """Returns every registration that was ever recorded, in the order of recording."""
        ...

    def insert(self, person_id: str, disease: Disease) -> None:
        """Stores a new registration, which has its id, time and recorder."""
        ...

    def replace(self, disease_registration_ids: Sequence[str], *, at: dt.datetime) -> None:
        """Notes that registrations no longer stand; they stay as history."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class RegisterDisease:
    """Registers a disease of a person."""

    request: Request
    person_id: str
    disease_code: str
    start_date: dt.date
    end_date: dt.date | None


@dataclasses.dataclass(frozen=True, slots=True)
class EndDisease:
    """Gives a registration its last day."""

    request: Request
    person_id: str
    disease_registration_id: str
    end_date: dt.date
    explanation: str


class Diseases:
    """The chronic and special diseases that persons are registered with. Blocks.

    Each change returns the answer's bytes, once by request id, and raises RuleError
    PERSON_NOT_FOUND, PERSON_MERGED, what it names and what the rules refuse, in this order;
    REQUEST_ID_REUSED comes before all.
    """

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def register(self, command: RegisterDisease, encode: EncodeDisease) -> bytes:
        """Registers a disease; refused with PERSON_DECEASED, DISEASE_OVERLAP as well."""
        return self._transactions.once(
            command.request, lambda work: encode(self._register(work, command))
        )

    def end(self, command: EndDisease, encode: EncodeDisease) -> bytes:
        """Ends a registration; refused with DISEASE_NOT_FOUND, DISEASE_OVERLAP as well."""
        return self._transactions.once(
            command.request, lambda work: encode(self._end(work, command))
        )

    def history(self, region: str, person_id: str, caller: Caller) -> Sequence[Disease]:
        """Returns every registration, in the order of recording, after that was put on record.

        Raises:
            RuleError: PERSON_NOT_FOUND; nothing is put on record then.
        """
        with self._transactions.read(region) as work:
            if not work.persons.is_registered(person_id):
                raise person_not_found(person_id)
            found = work.diseases.history(person_id)
        entry = entry_of(
            Request(region, "", b"", "ListDiseases", caller),
            at=self._clock(),
            subject_ids=(person_id,),
            detail={},
        )
        self._transactions.change(region, lambda work: work.audit.add(entry))
        return found

    def _register(self, work: "Work", command: RegisterDisease) -> Disease:
        request, person_id = command.request, command.person_id
        locked = lock_live_person(work.holders, person_id)
        check_alive_on(locked.death_date, command.start_date)
        today = shanghai_day(self._clock())
        check_begins_soon(command.start_date, today=today, field="start_date")
        new = register_disease(
            work.diseases.standing([person_id])[person_id],
            Disease(command.disease_code, command.start_date, command.end_date),
            birth_date=locked.birth_date,
        )
        return self._store(work, request, person_id, new, {})

    def _end(self, work: "Work", command: EndDisease) -> Disease:
        request, person_id = command.request, command.person_id
        locked = lock_live_person(work.holders, person_id)
        ended = end_disease(
            work.diseases.standing([person_id])[person_id],
            command.disease_registration_id,
            end_date=command.end_date,
            birth_date=locked.birth_date,
        )
        work.diseases.replace([command.disease_registration_id], at=self._clock())
        detail = {
            "replaced": command.disease_registration_id,
            "explanation": command.explanation,
        }
        return self._store(work, request, person_id, ended, detail)

    def _store(
        self,
        work: "Work",
        request: Request,
        person_id: str,
        disease: Disease,
        detail: Mapping[str, str],
    ) -> Disease:
        """Stores a registration, tells settlement and puts on record which it is."""
        now, caller = self._clock(), request.caller.path
        recorded = _recorded(disease, at=now, caller=caller, ids=self._ids)
        work.diseases.insert(person_id, recorded)
        work.feed.tell([person_id], at=now, caller=caller)
        told = {"added": recorded.disease_registration_id, **detail}
        entry = entry_of(request, at=self._clock(), subject_ids=(person_id,), detail=told)
        work.audit.add(entry)
        return recorded


def carry_diseases(
    work: "Work", retired: str, surviving: str, *, at: dt.datetime, caller: str, ids: Ids
) -> None:
    """Lets the record that stays bear the diseases of a duplicate; both are locked (I-28).

    Feed and audit are the caller's.
    """
    standing = work.diseases.standing([retired, surviving])
    former = standing[retired]
    work.diseases.replace([each.disease_registration_id for each in former], at=at)
    for each in inherited_diseases(standing[surviving], former):
        work.diseases.insert(surviving, _recorded(each, at=at, caller=caller, ids=ids))


def _recorded(disease: Disease, *, at: dt.datetime, caller: str, ids: Ids) -> Disease:
    return dataclasses.replace(
        disease, disease_registration_id=ids(), record_time=at, recorded_by=caller
    )

"""Medical-history files: versions entered and verified, and readings that are put on record."""

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.audit import OK, AuditEntry, entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_offsite.application.material.papers import take_papers
from yibao_offsite.application.registration.merged import survivor_of
from yibao_offsite.rules.material.material import Owner, Paper
from yibao_offsite.rules.medical_history import (
    Contents,
    History,
    Purpose,
    Reading,
    check_contents,
    file_not_read,
    history_version_not_found,
    mark_of,
    next_version,
    verify,
)
from yibao_offsite.rules.person import KnownPerson

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

Encode = Callable[[History], bytes]
READ_METHOD = "GetMedicalHistory"


class MedicalHistoryRows(Protocol):
    """Medical-history files of a region, as one transaction finds and writes them."""

    def newest_of(self, person_ids: Collection[str]) -> Sequence[History]:
        """Returns the newest version of each file, by one statement, by rising person ids."""
        ...

    def newest_version(self, person_id: str) -> int:
        """Returns the number of the newest version of a file, 0 where there is none."""
        ...

    def find(self, person_id: str, version: int) -> History | None:
        """Returns a version of a file, or None."""
        ...

    def insert(self, history: History) -> None:
        """Stores a new version."""
        ...

    def verify(self, history: History) -> None:
        """Stores who compared a version with its sources."""
        ...

    def add_reading(self, reading: Reading) -> None:
        """Stores a reading."""
        ...

    def readings(
        self, person_ids: Collection[str], *, after_id: str, limit: int
    ) -> Sequence[Reading]:
        """Returns readings of files by their ids, which rise with time."""
        ...

    def has_read(
        self, person_ids: Collection[str], *, mark: str, read_by: str, since: dt.datetime
    ) -> bool:
        """Tells whether somebody read files since an instant, in the versions of a mark."""
        ...


@dataclass(frozen=True, slots=True)
class RecordHistory:
    """Enters a version of a person's file, written upon `base_version`."""

    request: Request
    person_id: str
    base_version: int
    contents: Contents


@dataclass(frozen=True, slots=True)
class VerifyHistory:
    """States that the newest version was compared with its sources."""

    request: Request
    person_id: str
    version: int


@dataclass(frozen=True, slots=True)
class ReadHistory:
    """Reads a person's file; `version` 0 is the newest one."""

    region: str
    caller: Caller
    person_id: str
    version: int
    purpose: Purpose
    note: str


class MedicalHistories:
    """What callers ask of medical-history files. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def record(self, command: RecordHistory, encode: Encode) -> bytes:
        """Enters a version once by request id and returns the answer's bytes.

        Raises:
            RuleError: FIELD_REQUIRED and the like, PERSON_NOT_FOUND, PERSON_MERGED,
                HISTORY_VERSION_STATE, MATERIAL_NOT_FOUND, MATERIAL_NOT_FITTING, MATERIAL_STATE,
                REQUEST_ID_REUSED; in this order, but the last one first.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._record(work, command))
        )

    def verify(self, command: VerifyHistory, encode: Encode) -> bytes:
        """Verifies a version once by request id and returns the answer's bytes.

        Raises:
            RuleError: HISTORY_VERSION_NOT_FOUND, HISTORY_VERSION_STATE, SAME_MAKER_AND_CHECKER,
                REQUEST_ID_REUSED.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._verify(work, command))
        )

    def read(self, command: ReadHistory) -> tuple[Sequence[History], Reading]:
        """Returns the person's file and those of merged records; the reading is stored first.

        Raises:
            RuleError: PERSON_NOT_FOUND, HISTORY_VERSION_NOT_FOUND.
        """
        return self._transactions.change(command.region, lambda work: self._read(work, command))

    def readings(
        self, region: str, person_id: str, *, after_id: str, limit: int
    ) -> Sequence[Reading]:
        """Returns who read the files of a person, by rising ids."""
        with self._transactions.read(region) as work:
            records = work.persons.records_of(person_id)
            return work.histories.readings(records, after_id=after_id, limit=limit)

    def _record(self, work: "Work", command: RecordHistory) -> History:
        request, person_id, now = command.request, command.person_id, self._clock()
        check_contents(command.contents, today=shanghai_day(now))
        person = _check_person(work, person_id, is_locked=True)
        # Read after the lock, so that it is what the lock's last holder entered.
        version = next_version(
            work.histories.newest_version(person_id),
            base=command.base_version,
            person_id=person_id,
        )
        named = {each.source.material_id for each in command.contents.entries} - {""}
        take_papers_of_person(
            work, named, person_id=person_id, owner=Owner.MEDICAL_HISTORY, owner_id=person_id
        )
        if person is not None and person.death_date is not None:
            work.papers.end(Owner.MEDICAL_HISTORY, person_id, on=person.death_date)
        history = History(person_id, version, command.contents, request.caller.path, now)
        work.histories.insert(history)
        self._put_on_record(work, request, history)
        return history

    def _verify(self, work: "Work", command: VerifyHistory) -> History:
        request, person_id = command.request, command.person_id
        work.persons.lock(person_id)
        found = work.histories.find(person_id, command.version)
        if found is None:
            raise history_version_not_found(person_id, command.version)
        verified = verify(
            found,
            newest=work.histories.newest_version(person_id),
            verified_by=request.caller.path,
            now=self._clock(),
        )
        work.histories.verify(verified)
        self._put_on_record(work, request, verified)
        return verified

    def _read(self, work: "Work", command: ReadHistory) -> tuple[Sequence[History], Reading]:
        person_id, now = command.person_id, self._clock()
        _check_person(work, person_id, is_locked=False)
        # One statement finds all, so that the mark is that of what is answered.
        newest = {
            each.person_id: each
            for each in work.histories.newest_of(work.persons.records_of(person_id))
        }
        mark = mark_of({each.person_id: each.version for each in newest.values()})
        own = newest.pop(person_id, None)
        if command.version and (own is None or command.version != own.version):
            own, mark = work.histories.find(person_id, command.version), ""
            if own is None:
                raise history_version_not_found(person_id, command.version)
        reading = Reading(
            self._ids(),
            person_id,
            0 if own is None else own.version,
            mark,
            command.purpose,
            command.note,
            command.caller.path,
            now,
        )
        work.histories.add_reading(reading)
        detail = {"purpose": command.purpose.name, "version": str(reading.version)}
        subjects = (person_id, reading.reading_id)
        work.audit.add(
            AuditEntry(
                *(command.region, now, command.caller.path, READ_METHOD),
                *(subjects, OK, detail, ""),
            )
        )
        return [*([] if own is None else [own]), *newest.values()], reading

    def _put_on_record(self, work: "Work", request: Request, history: History) -> None:
        detail = {"version": str(history.version)}
        subjects = (history.person_id,)
        work.audit.add(entry_of(request, at=self._clock(), subject_ids=subjects, detail=detail))


def read_by(
    work: "Work", person_id: str, *, operator: str, since: dt.datetime, is_required: bool
) -> int:
    """Returns which version of the person's own file an operator has read since an instant.

    It is 0 where there is none, or where nothing was read and nothing had to be.

    Raises:
        RuleError: HISTORY_FILE_NOT_READ where it is required and the operator has not read the
            newest version of all files of the person (O-10).
    """
    records = work.persons.records_of(person_id)
    versions = {each.person_id: each.version for each in work.histories.newest_of(records)}
    if work.histories.has_read(records, mark=mark_of(versions), read_by=operator, since=since):
        return versions.get(person_id, 0)
    if is_required:
        raise file_not_read(records)
    return 0


def take_papers_of_person(
    work: "Work", material_ids: Collection[str], *, person_id: str, owner: Owner, owner_id: str
) -> Sequence[Paper]:
    """Uses papers of a person for something: of a record that was merged with the person's too.

    Raises:
        RuleError: MATERIAL_NOT_FOUND, MATERIAL_NOT_FITTING, MATERIAL_STATE.
    """
    if not material_ids:
        return ()
    whose = {paper.material_id: paper.person_id for paper in work.papers.find(material_ids)}
    taken: list[Paper] = []
    for record in work.persons.records_of(person_id):
        own = [each for each in material_ids if whose.get(each) == record]
        if own:
            taken += take_papers(work, own, person_id=record, owner=owner, owner_id=owner_id)
    others = sorted(set(material_ids) - {paper.material_id for paper in taken})
    if others:
        # Of nobody or of somebody else: which of both is told as for any paper.
        take_papers(work, others, person_id=person_id, owner=owner, owner_id=owner_id)
    return taken


def end_files(work: "Work", persons: Sequence[KnownPerson]) -> None:
    """Has the years of the papers in files be counted from the deaths of `persons`.

    They are locked. The file of a merged record is read with the survivor's, and ends with that.
    A death that is not told any more lets the file go on.
    """
    known = {each.person_id: each for each in persons}
    heads = {
        survivor_of(work, each.person_id) if each.merged_into else each.person_id
        for each in persons
    }
    for person_id in sorted(heads - known.keys()):
        survivor = work.persons.lock(person_id)
        if survivor is not None:
            known[person_id] = survivor
    others = work.persons.with_merged(heads)
    ends: dict[dt.date | None, list[str]] = {}
    for person_id in sorted(heads & known.keys()):
        records = work.persons.records_of(person_id) if person_id in others else (person_id,)
        ends.setdefault(known[person_id].death_date, []).extend(records)
    for death_date, record_ids in ends.items():
        work.papers.end(Owner.MEDICAL_HISTORY, *record_ids, on=death_date)


def _check_person(work: "Work", person_id: str, *, is_locked: bool) -> KnownPerson | None:
    """Returns what is known of a person; refuses one whom identity does not know.

    To write, one whose record is another's by now as well: a file of a merged record is read
    with the other one, and no more written.
    """
    known = work.persons.lock(person_id) if is_locked else work.persons.find(person_id)
    if known is None and work.persons.is_followed():
        raise RuleError(
            Reason.PERSON_NOT_FOUND, f"there is no person {person_id}", person_id=person_id
        )
    if is_locked and known is not None and known.merged_into is not None:
        raise RuleError(
            Reason.PERSON_MERGED,
            f"{person_id} was merged into another record",
            person_id=person_id,
            merged_into=known.merged_into,
        )
    return known

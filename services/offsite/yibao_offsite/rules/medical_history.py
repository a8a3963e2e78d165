"""Medical-history files (病历档案, O-10): versions that are never changed, each read on record.

A version tells all that is known of a person. What is wrong or new is told by the next one,
written upon the newest; a second operator compares each with its sources.
"""

import datetime as dt
import enum
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason

_MARK_LENGTH = 32


class EntryKind(enum.IntEnum):
    """What an entry is of, by its number in the contract."""

    DIAGNOSIS = 1
    OPERATION = 2
    CHRONIC_DISEASE = 3
    ALLERGY = 4
    OTHER = 5


class Purpose(enum.IntEnum):
    """What a file is read for, by its number in the contract."""

    PRE_EVALUATION = 1
    DISCHARGE_COMPARISON = 2
    RECHECK = 3
    AUDIT = 4
    RECORDING = 5
    PERSON_ASKED = 6


@dataclass(frozen=True, slots=True)
class Source:
    """Where an entry was read: an institution by code or name, and the day of its paper."""

    institution_id: str
    institution_name: str
    material_id: str
    visit_id: str
    source_date: dt.date


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a file tells; never printed."""

    kind: EntryKind
    code: str
    title: str = field(repr=False)
    since_date: dt.date | None
    note: str = field(repr=False)
    source: Source


@dataclass(frozen=True, slots=True)
class Contents:
    """What a version tells; never printed."""

    summary: str = field(repr=False)
    entries: tuple[Entry, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class History:
    """A version of a person's file; `verified_by` and `verify_time` are None until compared."""

    person_id: str
    version: int
    contents: Contents
    recorded_by: str
    record_time: dt.datetime
    verified_by: str | None = None
    verify_time: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """That somebody read a person's file.

    `version` is that of the person's own file, 0 where there was none. `mark` stands for the
    newest versions of all files of the person when it was read, and is empty where an older
    version was read.
    """

    reading_id: str
    person_id: str
    version: int
    mark: str
    purpose: Purpose
    note: str = field(repr=False)
    read_by: str
    read_time: dt.datetime


def check_contents(contents: Contents, *, today: dt.date) -> None:
    """Refuses contents that tell nothing, name no source or lie in the future.

    Raises:
        RuleError: FIELD_REQUIRED, FIELD_OUT_OF_RANGE or FIELDS_INVALID, with every fault.
    """
    faults = [
        fault
        for number, entry in enumerate(contents.entries)
        for fault in _faults_of(entry, f"entries[{number}]", today)
    ]
    if not contents.entries and not contents.summary:
        told = "is required where there are no entries"
        faults.append(FieldFault("summary", Reason.FIELD_REQUIRED, told))
    refuse_faults(faults)


def _faults_of(entry: Entry, path: str, today: dt.date) -> Iterator[FieldFault]:
    source = entry.source
    if bool(source.institution_id) == bool(source.institution_name):
        told = "or institution_name, and not both"
        yield FieldFault(f"{path}.source.institution_id", Reason.FIELD_REQUIRED, told)
    if source.source_date > today:
        told = "lies in the future"
        yield FieldFault(f"{path}.source.source_date", Reason.FIELD_OUT_OF_RANGE, told)
    if entry.since_date is not None and entry.since_date > source.source_date:
        told = "lies after the paper that tells it"
        yield FieldFault(f"{path}.since_date", Reason.FIELD_OUT_OF_RANGE, told)


def next_version(newest: int, *, base: int, person_id: str) -> int:
    """Returns the number of a version written upon `base`.

    Raises:
        RuleError: HISTORY_VERSION_STATE where another one is the newest by now.
    """
    if base != newest:
        raise RuleError(
            Reason.HISTORY_VERSION_STATE,
            f"version {newest} of the file is the newest, not {base}",
            person_id=person_id,
            newest_version=newest,
        )
    return newest + 1


def verify(history: History, *, newest: int, verified_by: str, now: dt.datetime) -> History:
    """Returns the newest version as compared with its sources by a second operator.

    Raises:
        RuleError: HISTORY_VERSION_STATE where it was compared before or is not the newest,
            SAME_MAKER_AND_CHECKER.
    """
    if history.verified_by is not None or history.version != newest:
        raise RuleError(
            Reason.HISTORY_VERSION_STATE,
            f"version {history.version} is verified, or not the newest, which is {newest}",
            person_id=history.person_id,
            newest_version=newest,
        )
    if is_same_operator(history.recorded_by, verified_by):
        raise RuleError(Reason.SAME_MAKER_AND_CHECKER, "who entered a version cannot verify it")
    return replace(history, verified_by=verified_by, verify_time=now)


def mark_of(versions: Mapping[str, int]) -> str:
    """Returns what stands for the newest versions of a person's files, by record.

    Records without a file change nothing of it: a merge with one is nothing new to read.
    """
    told = "\n".join(f"{person_id} {versions[person_id]}" for person_id in sorted(versions))
    return hashlib.sha256(told.encode()).hexdigest()[:_MARK_LENGTH]


def history_version_not_found(person_id: str, version: int) -> RuleError:
    """Returns the refusal of a version that the person's file has not."""
    return RuleError(
        Reason.HISTORY_VERSION_NOT_FOUND,
        f"the file of {person_id} has no version {version}",
        person_id=person_id,
        version=version,
    )


def file_not_read(person_ids: Sequence[str]) -> RuleError:
    """Returns the refusal of an evaluation whose operator has not read the newest file."""
    return RuleError(
        Reason.HISTORY_FILE_NOT_READ,
        "the newest version of the person's medical-history file is to be read first",
        person_id=person_ids[0],
    )

"""Files come in: begun, part by part, ended or given up, each step once by request id."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_offsite.application.material.person import lock_known
from yibao_offsite.rules.material.access import check_is_own
from yibao_offsite.rules.material.content import (
    Content,
    Manifest,
    check_finding,
    check_head,
    looked_through,
)
from yibao_offsite.rules.material.kinds import kind_of
from yibao_offsite.rules.material.limits import Limits, check_limits
from yibao_offsite.rules.material.material import (
    Material,
    Told,
    altered,
    check_photo,
    material_not_found,
    not_fitting,
)
from yibao_offsite.rules.material.parts import (
    check_digest,
    check_hash,
    check_part,
    check_size,
    check_whole,
    missing,
    part_count,
)
from yibao_offsite.rules.material.states import State, Step, after
from yibao_offsite.rules.served import check_served

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

Encode = Callable[[Material], bytes]


@dataclass(frozen=True, slots=True)
class BeginUpload:
    """Begins a file of a person."""

    request: Request
    person_id: str
    kind: str
    told: Told


@dataclass(frozen=True, slots=True)
class UploadPart:
    """Brings a part of a file; `sha256` is of these bytes, as the caller counted it."""

    request: Request
    material_id: str
    number: int
    data: bytes
    sha256: bytes


@dataclass(frozen=True, slots=True)
class EndUpload:
    """Ends a file, or gives it up."""

    request: Request
    material_id: str


class Uploads:
    """What callers ask of files that come in. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        limits: Limits,
        is_scanned: bool,
        clock: Clock,
        ids: Ids,
        served: Collection[str] = (),
    ) -> None:
        """Takes what begins transactions; `is_scanned` is whether there is a virus scanner.

        See `rules.served` of `served`.
        """
        self._served = served
        self._transactions = transactions
        self._limits = limits
        self._is_scanned = is_scanned
        self._clock = clock
        self._ids = ids

    def begin(self, command: BeginUpload, encode: Encode) -> bytes:
        """Begins a file; nothing of it is in memory, whatever length was told.

        Raises:
            RuleError: REGION_NOT_SERVED, MATERIAL_KIND_UNKNOWN, FIELD_REQUIRED,
                FIELD_OUT_OF_RANGE, MATERIAL_TOO_LARGE, MATERIAL_LIMIT_REACHED,
                REQUEST_ID_REUSED.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._begin(work, command))
        )

    def part(self, command: UploadPart, encode: Callable[[int], bytes]) -> bytes:
        """Stores a part; `encode` is given how many are still missing.

        Raises:
            RuleError: MATERIAL_HASH_WRONG, MATERIAL_NOT_FOUND, MATERIAL_STATE,
                MATERIAL_PART_WRONG, MATERIAL_TYPE_REFUSED, MATERIAL_PART_CHANGED,
                REQUEST_ID_REUSED.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._part(work, command))
        )

    def finish(self, command: EndUpload, encode: Encode) -> bytes:
        """Ends a file, after all of it was looked through: before anything is locked.

        Raises:
            RuleError: MATERIAL_NOT_FOUND, MATERIAL_STATE, MATERIAL_INCOMPLETE,
                MATERIAL_ALTERED, MATERIAL_HASH_WRONG, MATERIAL_TYPE_REFUSED,
                REQUEST_ID_REUSED.
        """
        content = self._looked_through(command)
        return self._transactions.once(
            command.request, lambda work: encode(self._finish(work, command, content))
        )

    def discard(self, command: EndUpload, encode: Encode) -> bytes:
        """Gives up a file that is used for nothing.

        Raises:
            RuleError: MATERIAL_NOT_FOUND, MATERIAL_STATE, MATERIAL_NOT_FITTING,
                REQUEST_ID_REUSED.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._discard(work, command))
        )

    def _begin(self, work: "Work", command: BeginUpload) -> Material:
        request, told, now = command.request, command.told, self._clock()
        check_served(request.region, self._served)
        check_photo(kind_of(command.kind), told.photo, now=now)
        check_size(told.size_bytes, max_bytes=self._limits.file_bytes)
        party = request.caller.party
        lock_known(work, command.person_id)
        work.materials.lock_party(party)
        # Read after the locks, so that uploads begun at once are counted.
        load = work.materials.load(command.person_id, party)
        check_limits(load, told.size_bytes, self._limits)
        material = Material(
            request.region,
            self._ids(),
            command.person_id,
            command.kind,
            State.UPLOADING,
            told,
            party,
            request.caller.path,
            now,
        )
        work.materials.insert(material)
        self._record(work, request, material, now=now, kind=material.kind)
        return material

    def _part(self, work: "Work", command: UploadPart) -> int:
        number, data = command.number, command.data
        check_hash(data, command.sha256, number=number)
        material, told = _own(work, command.material_id, command.request)
        after(Step.UPLOAD, material.state, material_id=material.material_id)
        check_part(number, data, size_bytes=told.size_bytes)
        if number == 1:
            check_head(data, told.media_type)
        stored = work.materials.stored_parts(material.material_id)
        if number in stored:
            if work.materials.open_part(material, number) != data:
                raise RuleError(
                    Reason.MATERIAL_PART_CHANGED,
                    f"part {number} was stored with other bytes",
                    part_number=number,
                )
        else:
            work.materials.insert_part(material, number, data)
        return len(missing(told.size_bytes, stored | {number}))

    def _looked_through(self, command: EndUpload) -> Content | None:
        """Returns what a file is that can be finished, None where that is for the transaction.

        Nobody waits for that: a part that is stored never changes while the file is uploaded.
        """
        with self._transactions.read(command.request.region) as work:
            material = work.materials.find(command.material_id)
            if material is None or material.told is None or material.state is not State.UPLOADING:
                return None
            told = material.told
            try:
                check_is_own(material, command.request.caller)
                stored = work.materials.stored_parts(material.material_id)
                check_whole(missing(told.size_bytes, stored))
                return looked_through(_opened(work, material, told), told.media_type)
            except RuleError:
                # A repeat gets its first answer; else it is refused once it is locked.
                return None

    def _finish(self, work: "Work", command: EndUpload, content: Content | None) -> Material:
        request, now = command.request, self._clock()
        material, told = _own(work, command.material_id, request)
        step = Step.FINISH_TO_SCAN if self._is_scanned else Step.FINISH
        state = after(step, material.state, material_id=material.material_id)
        check_whole(missing(told.size_bytes, work.materials.stored_parts(material.material_id)))
        if not told.sha256:
            raise altered(material.material_id, 0)
        if content is None:  # Its last part came meanwhile, or what is stored was altered.
            content = looked_through(_opened(work, material, told), told.media_type)
        check_digest(content.sha256, told.sha256, number=0)
        check_finding(content.finding, told.media_type)
        manifest = Manifest(
            content.size_bytes, told.media_type, content.sha256, content.part_hashes
        )
        finished = dataclasses.replace(material, state=state, finish_time=now)
        work.materials.keep_manifest(material, manifest)
        work.materials.update(finished)
        self._record(
            work,
            request,
            finished,
            now=now,
            kind=finished.kind,
            state=state.name,
            mark=work.materials.mark(finished),
        )
        return finished

    def _discard(self, work: "Work", command: EndUpload) -> Material:
        request, now = command.request, self._clock()
        material, _ = _own(work, command.material_id, request)
        state = after(Step.DISCARD, material.state, material_id=material.material_id)
        if material.uses:
            raise not_fitting(material.material_id, material.kind, "is used")
        discarded = dataclasses.replace(material, state=state, remove_time=now)
        work.materials.update(discarded)
        work.materials.remove_contents(material.material_id)
        self._record(work, request, discarded, now=now)
        return discarded

    def _record(
        self, work: "Work", request: Request, material: Material, *, now: dt.datetime, **detail: str
    ) -> None:
        subjects = (material.person_id, material.material_id)
        work.audit.add(entry_of(request, at=now, subject_ids=subjects, detail=detail))


def _own(work: "Work", material_id: str, request: Request) -> tuple[Material, Told]:
    """Locks a file of the caller's party. Raises RuleError MATERIAL_NOT_FOUND."""
    found = work.materials.lock([material_id])
    # A waiver is no file.
    if not found or found[0].told is None:
        raise material_not_found(material_id)
    check_is_own(found[0], request.caller)
    return found[0], found[0].told


def _opened(work: "Work", material: Material, told: Told) -> Iterator[bytes]:
    """Yields the parts of a file. Raises RuleError MATERIAL_ALTERED at one that does not open."""
    count = part_count(told.size_bytes)
    for number, part in enumerate(work.materials.open_parts(material, count), 1):
        if part is None:
            raise altered(material.material_id, number)
        yield part

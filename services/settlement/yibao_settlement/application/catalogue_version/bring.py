"""Bringing a version of a list: begun, filled chunk by chunk, submitted, or given up."""

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import FieldFault, RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.catalogue_version.rows import Chunk, RowFaults, ToldFault
from yibao_settlement.rules.catalogue_version.row import (
    Layer,
    ListRow,
    key_repeated,
    row_faults,
)
from yibao_settlement.rules.catalogue_version.version import (
    CatalogueVersion,
    VersionState,
    check_authority,
    check_maker,
    submit,
    version_unknown,
    withdrawn,
)

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

Encode = Callable[[CatalogueVersion], bytes]
# Of a row so many faults are told.
FAULTS_MAX = 20


class SentListRow(NamedTuple):
    """A row of a chunk and what is wrong with its form, as `application.catalogue.SentRow`."""

    row: ListRow
    form_faults: Sequence[FieldFault] = ()
    form_total: int = 0


@dataclass(frozen=True, slots=True)
class BeginVersion:
    """Begins a version."""

    request: Request
    layer: Layer
    title: str
    start_date: dt.date
    is_whole: bool
    issuing_authority: int
    authority_document: str


@dataclass(frozen=True, slots=True)
class UploadRows:
    """Adds a chunk of rows to a draft; `digest` stands for the rows as they were sent.

    `read` gives the rows for the version's layer, which is known once it is found.
    """

    request: Request
    version_id: str
    chunk_number: int
    digest: str
    read: Callable[[Layer], Sequence[SentListRow]]


@dataclass(frozen=True, slots=True)
class SubmitVersion:
    """Completes a draft of so many rows, refused ones too."""

    request: Request
    version_id: str
    row_count: int
    leaves_out_refused: bool


@dataclass(frozen=True, slots=True)
class WithdrawVersion:
    """Gives up a version."""

    request: Request
    version_id: str


EncodeChunk = Callable[[Chunk, Sequence[RowFaults]], bytes]


class Bringing:
    """What makers ask of versions, each answered once by its request id. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def begin(self, command: BeginVersion, encode: Encode) -> bytes:
        """Stores a draft without rows.

        Raises:
            RuleError: FIELD_REQUIRED where it is not told who issued amounts,
                REQUEST_ID_REUSED.
        """
        check_authority(command.layer, command.issuing_authority, command.authority_document)

        def decide(work: "Work") -> bytes:
            version = CatalogueVersion(
                version_id=self._ids(),
                layer=command.layer,
                state=VersionState.DRAFT,
                title=command.title,
                start_date=command.start_date,
                is_whole=command.is_whole,
                issuing_authority=command.issuing_authority,
                authority_document=command.authority_document,
                row_count=0,
                refused_count=0,
                version_number=0,
                base_number=0,
                digest="",
                maker=command.request.caller.path,
                begin_time=self._clock(),
            )
            work.catalogue_versions.insert(version)
            return encode(version)

        return self._transactions.once(command.request, decide)

    def upload(self, command: UploadRows, encode: EncodeChunk) -> bytes:
        """Stores the rows of a chunk without a fault; a chunk that was taken is told as it was.

        Raises:
            RuleError: CATALOGUE_VERSION_UNKNOWN, CATALOGUE_VERSION_STATE,
                CATALOGUE_VERSION_OF_ANOTHER, CATALOGUE_CHUNK_CHANGED, REQUEST_ID_REUSED; in
                this order, but the last one first.
        """
        with self._transactions.read(command.request.region) as work:
            layer = _found(work, command.version_id).layer
        # Before anybody is kept from writing: five thousand rows take a tenth of a second.
        judged = [_judged(layer, each) for each in command.read(layer)]

        def decide(work: "Work") -> bytes:
            version = _found(work, command.version_id, for_update=True)
            check_maker(version, caller=command.request.caller.path)
            known = work.catalogue_versions.chunk(version.version_id, command.chunk_number)
            if known is not None:
                refused = work.catalogue_versions.faults_of(version.version_id, known.chunk_number)
                return encode(_same(known, command.digest), refused)
            return self._take(work, version, command, judged, encode)

        return self._transactions.once(command.request, decide)

    def submit(self, command: SubmitVersion, encode: Encode) -> bytes:
        """Completes a draft; of a whole layer what it does not say is ended.

        Raises:
            RuleError: CATALOGUE_VERSION_UNKNOWN, CATALOGUE_VERSION_STATE,
                CATALOGUE_VERSION_OF_ANOTHER, CATALOGUE_VERSION_INCOMPLETE,
                CATALOGUE_ROWS_REFUSED, REQUEST_ID_REUSED; in this order, but the last one first.
        """

        def decide(work: "Work") -> bytes:
            version = _found(work, command.version_id, for_update=True)
            check_maker(version, caller=command.request.caller.path)
            rows = work.catalogue_versions
            # Before what is not said is looked for: what is approved meanwhile overtakes it.
            base_number = rows.newest_number(version.layer)
            submitted = submit(
                version,
                row_count=command.row_count,
                leaves_out_refused=command.leaves_out_refused,
                base_number=base_number,
                digest=_digest_of(rows.chunks(version.version_id)),
                now=self._clock(),
            )
            ended = rows.end_what_is_not_said(submitted) if submitted.is_whole else 0
            rows.update(submitted)
            self._record(work, command.request, submitted, ended_keys=str(ended))
            return encode(submitted)

        return self._transactions.once(command.request, decide)

    def withdraw(self, command: WithdrawVersion, encode: Encode) -> bytes:
        """Gives up a version and takes its rows away.

        Raises:
            RuleError: CATALOGUE_VERSION_UNKNOWN, CATALOGUE_VERSION_STATE, REQUEST_ID_REUSED.
        """

        def decide(work: "Work") -> bytes:
            version = _found(work, command.version_id, for_update=True)
            given_up = withdrawn(version, withdrawer=command.request.caller.path, now=self._clock())
            work.catalogue_versions.update(given_up)
            work.catalogue_versions.take_away(version.version_id)
            self._record(work, command.request, given_up)
            return encode(given_up)

        return self._transactions.once(command.request, decide)

    def _take(
        self,
        work: "Work",
        version: CatalogueVersion,
        command: UploadRows,
        judged: Sequence[tuple[ListRow, Sequence[FieldFault], int]],
        encode: EncodeChunk,
    ) -> bytes:
        rows = work.catalogue_versions
        sent = {row.code for row, faults, _ in judged if not faults}
        keys = dict(rows.stored_keys(version, sent)) if version.row_count else {}
        taken: list[ListRow] = []
        refused: list[RowFaults] = []
        for place, (row, faults, total) in enumerate(judged):
            if not faults:
                key = (row.code, row.subkey, row.start_date)
                first = keys.get(key)
                if first is None:
                    keys[key] = row.row_number
                    taken.append(row)
                    continue
                faults, total = [key_repeated(first)], 1
            told = [
                ToldFault(each.field, each.reason.name, each.message, each.message_zh)
                for each in faults[:FAULTS_MAX]
            ]
            refused.append(RowFaults(row.row_number, command.chunk_number, place, told, total))
        chunk = Chunk(command.chunk_number, command.digest, len(taken), len(refused))
        rows.put_chunk(version, chunk, taken, refused)
        counted = replace(
            version,
            row_count=version.row_count + len(taken),
            refused_count=version.refused_count + len(refused),
        )
        rows.update(counted)
        return encode(chunk, refused)

    def _record(
        self, work: "Work", request: Request, version: CatalogueVersion, **more: str
    ) -> None:
        detail = {**audit_detail(version), **more}
        work.audit.add(entry_of(request, at=self._clock(), subject_ids=(), detail=detail))


def audit_detail(version: CatalogueVersion) -> dict[str, str]:
    """Returns what goes on record of a version."""
    detail = {
        "version_id": version.version_id,
        "layer": version.layer.name,
        "start_date": version.start_date.isoformat(),
        "maker": version.maker,
        "rows": str(version.row_count),
        "digest": version.digest,
    }
    if version.refused_count:
        detail["refused"] = str(version.refused_count)
    if version.authority_document:
        detail["authority_document"] = version.authority_document
    if version.version_number:
        detail["version_number"] = str(version.version_number)
    return detail


def _found(work: "Work", version_id: str, *, for_update: bool = False) -> CatalogueVersion:
    version = work.catalogue_versions.find(version_id, for_update=for_update)
    if version is None:
        raise version_unknown(version_id)
    return version


def _same(known: Chunk, digest: str) -> Chunk:
    if known.digest != digest:
        raise RuleError(
            Reason.CATALOGUE_CHUNK_CHANGED,
            f"chunk {known.chunk_number} was taken with other rows",
            chunk_number=known.chunk_number,
        )
    return known


def _judged(layer: Layer, sent: SentListRow) -> tuple[ListRow, Sequence[FieldFault], int]:
    """Returns a row, every fault of it, and how many there are."""
    if not sent.form_faults:
        faults = list(row_faults(layer, sent.row))
        return sent.row, faults, len(faults)
    malformed = {fault.field for fault in sent.form_faults}
    untold = max(sent.form_total - len(sent.form_faults), 0)
    faults = list(sent.form_faults)
    if not untold:
        faults += [each for each in row_faults(layer, sent.row) if each.field not in malformed]
    return sent.row, faults, len(faults) + untold


def _digest_of(chunks: Sequence[Chunk]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(f"{chunk.chunk_number}/{chunk.digest}\n".encode())
    return digest.hexdigest()

"""MedicalHistoryService: medical-history files, and who read them."""

from collections.abc import Sequence

import grpc

from yibao.offsite.v1 import medical_history_pb2 as messages
from yibao.offsite.v1 import medical_history_service_pb2 as pb
from yibao.offsite.v1 import medical_history_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import id_place, page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import (
    as_sent,
    from_date,
    from_instant,
    known,
    to_date,
    to_optional_date,
)
from yibao_offsite.application.medical_history import (
    MedicalHistories,
    ReadHistory,
    RecordHistory,
    VerifyHistory,
)
from yibao_offsite.rules.medical_history import (
    Contents,
    Entry,
    EntryKind,
    History,
    Purpose,
    Reading,
    Source,
)

_PAGE_SIZE = 100
_PAGE_SIZE_MAX = 500
_KINDS = {each.value: each for each in EntryKind}
_PURPOSES = {each.value: each for each in Purpose}


class MedicalHistoryServicer(rpc.MedicalHistoryServiceServicer):
    """Enters, verifies and reads files; everything blocks, so it runs in threads."""

    def __init__(self, histories: MedicalHistories, blocking: Blocking) -> None:
        """Takes what answers."""
        self._histories = histories
        self._blocking = blocking

    async def RecordMedicalHistory(
        self,
        request: pb.RecordMedicalHistoryRequest,
        context: (
            "grpc.aio.ServicerContext[pb.RecordMedicalHistoryRequest, "
            "pb.RecordMedicalHistoryResponse]"
        ),
    ) -> pb.RecordMedicalHistoryResponse:
        """Enters a new version of a person's file."""
        command = RecordHistory(
            request_of(request, "RecordMedicalHistory"),
            request.person_id,
            request.base_version,
            Contents(request.summary, _entries(request.entries)),
        )
        response = await self._blocking.run(self._histories.record, command, _recorded)
        return as_sent(pb.RecordMedicalHistoryResponse, response)

    async def VerifyMedicalHistory(
        self,
        request: pb.VerifyMedicalHistoryRequest,
        context: (
            "grpc.aio.ServicerContext[pb.VerifyMedicalHistoryRequest, "
            "pb.VerifyMedicalHistoryResponse]"
        ),
    ) -> pb.VerifyMedicalHistoryResponse:
        """States that the newest version was compared with its sources."""
        asked = request_of(request, "VerifyMedicalHistory")
        command = VerifyHistory(asked, request.person_id, request.version)
        response = await self._blocking.run(self._histories.verify, command, _verified)
        return as_sent(pb.VerifyMedicalHistoryResponse, response)

    async def GetMedicalHistory(
        self,
        request: pb.GetMedicalHistoryRequest,
        context: (
            "grpc.aio.ServicerContext[pb.GetMedicalHistoryRequest, pb.GetMedicalHistoryResponse]"
        ),
    ) -> pb.GetMedicalHistoryResponse:
        """Reads a person's file; the reading is on record before it is answered."""
        caller = current_caller()
        caller.require_region(request.region)
        command = ReadHistory(
            request.region,
            caller,
            request.person_id,
            request.version,
            known(_PURPOSES, request.purpose, field="purpose", what="purpose"),
            request.note,
        )
        histories, reading = await self._blocking.run(self._histories.read, command)
        return pb.GetMedicalHistoryResponse(
            histories=map(history_message, histories), reading_id=reading.reading_id
        )

    async def ListHistoryReadings(
        self,
        request: pb.ListHistoryReadingsRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListHistoryReadingsRequest, "
            "pb.ListHistoryReadingsResponse]"
        ),
    ) -> pb.ListHistoryReadingsResponse:
        """Lists who read a person's file."""
        current_caller().require_region(request.region)
        after = place_after(request, request.page_token, id_place)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._histories.readings,
            request.region,
            request.person_id,
            after_id=after or "",
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, page[-1].reading_id) if len(found) > size else ""
        return pb.ListHistoryReadingsResponse(
            readings=map(_reading_message, page), next_page_token=token
        )


def _entries(entries: Sequence[messages.HistoryEntry]) -> tuple[Entry, ...]:
    return tuple(
        Entry(
            known(_KINDS, each.kind, field=f"entries[{number}].kind", what="kind of entry"),
            each.code,
            each.title,
            to_optional_date(each, "since_date"),
            each.note,
            Source(
                each.source.institution_id,
                each.source.institution_name,
                each.source.material_id,
                each.source.visit_id,
                to_date(each.source.source_date),
            ),
        )
        for number, each in enumerate(entries)
    )


def _recorded(history: History) -> bytes:
    message = history_message(history)
    return pb.RecordMedicalHistoryResponse(history=message).SerializeToString()


def _verified(history: History) -> bytes:
    message = history_message(history)
    return pb.VerifyMedicalHistoryResponse(history=message).SerializeToString()


def history_message(history: History) -> messages.MedicalHistory:
    """Returns a version of a file as sent."""
    verify_time = history.verify_time
    return messages.MedicalHistory(
        person_id=history.person_id,
        version=history.version,
        summary=history.contents.summary,
        entries=map(_entry_message, history.contents.entries),
        recorded_by=history.recorded_by,
        record_time=from_instant(history.record_time),
        verified_by=history.verified_by or "",
        verify_time=None if verify_time is None else from_instant(verify_time),
    )


def _entry_message(entry: Entry) -> messages.HistoryEntry:
    source, since = entry.source, entry.since_date
    return messages.HistoryEntry(
        kind=messages.HistoryEntryKind.ValueType(entry.kind.value),
        code=entry.code,
        title=entry.title,
        since_date=None if since is None else from_date(since),
        note=entry.note,
        source=messages.HistorySource(
            institution_id=source.institution_id,
            institution_name=source.institution_name,
            material_id=source.material_id,
            visit_id=source.visit_id,
            source_date=from_date(source.source_date),
        ),
    )


def _reading_message(reading: Reading) -> messages.HistoryReading:
    return messages.HistoryReading(
        reading_id=reading.reading_id,
        person_id=reading.person_id,
        version=reading.version,
        purpose=messages.HistoryPurpose.ValueType(reading.purpose.value),
        note=reading.note,
        read_by=reading.read_by,
        read_time=from_instant(reading.read_time),
        is_newest=bool(reading.mark),
    )

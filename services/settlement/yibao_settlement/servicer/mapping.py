"""MappingService: institutions' own codes of items, mapped to the catalogue."""

from collections.abc import Collection, Sequence

import grpc

from yibao.settlement.v1 import mapping_pb2 as messages
from yibao.settlement.v1 import mapping_service_pb2 as pb
from yibao.settlement.v1 import mapping_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.calls import tell_results
from yibao_common.rpc.pages import id_place, page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.status import item_errors
from yibao_common.rpc.turns import Turns
from yibao_common.rpc.validation import Validator
from yibao_common.rpc.wire import as_sent, from_date, from_instant, to_date, to_optional_date
from yibao_common.values.caller import Caller
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.mapping.book import (
    CancelMapping,
    DecideMappings,
    MappingBook,
    SentMapping,
    UploadMappings,
    check_decision,
)
from yibao_settlement.application.mapping.rows import MappingWish
from yibao_settlement.rules.mapping import (
    Checked,
    CheckedMapping,
    CodeMapping,
    MappingRow,
    MappingTexts,
)
from yibao_settlement.servicer.rows import form_faults_of, row_days

_PAGE_SIZE = 100
_PAGE_SIZE_MAX = 500
_VALIDATOR = Validator(messages.MappingRow.DESCRIPTOR, refuse_unknown=True)


class MappingServicer(rpc.MappingServiceServicer):
    """Changes and reads lists of own codes in threads."""

    def __init__(
        self, book: MappingBook, blocking: Blocking, *, review_in: Collection[str] = ()
    ) -> None:
        """Takes what answers; `review_in` are the regions whose agencies decide on mappings."""
        self._book = book
        self._blocking = blocking
        self._review_in = review_in

    async def UploadMappings(
        self,
        request: pb.UploadMappingsRequest,
        context: "grpc.aio.ServicerContext[pb.UploadMappingsRequest, pb.UploadMappingsResponse]",
    ) -> pb.UploadMappingsResponse:
        """Maps own codes, each row on its own."""
        turns, rows = Turns(), []
        # Reading a row puts its texts into canonical form, which the digest rests on.
        for message in request.items:
            rows.append(_sent(message))
            await turns.pass_on()
        command = UploadMappings(
            request_of(request, "UploadMappings"),
            rows,
            is_reviewed=request.region in self._review_in,
            encode=_uploaded,
        )
        response = await self._blocking.run(self._book.upload, command)
        tell_results(request.request_id, pb.UploadMappingsResponse.FromString(response).results)
        return as_sent(pb.UploadMappingsResponse, response)

    async def CancelMapping(
        self,
        request: pb.CancelMappingRequest,
        context: "grpc.aio.ServicerContext[pb.CancelMappingRequest, pb.CancelMappingResponse]",
    ) -> pb.CancelMappingResponse:
        """Cancels one mapping."""
        command = CancelMapping(
            request_of(request, "CancelMapping"),
            request.mapping_id,
            to_optional_date(request, "last_date"),
            request.reason,
            lambda each: pb.CancelMappingResponse(mapping=_message(each)).SerializeToString(),
        )
        response = await self._blocking.run(self._book.cancel, command)
        return as_sent(pb.CancelMappingResponse, response)

    async def DecideMappings(
        self,
        request: pb.DecideMappingsRequest,
        context: "grpc.aio.ServicerContext[pb.DecideMappingsRequest, pb.DecideMappingsResponse]",
    ) -> pb.DecideMappingsResponse:
        """Approves or rejects mappings, each on its own."""
        check_decision(is_approved=request.is_approved, reason=request.reason)
        command = DecideMappings(
            request_of(request, "DecideMappings"),
            tuple(request.mapping_ids),
            request.is_approved,
            request.reason,
            _decided,
        )
        response = await self._blocking.run(self._book.decide, command)
        tell_results(request.request_id, pb.DecideMappingsResponse.FromString(response).results)
        return as_sent(pb.DecideMappingsResponse, response)

    async def ListMappings(
        self,
        request: pb.ListMappingsRequest,
        context: "grpc.aio.ServicerContext[pb.ListMappingsRequest, pb.ListMappingsResponse]",
    ) -> pb.ListMappingsResponse:
        """Lists mappings with all that became of them."""
        caller = current_caller()
        caller.require_region(request.region)
        wish = MappingWish(
            asked_institution(caller, request.institution_id),
            request.provider_item_code or None,
            request.item_code or None,
            request.list_type or None,
            request.state or None,
            to_optional_date(request, "date"),
        )
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._book.listed,
            request.region,
            wish,
            after=place_after(request, request.page_token, id_place),
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, page[-1].mapping_id) if len(found) > size else ""
        return pb.ListMappingsResponse(mappings=map(_message, page), next_page_token=token)

    async def CheckMappings(
        self,
        request: pb.CheckMappingsRequest,
        context: "grpc.aio.ServicerContext[pb.CheckMappingsRequest, pb.CheckMappingsResponse]",
    ) -> pb.CheckMappingsResponse:
        """Tells what is wrong with the mappings of own codes."""
        caller = current_caller()
        caller.require_region(request.region)
        institution_id = asked_institution(caller, request.institution_id)
        if institution_id is None:
            fault = FieldFault("institution_id", Reason.FIELD_REQUIRED, "is required of an agency")
            refuse_faults([fault])
        checked = [
            Checked(
                each.provider_item_code,
                each.provider_item_name,
                each.unit_price,
                to_date(each.charge_date),
            )
            for each in request.items
        ]
        found = await self._blocking.run(
            self._book.check, request.region, institution_id or "", checked
        )
        return pb.CheckMappingsResponse(
            found=sum(bool(each.findings) for each in found), results=map(_checked, found)
        )


def asked_institution(caller: Caller, institution_id: str) -> str | None:
    """Returns whose rows a caller asks for: the own ones of an institution, None for all.

    Raises RuleError OUT_OF_SCOPE where an institution asks for another one's.
    """
    if caller.institution_id is None:
        return institution_id or None
    if institution_id:
        caller.require_institution(institution_id)
    return caller.institution_id


def _sent(message: messages.MappingRow) -> SentMapping:
    faults, total = form_faults_of(_VALIDATOR, message)
    start_date, end_date = row_days(message)
    texts = MappingTexts._make([getattr(message, name) for name in MappingTexts._fields])
    row = MappingRow(
        message.provider_item_code,
        message.provider_item_name,
        message.list_type,
        message.item_code,
        start_date,
        end_date,
        message.is_remapping,
        texts,
    )
    return SentMapping(row, faults, total)


def _uploaded(outcomes: Sequence[CodeMapping | RuleError], stored: int) -> bytes:
    errors = item_errors(each if isinstance(each, RuleError) else None for each in outcomes)
    response = pb.UploadMappingsResponse(stored=stored)
    for outcome, error in zip(outcomes, errors, strict=True):
        if isinstance(outcome, CodeMapping):
            response.results.add(mapping_id=outcome.mapping_id)
        else:
            response.results.add(error=error)
    return response.SerializeToString()


def _decided(outcomes: Sequence[CodeMapping | RuleError]) -> bytes:
    errors = item_errors(each if isinstance(each, RuleError) else None for each in outcomes)
    response = pb.DecideMappingsResponse()
    for outcome, error in zip(outcomes, errors, strict=True):
        if isinstance(outcome, CodeMapping):
            response.decided += 1
            response.results.add(state=messages.MappingState.ValueType(outcome.state))
        else:
            response.results.add(error=error)
    return response.SerializeToString()


def _checked(found: CheckedMapping) -> pb.CheckMappingResult:
    mapping, item, findings = found
    return pb.CheckMappingResult(
        item_code="" if mapping is None else mapping.row.item_code,
        item_name="" if item is None else item.item_name,
        mapping_id="" if mapping is None else mapping.mapping_id,
        findings=[pb.MappingFinding.ValueType(each) for each in findings],
    )


def _message(mapping: CodeMapping) -> messages.CodeMapping:
    row = mapping.row
    message = messages.CodeMapping(
        mapping_id=mapping.mapping_id,
        institution_id=mapping.institution_id,
        row=messages.MappingRow(
            provider_item_code=row.provider_item_code,
            provider_item_name=row.provider_item_name,
            list_type=row.list_type,
            item_code=row.item_code,
            start_date=from_date(row.start_date),
            is_remapping=row.is_remapping,
            **row.texts._asdict(),
        ),
        state=messages.MappingState.ValueType(mapping.state),
        upload_time=from_instant(mapping.uploaded.time),
        uploaded_by=mapping.uploaded.by,
    )
    if row.end_date is not None:
        message.row.end_date.CopyFrom(from_date(row.end_date))
    if mapping.decided is not None:
        message.decide_time.CopyFrom(from_instant(mapping.decided.time))
        message.decided_by, message.decision_reason = mapping.decided[1:]
    if mapping.cancelled is not None:
        message.cancel_time.CopyFrom(from_instant(mapping.cancelled.time))
        message.cancelled_by, message.cancel_reason = mapping.cancelled[1:]
    if mapping.cancel_last_date is not None:
        message.cancel_last_date.CopyFrom(from_date(mapping.cancel_last_date))
    return message

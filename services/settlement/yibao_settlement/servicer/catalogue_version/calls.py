"""CatalogueVersionService: lists that come as versions."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import NamedTuple

import grpc

from yibao.settlement.v1 import catalogue_version_service_pb2 as pb
from yibao.settlement.v1 import catalogue_version_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller, current_party
from yibao_common.rpc.calls import tell_results
from yibao_common.rpc.pages import page_token, place_after, timed_place, timed_place_text
from yibao_common.rpc.party_streams import PartyStreams
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, to_date, to_optional_date
from yibao_settlement.application.catalogue_version.approve import ApproveVersion, Approving
from yibao_settlement.application.catalogue_version.bring import (
    BeginVersion,
    Bringing,
    SubmitVersion,
    UploadRows,
    WithdrawVersion,
)
from yibao_settlement.application.catalogue_version.find import (
    CatalogueVersions,
    ChangePage,
)
from yibao_settlement.application.catalogue_version.look_up import ItemQuestion, LookingUp
from yibao_settlement.application.catalogue_version.roll_back import RollBackVersion, RollingBack
from yibao_settlement.application.catalogue_version.rows import (
    FaultPlace,
    RowPlace,
    VersionPlace,
    VersionWish,
)
from yibao_settlement.rules.catalogue_version.row import Layer
from yibao_settlement.rules.catalogue_version.version import VersionState
from yibao_settlement.servicer.catalogue_version import places
from yibao_settlement.servicer.catalogue_version.messages import (
    answer_message,
    difference_message,
    version_encoder,
    version_message,
)
from yibao_settlement.servicer.catalogue_version.rows import (
    SentRows,
    change_message,
    chunk_response,
    fault_message,
)

_PAGE_SIZE, _PAGE_SIZE_MAX = 100, 500
_DIFFERENCES, _DIFFERENCES_MAX = 500, 2_000
_ROWS, _ROWS_MAX = 1_000, 5_000
# The rows of a message of a download: others' calls wait while it is written.
_ROWS_STREAMED = 500
_DOWNLOADS_OF_PARTY = 2


class Rooms(NamedTuple):
    """What answers calls of versions."""

    bringing: Bringing
    approving: Approving
    rolling_back: RollingBack
    versions: CatalogueVersions
    looking_up: LookingUp


class CatalogueVersionServicer(rpc.CatalogueVersionServiceServicer):
    """Brings, approves, tells and looks up what lists say, in threads."""

    def __init__(self, rooms: Rooms, blocking: Blocking, long: Blocking) -> None:
        """Takes what answers; approvals and roll-backs have a thread of their own, `long`."""
        self._rooms = rooms
        self._blocking = blocking
        self._long = long
        self._downloads = PartyStreams(_DOWNLOADS_OF_PARTY, kind="downloads of lists")

    async def BeginCatalogueVersion(
        self,
        request: pb.BeginCatalogueVersionRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.BeginCatalogueVersionRequest, pb.BeginCatalogueVersionResponse]"
        ),
    ) -> pb.BeginCatalogueVersionResponse:
        """Begins a version of a layer."""
        command = BeginVersion(
            request_of(request, "BeginCatalogueVersion"),
            Layer(request.layer),
            request.title,
            to_date(request.start_date),
            request.is_whole,
            request.issuing_authority,
            request.authority_document,
        )
        encode = version_encoder(pb.BeginCatalogueVersionResponse, request.region)
        response = await self._blocking.run(self._rooms.bringing.begin, command, encode)
        return as_sent(pb.BeginCatalogueVersionResponse, response)

    async def UploadCatalogueRows(
        self,
        request: pb.UploadCatalogueRowsRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.UploadCatalogueRowsRequest, pb.UploadCatalogueRowsResponse]"
        ),
    ) -> pb.UploadCatalogueRowsResponse:
        """Adds rows to a draft."""
        # Reading a row puts its texts into canonical form, which the digest rests on.
        sent = await self._blocking.run(SentRows, request.items)
        command = UploadRows(
            request_of(request, "UploadCatalogueRows"),
            request.version_id,
            request.chunk_number,
            sent.digest,
            sent.of_layer,
        )
        response = await self._blocking.run(
            self._rooms.bringing.upload,
            command,
            chunk_response,
        )
        tell_results(
            request.request_id, pb.UploadCatalogueRowsResponse.FromString(response).results
        )
        return as_sent(pb.UploadCatalogueRowsResponse, response)

    async def ListCatalogueRowFaults(
        self,
        request: pb.ListCatalogueRowFaultsRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.ListCatalogueRowFaultsRequest, pb.ListCatalogueRowFaultsResponse]"
        ),
    ) -> pb.ListCatalogueRowFaultsResponse:
        """Lists the refused rows of a version."""
        current_caller().require_region(request.region)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._rooms.versions.faults,
            request.region,
            request.version_id,
            after=place_after(request, request.page_token, places.fault_place),
            limit=size + 1,
        )
        page = found[:size]
        response = pb.ListCatalogueRowFaultsResponse(faults=map(fault_message, page))
        if len(found) > size:
            place = FaultPlace(*page[-1][:3])
            response.next_page_token = page_token(request, places.fault_text(place))
        return response

    async def SubmitCatalogueVersion(
        self,
        request: pb.SubmitCatalogueVersionRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.SubmitCatalogueVersionRequest, pb.SubmitCatalogueVersionResponse]"
        ),
    ) -> pb.SubmitCatalogueVersionResponse:
        """Completes a draft."""
        command = SubmitVersion(
            request_of(request, "SubmitCatalogueVersion"),
            request.version_id,
            request.row_count,
            request.leaves_out_refused,
        )
        encode = version_encoder(pb.SubmitCatalogueVersionResponse, request.region)
        response = await self._long.run(self._rooms.bringing.submit, command, encode)
        return as_sent(pb.SubmitCatalogueVersionResponse, response)

    async def DiffCatalogueVersion(
        self,
        request: pb.DiffCatalogueVersionRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.DiffCatalogueVersionRequest, pb.DiffCatalogueVersionResponse]"
        ),
    ) -> pb.DiffCatalogueVersionResponse:
        """Lists how a version differs from what holds."""
        current_caller().require_region(request.region)
        found = await self._blocking.run(
            self._rooms.versions.differences,
            request.region,
            request.version_id,
            after=place_after(request, request.page_token, places.key_place),
            limit=min(request.page_size or _DIFFERENCES, _DIFFERENCES_MAX),
        )
        response = pb.DiffCatalogueVersionResponse(
            differences=map(difference_message, found.differences)
        )
        if found.reached is not None:
            response.next_page_token = page_token(request, places.key_text(found.reached))
        return response

    async def ApproveCatalogueVersion(
        self,
        request: pb.ApproveCatalogueVersionRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.ApproveCatalogueVersionRequest, pb.ApproveCatalogueVersionResponse]"
        ),
    ) -> pb.ApproveCatalogueVersionResponse:
        """Puts a version in force."""
        command = ApproveVersion(
            request_of(request, "ApproveCatalogueVersion"),
            request.version_id,
            request.decides_past_days,
        )
        response = await self._long.run(
            self._rooms.approving.approve,
            command,
            lambda version, changed: pb.ApproveCatalogueVersionResponse(
                version=version_message(request.region, version), changed_items=changed
            ).SerializeToString(),
        )
        return as_sent(pb.ApproveCatalogueVersionResponse, response)

    async def WithdrawCatalogueVersion(
        self,
        request: pb.WithdrawCatalogueVersionRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.WithdrawCatalogueVersionRequest, pb.WithdrawCatalogueVersionResponse]"
        ),
    ) -> pb.WithdrawCatalogueVersionResponse:
        """Gives up a version."""
        command = WithdrawVersion(
            request_of(request, "WithdrawCatalogueVersion"), request.version_id
        )
        encode = version_encoder(pb.WithdrawCatalogueVersionResponse, request.region)
        response = await self._long.run(self._rooms.bringing.withdraw, command, encode)
        return as_sent(pb.WithdrawCatalogueVersionResponse, response)

    async def RollBackCatalogueVersion(
        self,
        request: pb.RollBackCatalogueVersionRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.RollBackCatalogueVersionRequest, pb.RollBackCatalogueVersionResponse]"
        ),
    ) -> pb.RollBackCatalogueVersionResponse:
        """Makes a version that takes another one back."""
        command = RollBackVersion(
            request_of(request, "RollBackCatalogueVersion"),
            request.version_id,
            to_date(request.start_date),
            request.title,
        )
        encode = version_encoder(pb.RollBackCatalogueVersionResponse, request.region)
        response = await self._long.run(self._rooms.rolling_back.roll_back, command, encode)
        return as_sent(pb.RollBackCatalogueVersionResponse, response)

    async def GetCatalogueVersion(
        self,
        request: pb.GetCatalogueVersionRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.GetCatalogueVersionRequest, pb.GetCatalogueVersionResponse]"
        ),
    ) -> pb.GetCatalogueVersionResponse:
        """Reads a version."""
        caller = current_caller()
        caller.require_region(request.region)
        found = await self._blocking.run(
            self._rooms.versions.find, request.region, request.version_id, caller
        )
        return pb.GetCatalogueVersionResponse(version=version_message(request.region, found))

    async def ListCatalogueVersions(
        self,
        request: pb.ListCatalogueVersionsRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.ListCatalogueVersionsRequest, pb.ListCatalogueVersionsResponse]"
        ),
    ) -> pb.ListCatalogueVersionsResponse:
        """Lists versions, the one begun last first."""
        caller = current_caller()
        caller.require_region(request.region)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        wish = VersionWish(
            Layer(request.layer) if request.layer else None,
            VersionState(request.state) if request.state else None,
        )
        after = place_after(request, request.page_token, timed_place)
        found = await self._blocking.run(
            self._rooms.versions.page,
            request.region,
            wish,
            caller,
            after=None if after is None else VersionPlace(*after),
            limit=size + 1,
        )
        page = found[:size]
        response = pb.ListCatalogueVersionsResponse(
            versions=[version_message(request.region, each) for each in page]
        )
        if len(found) > size:
            last = timed_place_text(page[-1].begin_time, page[-1].version_id)
            response.next_page_token = page_token(request, last)
        return response

    async def ListCatalogueChanges(
        self,
        request: pb.ListCatalogueChangesRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.ListCatalogueChangesRequest, pb.ListCatalogueChangesResponse]"
        ),
    ) -> pb.ListCatalogueChangesResponse:
        """Lists rows of approved versions."""
        current_caller().require_region(request.region)
        page = await self._changes(
            request,
            place_after(request, request.page_token, places.row_place),
            min(request.page_size or _ROWS, _ROWS_MAX),
        )
        response = pb.ListCatalogueChangesResponse(
            changes=map(change_message, page.rows), newest_version_number=page.newest_number
        )
        if page.next_place is not None:
            response.next_page_token = page_token(request, places.row_text(page.next_place))
        return response

    async def GetCatalogue(
        self,
        request: pb.GetCatalogueRequest,
        context: ("grpc.aio.ServicerContext[pb.GetCatalogueRequest, pb.GetCatalogueResponse]"),
    ) -> AsyncIterator[pb.GetCatalogueResponse]:
        """Streams rows of approved versions."""
        current_caller().require_region(request.region)
        # A stream is a list without pages: it goes on by the token of one.
        asked = pb.ListCatalogueChangesRequest(
            region=request.region,
            layer=request.layer,
            after_version_number=request.after_version_number,
            date=request.date if request.HasField("date") else None,
        )
        token = request.resume_token
        place = place_after(asked, token, places.row_place, field="resume_token")
        with self._downloads.one_of(current_party()):
            while True:
                page = await self._changes(asked, place, _ROWS_STREAMED)
                response = pb.GetCatalogueResponse(
                    changes=map(change_message, page.rows), newest_version_number=page.newest_number
                )
                place = page.next_place
                if place is not None:
                    response.resume_token = page_token(asked, places.row_text(place))
                yield response
                if place is None:
                    return

    async def DescribeItem(
        self,
        request: pb.DescribeItemRequest,
        context: "grpc.aio.ServicerContext[pb.DescribeItemRequest, pb.DescribeItemResponse]",
    ) -> pb.DescribeItemResponse:
        """Tells what the catalogue says of an item."""
        caller = current_caller()
        caller.require_region(request.region)
        asked = ItemQuestion(
            request.item_code,
            to_date(request.date),
            request.credential_token,
            request.insurance_type,
            request.institution_level,
            request.unit_price,
        )
        found = await self._blocking.run(
            self._rooms.looking_up.look_up, request.region, asked, caller
        )
        return answer_message(found)

    async def _changes(
        self,
        request: pb.ListCatalogueChangesRequest,
        place: RowPlace | None,
        limit: int,
    ) -> ChangePage:
        versions, layer = self._rooms.versions, Layer(request.layer)
        day = to_optional_date(request, "date")
        which: int | dt.date = request.after_version_number if day is None else day
        read = versions.changes if day is None else versions.in_force
        return await self._blocking.run(
            read,
            request.region,
            layer,
            which,
            after=place,
            limit=limit,
        )

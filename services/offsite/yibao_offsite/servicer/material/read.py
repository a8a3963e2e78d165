"""MaterialService: papers are read, listed and compared."""

import grpc

from yibao.offsite.v1 import material_pb2 as messages
from yibao.offsite.v1 import material_service_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.request import Request
from yibao_common.rpc.pages import id_place, page_token, place_after
from yibao_common.rpc.requests import trial_of
from yibao_common.rpc.wire import known
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_offsite.application.material.read import ReadPart
from yibao_offsite.application.material.rows import Wish
from yibao_offsite.rules.material.access import Purpose, may_read
from yibao_offsite.rules.material.material import Material
from yibao_offsite.rules.material.parts import part_count
from yibao_offsite.servicer.material.messages import OWNERS, STATES, message
from yibao_offsite.servicer.material.papers import Papers

_PAGE_SIZE = 50
_PAGE_SIZE_MAX = 200
_PURPOSES = {int(each): each for each in Purpose}


class MaterialReadServicer:
    """Reads papers."""

    def __init__(self, papers: Papers, blocking: Blocking) -> None:
        """Takes what answers; everything blocks, so it runs in threads."""
        self._papers = papers
        self._blocking = blocking

    async def GetMaterial(
        self,
        request: pb.GetMaterialRequest,
        context: "grpc.aio.ServicerContext[pb.GetMaterialRequest, pb.GetMaterialResponse]",
    ) -> pb.GetMaterialResponse:
        """Reads what is known of a paper."""
        asked = trial_of(request, "GetMaterial")
        readings = self._papers.readings
        material, stored = await self._blocking.run(readings.find, asked, request.material_id)
        reads = may_read(material, asked.caller, readings.evidence_readers)
        return pb.GetMaterialResponse(material=message(material, may_read=reads, stored=stored))

    async def GetMaterialPart(
        self,
        request: pb.GetMaterialPartRequest,
        context: "grpc.aio.ServicerContext[pb.GetMaterialPartRequest, pb.GetMaterialPartResponse]",
    ) -> pb.GetMaterialPartResponse:
        """Reads a part of a file, on record."""
        asked = trial_of(request, "GetMaterialPart")
        purpose = known(_PURPOSES, request.purpose, field="purpose", what="purpose")
        command = ReadPart(asked, request.material_id, request.part_number, purpose)
        material, data = await self._blocking.run(self._papers.readings.part, command)
        assert material.told is not None, "what was read has a file"
        return pb.GetMaterialPartResponse(
            data=data,
            part_count=part_count(material.told.size_bytes),
            media_type=messages.MediaType.ValueType(material.told.media_type),
        )

    async def ListMaterials(
        self,
        request: pb.ListMaterialsRequest,
        context: "grpc.aio.ServicerContext[pb.ListMaterialsRequest, pb.ListMaterialsResponse]",
    ) -> pb.ListMaterialsResponse:
        """Lists papers."""
        asked = trial_of(request, "ListMaterials")
        readings, wish = self._papers.readings, _wish(request)
        after = place_after(request, request.page_token, id_place)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)

        # One more tells whether there is another page.
        found = await self._blocking.run(readings.listed, asked, wish, after=after, limit=size + 1)
        page = found[:size]
        token = page_token(request, page[-1].material_id) if len(found) > size else ""
        return pb.ListMaterialsResponse(
            materials=[self._listed(each, asked) for each in page], next_page_token=token
        )

    async def CheckMaterial(
        self,
        request: pb.CheckMaterialRequest,
        context: "grpc.aio.ServicerContext[pb.CheckMaterialRequest, pb.CheckMaterialResponse]",
    ) -> pb.CheckMaterialResponse:
        """Compares a file at hand with the one that was handed in."""
        asked = trial_of(request, "CheckMaterial")
        material, is_same = await self._blocking.run(
            self._papers.readings.check, asked, request.material_id, request.content_sha256
        )
        return pb.CheckMaterialResponse(
            is_same=is_same, material=self._papers.message(material, asked.caller)
        )

    def _listed(self, material: Material, asked: Request) -> messages.Material:
        return self._papers.message(material, asked.caller)


def _wish(request: pb.ListMaterialsRequest) -> Wish:
    """Returns what is listed. Raises RuleError FIELD_REQUIRED, FIELD_OUT_OF_RANGE."""
    if bool(request.owner) != bool(request.owner_id):
        field = "owner_id" if request.owner else "owner"
        refuse_faults([FieldFault(field, Reason.FIELD_REQUIRED, "is told with the other one")])
    owner = state = None
    if request.owner:
        owner = known(OWNERS, request.owner, field="owner", what="thing that papers are for")
    if request.state:
        state = known(STATES, request.state, field="state", what="state of a paper")
    return Wish(
        request.person_id or None, owner, request.owner_id or None, request.kind or None, state
    )

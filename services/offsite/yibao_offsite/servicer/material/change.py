"""MaterialService: papers are returned, replaced and waived."""

from collections.abc import Callable
from typing import Any

import grpc

from yibao.offsite.v1 import material_service_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent
from yibao_common.values.caller import Caller
from yibao_offsite.application.material.change import (
    DecideWaiver,
    ReplaceMaterial,
    ReturnMaterial,
    WaiveMaterial,
)
from yibao_offsite.rules.material.material import Material
from yibao_offsite.servicer.material.papers import Papers


class MaterialChangeServicer:
    """Changes what papers are."""

    def __init__(self, papers: Papers, blocking: Blocking) -> None:
        """Takes what answers; everything blocks, so it runs in threads."""
        self._papers = papers
        self._blocking = blocking

    async def ReturnMaterial(
        self,
        request: pb.ReturnMaterialRequest,
        context: "grpc.aio.ServicerContext[pb.ReturnMaterialRequest, pb.ReturnMaterialResponse]",
    ) -> pb.ReturnMaterialResponse:
        """Gives a paper back."""
        asked = request_of(request, "ReturnMaterial")
        response = await self._blocking.run(
            self._papers.changes.return_,
            ReturnMaterial(asked, request.material_id, request.reason),
            self._answer(pb.ReturnMaterialResponse, asked.caller),
        )
        return as_sent(pb.ReturnMaterialResponse, response)

    async def ReplaceMaterial(
        self,
        request: pb.ReplaceMaterialRequest,
        context: "grpc.aio.ServicerContext[pb.ReplaceMaterialRequest, pb.ReplaceMaterialResponse]",
    ) -> pb.ReplaceMaterialResponse:
        """Has a paper take another's place."""
        asked = request_of(request, "ReplaceMaterial")
        response = await self._blocking.run(
            self._papers.changes.replace,
            ReplaceMaterial(asked, request.material_id, request.new_material_id),
            self._answer(pb.ReplaceMaterialResponse, asked.caller),
        )
        return as_sent(pb.ReplaceMaterialResponse, response)

    async def WaiveMaterial(
        self,
        request: pb.WaiveMaterialRequest,
        context: "grpc.aio.ServicerContext[pb.WaiveMaterialRequest, pb.WaiveMaterialResponse]",
    ) -> pb.WaiveMaterialResponse:
        """Proposes a waiver."""
        asked = request_of(request, "WaiveMaterial")
        response = await self._blocking.run(
            self._papers.changes.waive,
            WaiveMaterial(asked, request.person_id, request.kind, request.reason),
            self._answer(pb.WaiveMaterialResponse, asked.caller),
        )
        return as_sent(pb.WaiveMaterialResponse, response)

    async def DecideWaiver(
        self,
        request: pb.DecideWaiverRequest,
        context: "grpc.aio.ServicerContext[pb.DecideWaiverRequest, pb.DecideWaiverResponse]",
    ) -> pb.DecideWaiverResponse:
        """Decides a waiver."""
        asked = request_of(request, "DecideWaiver")
        response = await self._blocking.run(
            self._papers.changes.decide,
            DecideWaiver(asked, request.material_id, request.is_granted),
            self._answer(pb.DecideWaiverResponse, asked.caller),
        )
        return as_sent(pb.DecideWaiverResponse, response)

    def _answer(self, kind: Callable[..., Any], caller: Caller) -> Callable[[Material], bytes]:
        """Returns what makes the answer, with the paper alone."""

        def encode(material: Material) -> bytes:
            answer: bytes = kind(
                material=self._papers.message(material, caller)
            ).SerializeToString()
            return answer

        return encode

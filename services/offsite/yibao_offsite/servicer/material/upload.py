"""MaterialService: files come in, part by part."""

from collections.abc import Callable
from typing import Any

import grpc

from yibao.offsite.v1 import material_service_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent
from yibao_common.values.caller import Caller
from yibao_offsite.application.material.upload import BeginUpload, EndUpload, UploadPart
from yibao_offsite.rules.material.material import Material
from yibao_offsite.rules.material.parts import PART_BYTES
from yibao_offsite.servicer.material.messages import told_of
from yibao_offsite.servicer.material.papers import Papers


class UploadServicer:
    """Takes files in."""

    def __init__(self, papers: Papers, blocking: Blocking, finishing: Blocking) -> None:
        """Takes what answers; everything blocks, so it runs in threads.

        Whole files are looked through in those of `finishing`, which takes seconds.
        """
        self._papers = papers
        self._blocking = blocking
        self._finishing = finishing

    async def BeginUpload(
        self,
        request: pb.BeginUploadRequest,
        context: "grpc.aio.ServicerContext[pb.BeginUploadRequest, pb.BeginUploadResponse]",
    ) -> pb.BeginUploadResponse:
        """Begins a file."""
        asked = request_of(request, "BeginUpload")
        uploads = self._papers.uploads
        command = BeginUpload(asked, request.person_id, request.kind, told_of(request))

        def encode(material: Material) -> bytes:
            sent = self._papers.message(material, asked.caller)
            answer = pb.BeginUploadResponse(material=sent, part_bytes=PART_BYTES)
            return answer.SerializeToString()

        response = await self._blocking.run(uploads.begin, command, encode)
        return as_sent(pb.BeginUploadResponse, response)

    async def UploadPart(
        self,
        request: pb.UploadPartRequest,
        context: "grpc.aio.ServicerContext[pb.UploadPartRequest, pb.UploadPartResponse]",
    ) -> pb.UploadPartResponse:
        """Stores a part of a file."""
        command = UploadPart(
            request_of(request, "UploadPart"),
            request.material_id,
            request.part_number,
            request.data,
            request.part_sha256,
        )
        response = await self._blocking.run(self._papers.uploads.part, command, _part_stored)
        return as_sent(pb.UploadPartResponse, response)

    async def FinishUpload(
        self,
        request: pb.FinishUploadRequest,
        context: "grpc.aio.ServicerContext[pb.FinishUploadRequest, pb.FinishUploadResponse]",
    ) -> pb.FinishUploadResponse:
        """Ends a file, which was looked through."""
        asked = request_of(request, "FinishUpload")
        response = await self._finishing.run(
            self._papers.uploads.finish,
            EndUpload(asked, request.material_id),
            self._answer(pb.FinishUploadResponse, asked.caller),
        )
        return as_sent(pb.FinishUploadResponse, response)

    async def DiscardUpload(
        self,
        request: pb.DiscardUploadRequest,
        context: "grpc.aio.ServicerContext[pb.DiscardUploadRequest, pb.DiscardUploadResponse]",
    ) -> pb.DiscardUploadResponse:
        """Gives a file up."""
        asked = request_of(request, "DiscardUpload")
        response = await self._blocking.run(
            self._papers.uploads.discard,
            EndUpload(asked, request.material_id),
            self._answer(pb.DiscardUploadResponse, asked.caller),
        )
        return as_sent(pb.DiscardUploadResponse, response)

    def _answer(self, kind: Callable[..., Any], caller: Caller) -> Callable[[Material], bytes]:
        """Returns what makes the answer, with the paper alone."""

        def encode(material: Material) -> bytes:
            answer: bytes = kind(
                material=self._papers.message(material, caller)
            ).SerializeToString()
            return answer

        return encode


def _part_stored(missing_count: int) -> bytes:
    return pb.UploadPartResponse(missing_count=missing_count).SerializeToString()

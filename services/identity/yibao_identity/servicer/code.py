"""CertificateService: QR codes of this minute, and of minutes to come."""

import asyncio
from collections.abc import Sequence

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from yibao.identity.v1 import certificate_service_pb2 as pb
from yibao.identity.v1 import qr_messages_pb2
from yibao_common.commands.blocking import Blocking
from yibao_common.db.batcher import Batcher
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent
from yibao_common.values.clock import Clock
from yibao_identity.application.code.ahead import CodeBatches, IssueCodeBatch
from yibao_identity.application.code.issued import CodeSigner
from yibao_identity.application.code.queue import IssueCode
from yibao_identity.rules.code import QrClaims
from yibao_identity.servicer.certificate import OwnCertificate


async def until_second(second: int, *, clock: Clock) -> None:
    """Waits for `second` of 1970 to begin: a code must not be shown before it is valid.

    Almost always it has begun; see `application.code.second`.
    """
    wait_seconds = second - clock().timestamp()
    if wait_seconds > 0:
        await asyncio.sleep(wait_seconds)


class CodeMethods:
    """Issues codes: the rows about them are durable before anything is signed."""

    def __init__(
        self,
        batcher: Batcher[IssueCode, QrClaims],
        code_batches: CodeBatches,
        own: OwnCertificate,
        blocking: Blocking,
        *,
        signer: CodeSigner,
        clock: Clock,
    ) -> None:
        """Takes the queue of this minute's codes, what issues others, and what signs."""
        self._batcher = batcher
        self._code_batches = code_batches
        self._own = own
        self._blocking = blocking
        self._signer = signer
        self._clock = clock

    async def IssueQrCode(
        self,
        request: pb.IssueQrCodeRequest,
        context: "grpc.aio.ServicerContext[pb.IssueQrCodeRequest, pb.IssueQrCodeResponse]",
    ) -> pb.IssueQrCodeResponse:
        """Issues the QR code of this minute."""
        caller = current_caller()
        await self._own.require(
            caller,
            method="IssueQrCode",
            region=request.region,
            certificate_id=request.certificate_id,
        )
        claims = await self._batcher.submit(
            request.region, IssueCode(request.certificate_id, request.audience, caller.path)
        )
        await until_second(claims.issue_second, clock=self._clock)
        # Signed here, in the event loop: 40 µs, and the row about it is durable by now.
        return pb.IssueQrCodeResponse(
            qr_text=self._signer.sign_code(claims),
            issue_time=Timestamp(seconds=claims.issue_second),
            expire_time=Timestamp(seconds=claims.expire_second),
        )

    async def IssueQrCodeBatch(
        self,
        request: qr_messages_pb2.IssueQrCodeBatchRequest,
        context: (
            "grpc.aio.ServicerContext[qr_messages_pb2.IssueQrCodeBatchRequest,"
            " qr_messages_pb2.IssueQrCodeBatchResponse]"
        ),
    ) -> qr_messages_pb2.IssueQrCodeBatchResponse:
        """Issues codes for the minutes to come."""
        command = IssueCodeBatch(
            request_of(request, "IssueQrCodeBatch"),
            request.certificate_id,
            request.audience,
            request.codes,
        )
        response = await self._blocking.run(self._code_batches.issue, command, self._signed)
        return as_sent(qr_messages_pb2.IssueQrCodeBatchResponse, response)

    def _signed(self, claims: Sequence[QrClaims]) -> bytes:
        codes = [
            qr_messages_pb2.QrCode(
                qr_text=self._signer.sign_code(each),
                start_time=Timestamp(seconds=each.issue_second),
                expire_time=Timestamp(seconds=each.expire_second),
            )
            for each in claims
        ]
        return qr_messages_pb2.IssueQrCodeBatchResponse(codes=codes).SerializeToString()

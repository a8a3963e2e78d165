"""CertificateService: QR codes of relatives."""

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from yibao.identity.v1 import qr_messages_pb2
from yibao_common.db.batcher import Batcher
from yibao_common.rpc.callers import current_caller
from yibao_common.values.clock import Clock
from yibao_identity.application.code.issued import CodeSigner
from yibao_identity.application.relative_code import IssueRelativeCode, RelativeCode
from yibao_identity.servicer.certificate import OwnCertificate
from yibao_identity.servicer.code import until_second


class RelativeCodeMethods:
    """Issues codes of relatives: the rows about them are durable before they are signed."""

    def __init__(
        self,
        batcher: Batcher[IssueRelativeCode, RelativeCode],
        own: OwnCertificate,
        *,
        signer: CodeSigner,
        clock: Clock,
    ) -> None:
        """Takes the queue of the codes, and what signs."""
        self._batcher = batcher
        self._own = own
        self._signer = signer
        self._clock = clock

    async def IssueRelativeQrCode(
        self,
        request: qr_messages_pb2.IssueRelativeQrCodeRequest,
        context: (
            "grpc.aio.ServicerContext[qr_messages_pb2.IssueRelativeQrCodeRequest,"
            " qr_messages_pb2.IssueRelativeQrCodeResponse]"
        ),
    ) -> qr_messages_pb2.IssueRelativeQrCodeResponse:
        """Issues the QR code of this minute of a relative who agreed to it."""
        caller = current_caller()
        await self._own.require(
            caller,
            method="IssueRelativeQrCode",
            region=request.region,
            certificate_id=request.certificate_id,
        )
        code = await self._batcher.submit(
            request.region,
            IssueRelativeCode(
                request.certificate_id, request.link_id, request.audience, caller.path
            ),
        )
        await until_second(code.claims.issue_second, clock=self._clock)
        return qr_messages_pb2.IssueRelativeQrCodeResponse(
            qr_text=self._signer.sign_code(code.claims),
            issue_time=Timestamp(seconds=code.claims.issue_second),
            expire_time=Timestamp(seconds=code.claims.expire_second),
            relative_id=code.relative_id,
        )

"""CertificateService: QR codes of this minute, of a relative, and of minutes to come."""

from collections.abc import Sequence

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from yibao.identity.v1 import certificate_service_pb2 as pb
from yibao.identity.v1 import qr_messages_pb2
from yibao_common.db.batcher import Batcher
from yibao_common.rpc.callers import current_caller
from yibao_identity.application.batch_codes import CodeBatches, IssueCodeBatch
from yibao_identity.application.commands import IssueCode
from yibao_identity.application.ports import CodeSigner
from yibao_identity.application.relative_codes import IssueRelativeCode, RelativeCode
from yibao_identity.rules.qr_code import QrClaims
from yibao_identity.servicer.certificate_scope import OwnCertificate
from yibao_identity.servicer.person_requests import request_of


class QrMethods(OwnCertificate):
    """Issues codes: the rows about them are durable before anything is signed."""

    _batcher: Batcher[IssueCode, QrClaims]
    _relative_batcher: Batcher[IssueRelativeCode, RelativeCode]
    _code_batches: CodeBatches
    _signer: CodeSigner

    async def IssueQrCode(
        self,
        request: pb.IssueQrCodeRequest,
        context: "grpc.aio.ServicerContext[pb.IssueQrCodeRequest, pb.IssueQrCodeResponse]",
    ) -> pb.IssueQrCodeResponse:
        """Issues the QR code of this minute."""
        caller = current_caller()
        await self._require_own(
            caller,
            method="IssueQrCode",
            region=request.region,
            certificate_id=request.certificate_id,
        )
        claims = await self._batcher.submit(
            request.region, IssueCode(request.certificate_id, request.audience, caller.path)
        )
        # Signed here, in the event loop: 40 µs, and the row about it is durable by now.
        return pb.IssueQrCodeResponse(
            qr_text=self._signer.sign_code(claims),
            issue_time=Timestamp(seconds=claims.issue_second),
            expire_time=Timestamp(seconds=claims.expire_second),
        )

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
        await self._require_own(
            caller,
            method="IssueRelativeQrCode",
            region=request.region,
            certificate_id=request.certificate_id,
        )
        code = await self._relative_batcher.submit(
            request.region,
            IssueRelativeCode(
                request.certificate_id, request.link_id, request.audience, caller.path
            ),
        )
        return qr_messages_pb2.IssueRelativeQrCodeResponse(
            qr_text=self._signer.sign_code(code.claims),
            issue_time=Timestamp(seconds=code.claims.issue_second),
            expire_time=Timestamp(seconds=code.claims.expire_second),
            relative_id=code.relative_id,
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
        return response  # type: ignore[return-value]  # the gate sends bytes as they are

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

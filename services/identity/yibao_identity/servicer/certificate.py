"""CertificateService: e-certificates and the QR codes they show."""

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from yibao.identity.v1 import certificate_pb2
from yibao.identity.v1 import certificate_service_pb2 as pb
from yibao.identity.v1 import certificate_service_pb2_grpc as rpc
from yibao_common.answers import request_digest
from yibao_common.batcher import Batcher
from yibao_common.blocking import Blocking
from yibao_common.callers import current_caller
from yibao_common.errors import FieldFault, refuse_faults
from yibao_common.reasons import Reason
from yibao_identity.application.commands import ActivateCertificate, IssueCode
from yibao_identity.application.ports import Certificates, CodeSigner
from yibao_identity.rules.certificate import (
    Certificate,
    Proofing,
    ProofingMethod,
    certificate_not_found,
)
from yibao_identity.rules.qr_code import QrClaims
from yibao_identity.servicer.encode import certificate_message

_METHODS = {
    certificate_pb2.PROOFING_METHOD_FACE: ProofingMethod.FACE,
    certificate_pb2.PROOFING_METHOD_COUNTER: ProofingMethod.COUNTER,
}


class CertificateServicer(rpc.CertificateServiceServicer):
    """Activates and reads in threads; issues through the batcher."""

    def __init__(
        self,
        certificates: Certificates,
        batcher: Batcher[IssueCode, QrClaims],
        blocking: Blocking,
        *,
        signer: CodeSigner,
    ) -> None:
        """Takes the engine and what signs codes."""
        self._certificates = certificates
        self._batcher = batcher
        self._blocking = blocking
        self._signer = signer

    async def ActivateCertificate(
        self,
        request: pb.ActivateCertificateRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.ActivateCertificateRequest, pb.ActivateCertificateResponse]"
        ),
    ) -> pb.ActivateCertificateResponse:
        """Activates the e-certificate of a person."""
        caller = current_caller()
        caller.require_region(request.region)
        method = _METHODS.get(request.proofing_method)
        if method is None:
            message = "is no method of proof that this version knows"
            refuse_faults([FieldFault("proofing_method", Reason.FIELD_OUT_OF_RANGE, message)])
        assert method is not None
        command = ActivateCertificate(
            request.region,
            request.request_id,
            request_digest("ActivateCertificate", caller.path, request.SerializeToString()),
            caller.path,
            request.person_id,
            Proofing(method, request.proofing_reference),
        )
        response = await self._blocking.run(self._certificates.activate, command, _activated)
        return response  # type: ignore[return-value]  # the gate sends bytes as they are

    async def GetCertificate(
        self,
        request: pb.GetCertificateRequest,
        context: "grpc.aio.ServicerContext[pb.GetCertificateRequest, pb.GetCertificateResponse]",
    ) -> pb.GetCertificateResponse:
        """Reads one e-certificate."""
        caller = current_caller()
        caller.require_region(request.region)
        caller.require_certificate(request.certificate_id)
        found = await self._blocking.run(
            self._certificates.find, request.region, request.certificate_id
        )
        if found is None:
            raise certificate_not_found(request.certificate_id)
        return pb.GetCertificateResponse(certificate=certificate_message(found))

    async def IssueQrCode(
        self,
        request: pb.IssueQrCodeRequest,
        context: "grpc.aio.ServicerContext[pb.IssueQrCodeRequest, pb.IssueQrCodeResponse]",
    ) -> pb.IssueQrCodeResponse:
        """Issues the QR code of this minute."""
        caller = current_caller()
        caller.require_certificate(request.certificate_id)
        claims = await self._batcher.submit(
            request.region, IssueCode(request.certificate_id, request.audience, caller.path)
        )
        # Signed here, in the event loop: 40 µs, and the row about it is durable by now.
        return pb.IssueQrCodeResponse(
            qr_text=self._signer.sign_code(claims),
            issue_time=Timestamp(seconds=claims.issue_second),
            expire_time=Timestamp(seconds=claims.expire_second),
        )


def _activated(certificate: Certificate) -> bytes:
    message = certificate_message(certificate)
    return pb.ActivateCertificateResponse(certificate=message).SerializeToString()

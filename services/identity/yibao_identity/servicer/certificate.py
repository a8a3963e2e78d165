"""CertificateService: e-certificates, their codes, devices and cases of misuse."""

import grpc

from yibao.identity.v1 import certificate_service_pb2 as pb
from yibao.identity.v1 import certificate_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.db.batcher import Batcher
from yibao_common.rpc.callers import current_caller
from yibao_identity.application.batch_codes import CodeBatches
from yibao_identity.application.certificates import (
    ActivateCertificate,
    Certificates,
    CloseCertificate,
)
from yibao_identity.application.commands import IssueCode
from yibao_identity.application.devices import Devices
from yibao_identity.application.misuse import MisuseCases
from yibao_identity.application.ports import CodeSigner
from yibao_identity.application.relative_codes import IssueRelativeCode, RelativeCode
from yibao_identity.rules.certificate import Certificate, Proofing, certificate_not_found
from yibao_identity.rules.qr_code import QrClaims
from yibao_identity.servicer.certificate_device import DeviceMethods
from yibao_identity.servicer.certificate_messages import (
    PROOFING_METHODS,
    certificate_message,
    known,
)
from yibao_identity.servicer.certificate_misuse import MisuseMethods
from yibao_identity.servicer.certificate_qr import QrMethods
from yibao_identity.servicer.person_requests import request_of


class CertificateServicer(QrMethods, DeviceMethods, MisuseMethods, rpc.CertificateServiceServicer):
    """Issues codes through batchers; all else runs in threads."""

    def __init__(
        self,
        certificates: Certificates,
        devices: Devices,
        cases: MisuseCases,
        code_batches: CodeBatches,
        batcher: Batcher[IssueCode, QrClaims],
        relative_batcher: Batcher[IssueRelativeCode, RelativeCode],
        blocking: Blocking,
        *,
        signer: CodeSigner,
    ) -> None:
        """Takes the engines and what signs codes."""
        self._certificates = certificates
        self._devices = devices
        self._cases = cases
        self._code_batches = code_batches
        self._batcher = batcher
        self._relative_batcher = relative_batcher
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
        method = known(
            PROOFING_METHODS,
            request.proofing_method,
            field="proofing_method",
            what="method of proof",
        )
        command = ActivateCertificate(
            request_of(request, "ActivateCertificate"),
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
        region, certificate_id = request.region, request.certificate_id
        await self._require_own(
            current_caller(),
            method="GetCertificate",
            region=region,
            certificate_id=certificate_id,
        )
        found = await self._blocking.run(self._certificates.find, region, certificate_id)
        if found is None:
            raise certificate_not_found(certificate_id)
        return pb.GetCertificateResponse(certificate=certificate_message(found))

    async def CloseCertificate(
        self,
        request: pb.CloseCertificateRequest,
        context: (
            "grpc.aio.ServicerContext[pb.CloseCertificateRequest, pb.CloseCertificateResponse]"
        ),
    ) -> pb.CloseCertificateResponse:
        """Closes an e-certificate for good."""
        command = CloseCertificate(request_of(request, "CloseCertificate"), request.certificate_id)
        response = await self._blocking.run(self._certificates.close, command, _closed)
        return response  # type: ignore[return-value]  # the gate sends bytes as they are


def _activated(certificate: Certificate) -> bytes:
    message = certificate_message(certificate)
    return pb.ActivateCertificateResponse(certificate=message).SerializeToString()


def _closed(certificate: Certificate) -> bytes:
    message = certificate_message(certificate)
    return pb.CloseCertificateResponse(certificate=message).SerializeToString()

"""CertificateService: e-certificates, and whose holder asks."""

from collections.abc import Mapping

import grpc

from yibao.identity.v1 import certificate_pb2
from yibao.identity.v1 import certificate_service_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_instant, known
from yibao_common.values.caller import Caller
from yibao_common.values.errors import RuleError
from yibao_identity.application.certificate import (
    ActivateCertificate,
    Certificates,
    CloseCertificate,
)
from yibao_identity.rules.certificate import (
    Certificate,
    CertificateState,
    Proofing,
    ProofingMethod,
)

_STATES = {
    CertificateState.ACTIVE: certificate_pb2.CERTIFICATE_STATE_ACTIVE,
    CertificateState.SUSPENDED: certificate_pb2.CERTIFICATE_STATE_SUSPENDED,
    CertificateState.CLOSED: certificate_pb2.CERTIFICATE_STATE_CLOSED,
}
_PROOFING_METHODS: Mapping[int, ProofingMethod] = {
    certificate_pb2.PROOFING_METHOD_FACE: ProofingMethod.FACE,
    certificate_pb2.PROOFING_METHOD_COUNTER: ProofingMethod.COUNTER,
    certificate_pb2.PROOFING_METHOD_GUARDIAN: ProofingMethod.GUARDIAN,
}


class OwnCertificate:
    """A holder acts for its own e-certificate alone; trying another's is put on record.

    What the methods that store nothing ask before they read.
    """

    def __init__(self, certificates: Certificates, blocking: Blocking) -> None:
        """Takes what puts on record."""
        self._certificates = certificates
        self._blocking = blocking

    async def require(
        self, caller: Caller, *, method: str, region: str, certificate_id: str
    ) -> None:
        """Refuses callers of another region, and holders of another certificate.

        Raises:
            RuleError: OUT_OF_SCOPE.
        """
        caller.require_region(region)
        try:
            caller.require_certificate(certificate_id)
        except RuleError:
            await self._blocking.run(
                self._certificates.record_foreign,
                caller,
                method=method,
                region=region,
                certificate_id=certificate_id,
            )
            raise


class CertificateMethods:
    """Activates, reads and closes e-certificates; everything blocks, so it runs in threads."""

    def __init__(self, certificates: Certificates, own: OwnCertificate, blocking: Blocking) -> None:
        """Takes what answers."""
        self._certificates = certificates
        self._own = own
        self._blocking = blocking

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
            _PROOFING_METHODS,
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
        return as_sent(pb.ActivateCertificateResponse, response)

    async def GetCertificate(
        self,
        request: pb.GetCertificateRequest,
        context: "grpc.aio.ServicerContext[pb.GetCertificateRequest, pb.GetCertificateResponse]",
    ) -> pb.GetCertificateResponse:
        """Reads one e-certificate."""
        region, certificate_id = request.region, request.certificate_id
        await self._own.require(
            current_caller(),
            method="GetCertificate",
            region=region,
            certificate_id=certificate_id,
        )
        found = await self._blocking.run(self._certificates.find, region, certificate_id)
        return pb.GetCertificateResponse(certificate=_message(found))

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
        return as_sent(pb.CloseCertificateResponse, response)


def _activated(certificate: Certificate) -> bytes:
    message = _message(certificate)
    return pb.ActivateCertificateResponse(certificate=message).SerializeToString()


def _closed(certificate: Certificate) -> bytes:
    message = _message(certificate)
    return pb.CloseCertificateResponse(certificate=message).SerializeToString()


def _message(certificate: Certificate) -> certificate_pb2.Certificate:
    """Returns an e-certificate."""
    message = certificate_pb2.Certificate(
        certificate_id=certificate.certificate_id,
        person_id=certificate.person_id,
        region=certificate.region,
        subject=certificate.subject,
        state=_STATES[certificate.state],
        activate_time=from_instant(certificate.activate_time),
        suspension_case_id=certificate.suspension_case_id or "",
    )
    if certificate.close_time is not None:
        message.close_time.CopyFrom(from_instant(certificate.close_time))
    return message

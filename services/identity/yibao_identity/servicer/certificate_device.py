"""CertificateService: the phones that show codes without a network."""

import re
from collections.abc import Mapping

import grpc

from yibao.identity.v1 import device_messages_pb2 as pb
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.wire import from_instant
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_identity.application.devices import (
    Devices,
    EnrolDevice,
    EnrolledDevice,
    RenewDeviceCertificate,
    RevokeDevice,
    SignedCertificate,
)
from yibao_identity.rules.device import Device, Revocation
from yibao_identity.servicer.certificate_messages import (
    ALGORITHMS,
    device_certificate_message,
    device_message,
    known,
)
from yibao_identity.servicer.certificate_scope import OwnCertificate
from yibao_identity.servicer.person_requests import request_of

_REVOCATIONS: Mapping[int, Revocation] = {
    pb.DEVICE_REVOCATION_LOST: Revocation.LOST,
    pb.DEVICE_REVOCATION_RETIRED: Revocation.RETIRED,
}
_CERTIFICATE_ID = re.compile(r"[0-9a-f]{16}")


class DeviceMethods(OwnCertificate):
    """Enrols, renews, revokes and reads devices. Storage checks whose they are."""

    _devices: Devices

    async def GetDeviceChallenge(
        self,
        request: pb.GetDeviceChallengeRequest,
        context: (
            "grpc.aio.ServicerContext[pb.GetDeviceChallengeRequest, pb.GetDeviceChallengeResponse]"
        ),
    ) -> pb.GetDeviceChallengeResponse:
        """Gives a challenge that a device's key has to sign."""
        region, certificate_id = request.region, request.certificate_id
        await self._require_own(
            current_caller(),
            method="GetDeviceChallenge",
            region=region,
            certificate_id=certificate_id,
        )
        challenge = await self._blocking.run(self._devices.challenge, region, certificate_id)
        return pb.GetDeviceChallengeResponse(
            challenge=challenge.content, expire_time=from_instant(challenge.expire_time)
        )

    async def EnrolDevice(
        self,
        request: pb.EnrolDeviceRequest,
        context: "grpc.aio.ServicerContext[pb.EnrolDeviceRequest, pb.EnrolDeviceResponse]",
    ) -> pb.EnrolDeviceResponse:
        """Enrols a phone and certifies its key."""
        command = EnrolDevice(
            request_of(request, "EnrolDevice"),
            request.certificate_id,
            request.device_name,
            known(ALGORITHMS, request.algorithm, field="algorithm", what="algorithm"),
            request.public_key,
            request.challenge,
            request.signature,
            request.attestation,
        )
        response = await self._blocking.run(self._devices.enrol, command, _enrolled)
        return response  # type: ignore[return-value]  # the gate sends bytes as they are

    async def RenewDeviceCertificate(
        self,
        request: pb.RenewDeviceCertificateRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.RenewDeviceCertificateRequest, pb.RenewDeviceCertificateResponse]"
        ),
    ) -> pb.RenewDeviceCertificateResponse:
        """Certifies an enrolled key anew."""
        if not _CERTIFICATE_ID.fullmatch(request.device_certificate_id):
            message = "must be 16 hexadecimal digits in lower case"
            refuse_faults([FieldFault("device_certificate_id", Reason.FIELD_MALFORMED, message)])
        command = RenewDeviceCertificate(
            request_of(request, "RenewDeviceCertificate"),
            request.device_id,
            request.device_certificate_id,
            request.challenge,
            request.signature,
        )
        response = await self._blocking.run(self._devices.renew, command, _renewed)
        return response  # type: ignore[return-value]  # the gate sends bytes as they are

    async def RevokeDevice(
        self,
        request: pb.RevokeDeviceRequest,
        context: "grpc.aio.ServicerContext[pb.RevokeDeviceRequest, pb.RevokeDeviceResponse]",
    ) -> pb.RevokeDeviceResponse:
        """Revokes a device for good."""
        command = RevokeDevice(
            request_of(request, "RevokeDevice"),
            request.device_id,
            known(_REVOCATIONS, request.revocation, field="revocation", what="revocation"),
        )
        response = await self._blocking.run(self._devices.revoke, command, _revoked)
        return response  # type: ignore[return-value]  # the gate sends bytes as they are

    async def ListDevices(
        self,
        request: pb.ListDevicesRequest,
        context: "grpc.aio.ServicerContext[pb.ListDevicesRequest, pb.ListDevicesResponse]",
    ) -> pb.ListDevicesResponse:
        """Reads the devices of an e-certificate."""
        region, certificate_id = request.region, request.certificate_id
        await self._require_own(
            current_caller(), method="ListDevices", region=region, certificate_id=certificate_id
        )
        devices = await self._blocking.run(self._devices.list, region, certificate_id)
        return pb.ListDevicesResponse(devices=map(device_message, devices))


def _enrolled(enrolled: EnrolledDevice) -> bytes:
    return pb.EnrolDeviceResponse(
        device=device_message(enrolled.device),
        device_certificate=device_certificate_message(enrolled.signed),
    ).SerializeToString()


def _renewed(signed: SignedCertificate) -> bytes:
    message = device_certificate_message(signed)
    return pb.RenewDeviceCertificateResponse(device_certificate=message).SerializeToString()


def _revoked(device: Device) -> bytes:
    return pb.RevokeDeviceResponse(device=device_message(device)).SerializeToString()

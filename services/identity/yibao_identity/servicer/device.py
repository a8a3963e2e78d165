"""CertificateService: the phones that show codes without a network."""

import re
from collections.abc import Mapping

import grpc

from yibao.identity.v1 import device_messages_pb2 as pb
from yibao.identity.v1 import device_pb2
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_instant, known
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_identity.application.device.command import (
    EnrolDevice,
    EnrolledDevice,
    RenewDeviceCertificate,
    RevokeDevice,
    SignedCertificate,
)
from yibao_identity.application.device.device import Devices
from yibao_identity.rules.device import Device, DeviceState, KeyAlgorithm, Revocation
from yibao_identity.servicer.certificate import OwnCertificate

_STATES = {
    DeviceState.ACTIVE: device_pb2.DEVICE_STATE_ACTIVE,
    DeviceState.REVOKED: device_pb2.DEVICE_STATE_REVOKED,
    DeviceState.CLONE_SUSPECTED: device_pb2.DEVICE_STATE_CLONE_SUSPECTED,
}
_ALGORITHM_SENT = {
    KeyAlgorithm.ED25519: device_pb2.KEY_ALGORITHM_ED25519,
    KeyAlgorithm.P256: device_pb2.KEY_ALGORITHM_P256,
}
_ALGORITHMS: Mapping[int, KeyAlgorithm] = {
    number: algorithm for algorithm, number in _ALGORITHM_SENT.items()
}
_REVOCATIONS: Mapping[int, Revocation] = {
    pb.DEVICE_REVOCATION_LOST: Revocation.LOST,
    pb.DEVICE_REVOCATION_RETIRED: Revocation.RETIRED,
}
_DEVICE_CERTIFICATE_ID = re.compile(r"[0-9a-f]{16}")


class DeviceMethods:
    """Enrols, renews, revokes and reads devices; everything blocks, so it runs in threads."""

    def __init__(self, devices: Devices, own: OwnCertificate, blocking: Blocking) -> None:
        """Takes what answers."""
        self._devices = devices
        self._own = own
        self._blocking = blocking

    async def GetDeviceChallenge(
        self,
        request: pb.GetDeviceChallengeRequest,
        context: (
            "grpc.aio.ServicerContext[pb.GetDeviceChallengeRequest, pb.GetDeviceChallengeResponse]"
        ),
    ) -> pb.GetDeviceChallengeResponse:
        """Gives a challenge that a device's key has to sign."""
        region, certificate_id = request.region, request.certificate_id
        await self._own.require(
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
            known(_ALGORITHMS, request.algorithm, field="algorithm", what="algorithm"),
            request.public_key,
            request.challenge,
            request.signature,
            request.attestation,
        )
        response = await self._blocking.run(self._devices.enrol, command, _enrolled)
        return as_sent(pb.EnrolDeviceResponse, response)

    async def RenewDeviceCertificate(
        self,
        request: pb.RenewDeviceCertificateRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.RenewDeviceCertificateRequest, pb.RenewDeviceCertificateResponse]"
        ),
    ) -> pb.RenewDeviceCertificateResponse:
        """Certifies an enrolled key anew."""
        if not _DEVICE_CERTIFICATE_ID.fullmatch(request.device_certificate_id):
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
        return as_sent(pb.RenewDeviceCertificateResponse, response)

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
        return as_sent(pb.RevokeDeviceResponse, response)

    async def ListDevices(
        self,
        request: pb.ListDevicesRequest,
        context: "grpc.aio.ServicerContext[pb.ListDevicesRequest, pb.ListDevicesResponse]",
    ) -> pb.ListDevicesResponse:
        """Reads the devices of an e-certificate."""
        region, certificate_id = request.region, request.certificate_id
        await self._own.require(
            current_caller(), method="ListDevices", region=region, certificate_id=certificate_id
        )
        devices = await self._blocking.run(self._devices.list, region, certificate_id)
        return pb.ListDevicesResponse(devices=map(_device_message, devices))


def _enrolled(enrolled: EnrolledDevice) -> bytes:
    return pb.EnrolDeviceResponse(
        device=_device_message(enrolled.device),
        device_certificate=_certificate_message(enrolled.signed),
    ).SerializeToString()


def _renewed(signed: SignedCertificate) -> bytes:
    message = _certificate_message(signed)
    return pb.RenewDeviceCertificateResponse(device_certificate=message).SerializeToString()


def _revoked(device: Device) -> bytes:
    return pb.RevokeDeviceResponse(device=_device_message(device)).SerializeToString()


def _device_message(device: Device) -> device_pb2.Device:
    """Returns a device."""
    message = device_pb2.Device(
        device_id=device.device_id,
        certificate_id=device.certificate_id,
        device_name=device.device_name,
        algorithm=_ALGORITHM_SENT[device.algorithm],
        public_key=device.public_key,
        state=_STATES[device.state],
        enrol_time=from_instant(device.enrol_time),
    )
    if device.revoke_time is not None:
        message.revoke_time.CopyFrom(from_instant(device.revoke_time))
    return message


def _certificate_message(signed: SignedCertificate) -> device_pb2.DeviceCertificate:
    """Returns a device certificate."""
    facts = signed.facts
    return device_pb2.DeviceCertificate(
        certificate=signed.certificate,
        device_certificate_id=facts.device_certificate_id,
        issue_time=from_instant(facts.issue_time),
        expire_time=from_instant(facts.expire_time),
        renew_time=from_instant(facts.renew_time),
    )

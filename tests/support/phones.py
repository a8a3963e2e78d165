"""A phone with the e-certificate's app, over real gRPC: enrols, renews and shows codes."""

import datetime as dt
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.identity_world import REGION

from yibao import device as proofs
from yibao import qr
from yibao.identity.v1 import device_messages_pb2 as pb
from yibao.identity.v1 import device_pb2
from yibao_common.values.ids import new_id

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey


class AppPhone:
    """Calls the service by `stub`; keeps its device and newest certificate."""

    def __init__(
        self,
        stub: Any,
        certificate_id: str,
        *,
        private_key: PrivateKey | None = None,
        region: str = REGION,
    ) -> None:
        self.stub = stub
        self.certificate_id = certificate_id
        self.private_key = private_key or Ed25519PrivateKey.generate()
        self.region = region
        self.device: Any = None
        self.newest: Any = None

    @property
    def public_key(self) -> bytes:
        return proofs.raw_public_key(self.private_key)

    async def challenge(self) -> bytes:
        request = pb.GetDeviceChallengeRequest(
            region=self.region, certificate_id=self.certificate_id
        )
        answer = await self.stub.GetDeviceChallenge(request)
        challenge: bytes = answer.challenge
        return challenge

    async def enrolment(self, **changes: Any) -> pb.EnrolDeviceRequest:
        """Returns a request to enrol; `changes` replace its fields."""
        challenge = await self.challenge()
        is_edwards = isinstance(self.private_key, Ed25519PrivateKey)
        values: dict[str, Any] = {
            "request_id": new_id(),
            "region": self.region,
            "certificate_id": self.certificate_id,
            "device_name": "华为",
            "algorithm": device_pb2.KEY_ALGORITHM_ED25519
            if is_edwards
            else device_pb2.KEY_ALGORITHM_P256,
            "public_key": self.public_key,
            "challenge": challenge,
            "signature": proofs.sign(
                self.private_key, proofs.enrolment_statement(challenge, self.public_key)
            ),
            **changes,
        }
        return pb.EnrolDeviceRequest(**values)

    async def enrol(self) -> "AppPhone":
        answer = await self.stub.EnrolDevice(await self.enrolment())
        self.device, self.newest = answer.device, answer.device_certificate
        return self

    async def renewal(self, **changes: Any) -> pb.RenewDeviceCertificateRequest:
        """Returns a request to renew; `changes` replace its fields."""
        challenge = await self.challenge()
        newest = self.newest.device_certificate_id
        statement = proofs.renewal_statement(challenge, bytes.fromhex(newest))
        values: dict[str, Any] = {
            "request_id": new_id(),
            "region": self.region,
            "device_id": self.device.device_id,
            "device_certificate_id": newest,
            "challenge": challenge,
            "signature": proofs.sign(self.private_key, statement),
            **changes,
        }
        return pb.RenewDeviceCertificateRequest(**values)

    async def renew(self) -> None:
        answer = await self.stub.RenewDeviceCertificate(await self.renewal())
        self.newest = answer.device_certificate

    def revocation(
        self, revocation: "pb.DeviceRevocation.ValueType" = pb.DEVICE_REVOCATION_LOST
    ) -> pb.RevokeDeviceRequest:
        return pb.RevokeDeviceRequest(
            request_id=new_id(),
            region=self.region,
            device_id=self.device.device_id,
            revocation=revocation,
        )

    def show(
        self, now: dt.datetime, *, audience: str = "01301", challenge: bytes | None = None
    ) -> str:
        """Returns a code of mode B; needs no network."""
        return qr.present(
            self.newest.certificate,
            self.private_key,
            audience=audience,
            now=now,
            challenge=challenge,
        )

"""What application decides of e-certificates, their codes, devices and cases, in memory."""

import datetime as dt
import itertools
from collections.abc import Callable
from typing import Any, TypeVar

from support.memory.certificate import MemoryCertificates
from support.memory.code import MemoryCodes
from support.memory.device import (
    KeptAlarms,
    MemoryDeviceCertificates,
    MemoryDevices,
    MemoryKeys,
    MemorySigner,
)
from support.memory.feed import MemoryFeed
from support.memory.holder import MemoryHolders
from support.memory.misuse import MemoryCases, MemorySuspensions
from support.memory.relative import MemoryRelatives
from support.memory.transactions import MemoryTransactions
from support.memory.work import memory_work

from yibao_common.commands.audit import AuditEntry
from yibao_common.commands.request import Request
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_identity.application.certificate import Certificates
from yibao_identity.application.code.ahead import CodeBatches
from yibao_identity.application.device.certifier import DeviceCertifier
from yibao_identity.application.device.challenge import Challenges
from yibao_identity.application.device.device import Devices
from yibao_identity.application.misuse import MisuseCases
from yibao_identity.application.work import Work
from yibao_identity.rules.certificate import Certificate, CertificateState
from yibao_identity.rules.device import Device, DevicePolicy, DeviceState, KeyAlgorithm, Place

REGION = "500100"
CHANNEL = "channel/wallet"
NOW = dt.datetime(2026, 11, 2, 8, tzinfo=dt.UTC)
BIRTH_DATE = dt.date(1990, 1, 1)

RoomT = TypeVar("RoomT")


class EcertWorld:
    """Rows in memory, and what decides over them; `outcome` carries a command out."""

    def __init__(self, *, policy: DevicePolicy | None = None, batch_codes: int = 60) -> None:
        self.now = NOW
        policy = policy or DevicePolicy()
        numbers = itertools.count(1)
        self._request_numbers = itertools.count(1)
        shared: dict[str, Any] = {
            "clock": lambda: self.now,
            "ids": lambda: f"id{next(numbers):03d}",
        }
        devices = MemoryDevices()
        self.transactions: MemoryTransactions[Work] = MemoryTransactions(
            memory_work(
                REGION,
                holders=MemoryHolders(),
                certificates=MemoryCertificates(),
                codes=MemoryCodes(),
                devices=devices,
                device_certificates=MemoryDeviceCertificates(devices),
                cases=MemoryCases(),
                suspensions=MemorySuspensions(),
                relatives=MemoryRelatives(),
                # Of before everything: nothing was restored.
                feed_rows=MemoryFeed("01700000-0000-7000-8000-000000000000"),
            )
        )
        self.alarms = KeptAlarms()
        self.certificates = Certificates(self.transactions, random_bytes=_random_bytes(), **shared)
        self.challenges = Challenges(
            lambda purpose, content: f"{purpose}{content.hex()}".encode()[-32:],
            clock=shared["clock"],
            random_bytes=_random_bytes(),
        )
        self.devices = Devices(
            self.transactions,
            keys=MemoryKeys(),
            challenges=self.challenges,
            certifier=DeviceCertifier(MemorySigner(), policy=policy, random_bytes=_random_bytes()),
            policy=policy,
            alarms=self.alarms,
            **shared,
        )
        self.cases = MisuseCases(self.transactions, **shared)
        self.batches = CodeBatches(
            self.transactions,
            most=batch_codes,
            key_expire_time=lambda: NOW + dt.timedelta(days=1),
            clock=shared["clock"],
            random_bytes=_random_bytes(),
        )

    def request(self, method: str, *, caller: str = CHANNEL) -> Request:
        request_id = f"r{next(self._request_numbers)}"
        return Request(REGION, request_id, request_id.encode(), method, parse_caller(caller))

    @property
    def holders(self) -> MemoryHolders:
        return self._room("holders", MemoryHolders)

    @property
    def certificate_rows(self) -> MemoryCertificates:
        return self._room("certificates", MemoryCertificates)

    @property
    def device_rows(self) -> MemoryDevices:
        return self._room("devices", MemoryDevices)

    @property
    def bits(self) -> set[Place]:
        return set(self._room("device_certificates", MemoryDeviceCertificates).bits)

    @property
    def case_rows(self) -> MemoryCases:
        return self._room("cases", MemoryCases)

    @property
    def suspensions(self) -> MemorySuspensions:
        return self._room("suspensions", MemorySuspensions)

    @property
    def audit(self) -> list[AuditEntry]:
        return self.transactions.work.audit.entries

    @property
    def fed(self) -> set[str]:
        return self.transactions.work.feed.person_ids

    def add_person(self, person_id: str) -> str:
        self.holders.add(person_id, birth_date=BIRTH_DATE)
        return person_id

    def merge(self, retired: str, surviving: str | None) -> None:
        """Notes that a record was merged, or that it was not, and nothing else of it."""
        former = self.holders.persons[retired]
        self.holders.persons[retired] = type(former)(retired, former.birth_date, surviving)

    def add_certificate(
        self,
        certificate_id: str,
        person_id: str = "p1",
        *,
        state: CertificateState = CertificateState.ACTIVE,
        case_id: str | None = None,
    ) -> Certificate:
        """Keeps a certificate, and its holder where nobody has."""
        if person_id not in self.holders.persons:
            self.add_person(person_id)
        certificate = Certificate(
            REGION, certificate_id, person_id, f"S{certificate_id:0>12}", state, NOW, case_id
        )
        self.certificate_rows.rows[certificate_id] = certificate
        return certificate

    def add_device(
        self,
        device_id: str,
        certificate_id: str,
        *,
        public_key: bytes,
        state: DeviceState = DeviceState.ACTIVE,
        newest_id: str = "00" * 8,
    ) -> Device:
        """Keeps a device whose certificates are none of the test's business."""
        device = Device(
            REGION,
            device_id,
            certificate_id,
            "phone",
            KeyAlgorithm.ED25519,
            public_key,
            state,
            newest_id,
            NOW,
        )
        place = Place(1, len(self.device_rows.rows))
        self.device_rows.insert(device, place, attestation=b"", enrolled_by=CHANNEL)
        return device

    def _room(self, name: str, kind: type[RoomT]) -> RoomT:
        room = getattr(self.transactions.work, name)
        assert isinstance(room, kind)
        return room


def outcome(act: Callable[[Any, Callable[[Any], bytes]], bytes], command: Any) -> str:
    """Carries a command out; returns `OK`, or the name of the reason of its refusal."""
    try:
        act(command, lambda _: b"answer")
    except RuleError as refusal:
        return refusal.reason.name
    return "OK"


def _random_bytes() -> Callable[[int], bytes]:
    numbers = itertools.count(1)
    return lambda size: b"".join(next(numbers).to_bytes(4) for _ in range(size))[-size:]

"""An identity service with keys, certificates and callers, in this process or its own."""

import contextlib
import datetime as dt
import io
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from support.services import run_process, run_service, to_toml
from support.serving import channel_credentials, open_test_log

from yibao.common.v1.date_pb2 import Date
from yibao.identity.v1 import certificate_pb2
from yibao.identity.v1 import certificate_service_pb2 as certificates
from yibao.identity.v1 import certificate_service_pb2_grpc as certificates_grpc
from yibao.identity.v1 import person_service_pb2 as persons
from yibao.identity.v1 import person_service_pb2_grpc as persons_grpc
from yibao.identity.v1 import trust_service_pb2_grpc as trust_grpc
from yibao_common.clock import Clock, system_clock
from yibao_common.dev_ca import Leaf, issue_dev_certificates
from yibao_common.ids import new_id
from yibao_identity.config import IdentityConfig
from yibao_identity.main import IdentityService

REGION = "500100"
OTHER_REGION = "330100"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_PASSPHRASE = "a passphrase for tests"

LEAVES = (
    Leaf("server", "service/identity", is_server=True),
    Leaf("agency", f"agency/{REGION}/wang"),
    Leaf("other-agency", f"agency/{OTHER_REGION}/li"),
    Leaf("unserved-agency", "agency/110000/zhao"),
    Leaf("channel", "channel/wallet"),
    Leaf("settlement", "service/settlement"),
    Leaf("offsite", "service/offsite"),
    Leaf("hospital", "institution/H50011200001"),
)


@dataclass(frozen=True, slots=True)
class IdentityFiles:
    """A folder with what the service reads at its start."""

    folder: Path
    trust_key: bytes
    values: dict[str, Any]

    def config(self, database_url: str, **tables: Any) -> IdentityConfig:
        """Returns the configuration over a database; `tables` replace whole tables."""
        values = {**self.values, "database": {"url": database_url}, **tables}
        return IdentityConfig.model_validate(values)

    def issue(self, *leaves: Leaf) -> None:
        """Adds client certificates."""
        issue_dev_certificates(self.folder, leaves)


def make_identity_files(folder: Path) -> IdentityFiles:
    """Makes keys, secrets and certificates in `folder`."""
    issued = issue_dev_certificates(folder, LEAVES)
    passphrase = folder / "passphrase"
    passphrase.write_text(f"{_PASSPHRASE}\n")
    issuer, trust = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    # The library's own encryption, because ours takes 0.2 s to open, at every start.
    encryption = BestAvailableEncryption(_PASSPHRASE.encode())
    for name, key in (("issuer", issuer), ("trust", trust)):
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        (folder / f"{name}.pem8").write_bytes(pem)
    for name, secret in (("encryption", "11"), ("hash", "22")):
        (folder / f"{name}.hex").write_text(secret * 32)
    phrase = {"passphrase_file": passphrase}
    values = {
        "server": {
            "address": "127.0.0.1:0",
            "certificate_file": issued.leaves["server"].certificate_file,
            "key_file": issued.leaves["server"].key_file,
            "client_ca_file": issued.ca_file,
        },
        "issuer": {
            **phrase,
            "key_file": folder / "issuer.pem8",
            "regions": [REGION, OTHER_REGION],
            "start_time": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
            "expire_time": dt.datetime(2099, 1, 1, tzinfo=dt.UTC),
        },
        "trust": {**phrase, "key_file": folder / "trust.pem8"},
        "personal_data": {
            "encryption_key_files": [folder / "encryption.hex"],
            "hash_key_file": folder / "hash.hex",
        },
    }
    return IdentityFiles(folder, trust.public_key().public_bytes_raw(), values)


@dataclass
class Identity:
    """A service that runs, and stubs of it by the name of the caller's certificate."""

    port: int
    files: IdentityFiles
    lines: io.StringIO
    _channels: dict[str, grpc.aio.Channel] = field(default_factory=dict)

    def persons(self, name: str = "agency") -> Any:
        return persons_grpc.PersonServiceStub(self._channel(name))

    def certificates(self, name: str = "channel") -> Any:
        return certificates_grpc.CertificateServiceStub(self._channel(name))

    def trust(self, name: str = "hospital") -> Any:
        return trust_grpc.TrustServiceStub(self._channel(name))

    async def register(self, number: str, **fields: Any) -> Any:
        """Registers a person and returns it."""
        request = registration(number, **fields)
        return (await self.persons().RegisterPerson(request)).person

    async def activate(self, person_id: str) -> Any:
        """Activates the certificate of a person and returns it."""
        response = await self.certificates().ActivateCertificate(activation(person_id))
        return response.certificate

    async def close(self) -> None:
        """Closes the channels."""
        for channel in self._channels.values():
            await channel.close()

    def _channel(self, name: str) -> grpc.aio.Channel:
        if name not in self._channels:
            self._channels[name] = grpc.aio.secure_channel(
                f"localhost:{self.port}",
                channel_credentials(self.files.folder, name),
                options=[("grpc.use_local_subchannel_pool", 1)],
            )
        return self._channels[name]


@contextlib.asynccontextmanager
async def serving_identity(
    files: IdentityFiles,
    database_url: str,
    *,
    clock: Clock = system_clock,
    log_level: str = "debug",
    **tables: Any,
) -> AsyncIterator[Identity]:
    """Runs the service in this process and closes it."""
    log, lines = open_test_log(log_level)
    service = IdentityService(files.config(database_url, **tables), log=log, clock=clock)
    async with run_service(service) as port:
        running = Identity(port, files, lines)
        try:
            yield running
        finally:
            await running.close()


@contextlib.asynccontextmanager
async def identity_processes(
    files: IdentityFiles, database_url: str, folder: Path, *, count: int
) -> AsyncIterator[list[Identity]]:
    """Runs processes of the service over one database; ends them with SIGTERM."""
    config = folder / "identity.toml"
    config.write_text(to_toml({**files.values, "database": {"url": database_url}}))
    async with contextlib.AsyncExitStack() as stack:
        identities = []
        for _ in range(count):
            process = run_process("yibao_identity.main", config)
            port = await stack.enter_async_context(process)
            identities.append(Identity(port, files, io.StringIO()))
            stack.push_async_callback(identities[-1].close)
        yield identities


def registration(number: str, **fields: Any) -> persons.RegisterPersonRequest:
    """Returns a request to register somebody in Chongqing; `fields` replace its own."""
    values: dict[str, Any] = {
        "request_id": new_id(),
        "region": REGION,
        "certificate_type": "01",
        "certificate_number": number,
        "person_name": "欧阳测试",
        "insurance_type": "310",
        "person_class": "11",
        "entitlement_groups": ["2305", "2101"],
        "start_date": Date(year=2026, month=1, day=1),
        **fields,
    }
    return persons.RegisterPersonRequest(**values)


def activation(person_id: str, **fields: Any) -> certificates.ActivateCertificateRequest:
    """Returns a request to activate a certificate; `fields` replace its own."""
    values: dict[str, Any] = {
        "request_id": new_id(),
        "region": REGION,
        "person_id": person_id,
        "proofing_method": certificate_pb2.PROOFING_METHOD_FACE,
        "proofing_reference": "face/0001",
        **fields,
    }
    return certificates.ActivateCertificateRequest(**values)


def citizen_number(sequence: int, *, birth: str = "19900307") -> str:
    """Returns the citizen number of a sequence from 0 to 999, of a region that is none."""
    body = f"999019{birth}{sequence:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def citizen_numbers() -> Iterator[str]:
    """Yields citizen numbers that do not repeat."""
    for day in range(1, 29):
        for sequence in range(1_000):
            yield citizen_number(sequence, birth=f"199003{day:02d}")


async def refusal(call: Any) -> grpc.aio.AioRpcError:
    """Returns the error of a call that has to be refused."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("the call was not refused")

"""An identity service with keys, certificates and callers, in this process or its own."""

import contextlib
import datetime as dt
import io
from collections.abc import AsyncIterator, Iterable, Iterator
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
from support.roots import make_root
from support.services import run_process, run_service, to_toml
from support.serving import channel_credentials, open_test_log

from yibao._token import key_id_of
from yibao.common.v1.date_pb2 import Date
from yibao.identity.v1 import card_service_pb2_grpc as cards_grpc
from yibao.identity.v1 import certificate_pb2
from yibao.identity.v1 import certificate_service_pb2 as certificates
from yibao.identity.v1 import certificate_service_pb2_grpc as certificates_grpc
from yibao.identity.v1 import person_service_pb2 as persons
from yibao.identity.v1 import person_service_pb2_grpc as persons_grpc
from yibao.identity.v1 import supervision_service_pb2_grpc as supervision_grpc
from yibao.identity.v1 import trust_service_pb2_grpc as trust_grpc
from yibao_common.keys.dev_ca import VALID_FOR, Leaf, issue_dev_certificates
from yibao_common.keys.signing_key import SigningKey
from yibao_common.values.clock import Clock, system_clock
from yibao_common.values.ids import new_id
from yibao_identity.config import IdentityConfig
from yibao_identity.main import IdentityService
from yibao_identity.rules.trust.published import OWN_USES
from yibao_identity.trust_setup import add_first_keys, open_trust_admin

REGION = "500100"
OTHER_REGION = "330100"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_PASSPHRASE = "a passphrase for tests"
# Tests set the clock anywhere in between.
KEYS_FROM = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
KEYS_FOR = dt.timedelta(days=73 * 365)

LEAVES = (
    Leaf("server", "service/identity", is_server=True),
    Leaf("agency", f"agency/{REGION}/wang"),
    Leaf("other-agency", f"agency/{OTHER_REGION}/li"),
    Leaf("unserved-agency", "agency/110000/zhao"),
    Leaf("channel", "channel/wallet"),
    Leaf("settlement", "service/settlement"),
    Leaf("offsite", "service/offsite"),
    Leaf("hospital", "institution/H50011200001"),
    Leaf("pharmacy", "institution/P50011200001"),
    Leaf("terminal", "terminal/H50011200001/T1"),
    Leaf("pharmacy-terminal", "terminal/P50011200001/T1"),
    Leaf("checker", f"agency/{REGION}/zhang"),
    Leaf("bank", f"bank/{REGION}/CCB001/sun"),
    Leaf("other-bank", f"bank/{REGION}/ICBC01/qian"),
    Leaf("supervisor", f"supervisor/{REGION}/zhou"),
)


@dataclass(frozen=True, slots=True)
class IdentityFiles:
    """A folder with what the service reads at its start."""

    folder: Path
    trust_key: bytes
    root: bytes
    # By the name of the use.
    public_keys: dict[str, bytes]
    values: dict[str, Any]

    def config(self, database_url: str, **tables: Any) -> IdentityConfig:
        """Returns the configuration over a database; `tables` replace whole tables."""
        values = {**self.values, "database": {"url": database_url}, **tables}
        return IdentityConfig.model_validate(values)

    def provision(self, config: IdentityConfig, *, keys_from: dt.datetime = KEYS_FROM) -> None:
        """Writes root and keys into the database, unless they are there."""
        prepared = PreparedKeys(self.public_keys[use.value] for use in OWN_USES)
        with open_trust_admin(
            config, clock=lambda: keys_from, by="tests", key_store=prepared
        ) as admin:
            if admin.newest_root() is None:
                regions = config.issuer.regions
                add_first_keys(admin, self.root, regions=regions, life=KEYS_FOR)

    def issue(self, *leaves: Leaf, valid_for: dt.timedelta = VALID_FOR) -> None:
        """Adds client certificates."""
        issue_dev_certificates(self.folder, leaves, valid_for=valid_for)


class PreparedKeys:
    """Gives out keys that were made before, and signs nothing."""

    def __init__(self, public_keys: Iterable[bytes]) -> None:
        self._public_keys = iter(public_keys)

    def find(self, public_key: bytes) -> SigningKey | None:
        return None

    def make(self) -> bytes:
        return next(self._public_keys)

    def place(self, public_key: bytes) -> str:
        return public_key.hex()


def make_identity_files(
    folder: Path, *, clock: Clock = system_clock, valid_for: dt.timedelta = VALID_FOR
) -> IdentityFiles:
    """Makes keys, secrets and certificates in `folder`; the root is of the clock's time."""
    issued = issue_dev_certificates(folder, LEAVES, valid_for=valid_for)
    passphrase = folder / "passphrase"
    passphrase.write_text(f"{_PASSPHRASE}\n")
    keys = folder / "private"
    keys.mkdir()
    private = {name: Ed25519PrivateKey.generate() for name in ("tok", "cred", "status", "trust")}
    public = {name: key.public_key().public_bytes_raw() for name, key in private.items()}
    # The library's own encryption, because ours takes 0.2 s to open, at every start.
    encryption = BestAvailableEncryption(_PASSPHRASE.encode())
    for name, key in private.items():
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        (keys / f"{key_id_of(public[name]).hex()}.pem").write_bytes(pem)
    for name, secret in (("encryption", "11"), ("hash", "22"), ("pepper", "33")):
        (folder / f"{name}.hex").write_text(secret * 32)
    # A root lives three years at most, and tests set the clock ahead of the machine's.
    now = int(clock().timestamp())
    root = make_root([public["trust"]], issue_second=now, expire_second=now + 1_098 * 86_400)
    (folder / "root-1.cose").write_bytes(root)
    values = {
        # Days of newborns in tests are fixed, and clocks go on.
        "persons": {"newborn_tell_days": 36_500},
        "server": {
            "address": "127.0.0.1:0",
            "certificate_file": issued.leaves["server"].certificate_file,
            "key_file": issued.leaves["server"].key_file,
            "client_ca_file": issued.ca_file,
        },
        "issuer": {"regions": [REGION, OTHER_REGION]},
        "keys": {"folder": keys, "passphrase_file": passphrase},
        "trust": {"publish_seconds": 0.2},
        "personal_data": {
            "encryption_key_files": [folder / "encryption.hex"],
            "hash_key_file": folder / "hash.hex",
        },
        "cards": {"pepper_files": [folder / "pepper.hex"]},
    }
    return IdentityFiles(folder, public.pop("trust"), root, public, values)


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

    def cards(self, name: str = "agency") -> Any:
        return cards_grpc.CardServiceStub(self._channel(name))

    def supervision(self, name: str = "supervisor") -> Any:
        return supervision_grpc.SupervisionServiceStub(self._channel(name))

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
    config = files.config(database_url, **tables)
    files.provision(config)
    service = IdentityService(config, log=log, clock=clock)
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
    files.provision(files.config(database_url))
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
    return checked_number(f"999019{birth}{sequence:03d}")


def checked_number(body: str) -> str:
    """Returns 17 digits with their check character."""
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

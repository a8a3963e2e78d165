"""Identity and settlement behind mutual TLS, in a thread beside the test, on one clock.

Tests call them with blocking stubs, as hospitals do. Codes come from identity itself;
`sign` makes those that identity would not issue.
"""

import contextlib
import datetime as dt
import io
import itertools
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.databases import Databases, as_owner
from support.identity_world import (
    IdentityFiles,
    activation,
    citizen_numbers,
    make_identity_files,
    registration,
)
from support.services import run_service
from support.serving import channel_credentials, open_test_log
from support.settlement_world import (
    HOSPITAL,
    OTHER_HOSPITAL,
    PHARMACY_WITHOUT_ECERT,
    REGION,
    World,
)
from support.threads import in_a_thread, wait_until

from yibao.errors import Refusal, error_of
from yibao.identity.v1.card_service_pb2_grpc import CardServiceStub
from yibao.identity.v1.certificate_service_pb2 import IssueQrCodeRequest
from yibao.identity.v1.certificate_service_pb2_grpc import CertificateServiceStub
from yibao.identity.v1.person_service_pb2_grpc import PersonServiceStub
from yibao.settlement.v1 import bill_pb2, visit_pb2
from yibao.settlement.v1.account_service_pb2_grpc import AccountServiceStub
from yibao.settlement.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from yibao.settlement.v1.charge_service_pb2_grpc import ChargeServiceStub
from yibao.settlement.v1.policy_service_pb2_grpc import PolicyServiceStub
from yibao.settlement.v1.settlement_service_pb2 import SettleBillRequest
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao.settlement.v1.visit_service_pb2 import RegisterVisitRequest
from yibao.settlement.v1.visit_service_pb2_grpc import VisitServiceStub
from yibao_cli.ports import choose_ports
from yibao_common.db.database import Database
from yibao_common.keys.dev_ca import VALID_FOR, Leaf
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import system_clock
from yibao_common.values.ids import new_id
from yibao_identity.main import IdentityService
from yibao_identity.rules.code import new_claims
from yibao_identity.storage import tables as identity_tables
from yibao_identity.storage.trust.signing import TokenSigner
from yibao_settlement.config import SettlementConfig
from yibao_settlement.main import SettlementService
from yibao_settlement.storage import tables

OTHER_REGION = "999029"
SETTLE = "01301"
ADMISSION = "01103"
CALL_SECONDS = 20.0
_SETTLE_METHOD = "/yibao.settlement.v1.SettlementService/SettleBill"
LEAVES = (
    Leaf("identity-server", "service/identity", is_server=True),
    Leaf("settlement-server", "service/settlement", is_server=True),
    Leaf("maker", f"agency/{REGION}/maker"),
    Leaf("checker", f"agency/{REGION}/checker"),
    Leaf("other-agency", f"agency/{OTHER_REGION}/li"),
    Leaf("hospital", f"institution/{HOSPITAL}"),
    Leaf("hospital-terminal", f"terminal/{HOSPITAL}/T1"),
    Leaf("other-hospital", f"institution/{OTHER_HOSPITAL}"),
    Leaf("pharmacy", f"institution/{PHARMACY_WITHOUT_ECERT}"),
    Leaf("stranger", "institution/H99901900099"),
    Leaf("pharmacy-stranger", "terminal/P99901900099/T1"),
    Leaf("elsewhere", "institution/H50011200001"),
)

# Everything that a database holds, by table.
Contents = dict[str, list[tuple[object, ...]]]


class ShiftedClock:
    """The machine's clock, moved forward by tests; certificates hold for weeks."""

    def __init__(self) -> None:
        self._shift = dt.timedelta()

    def __call__(self) -> dt.datetime:
        return system_clock() + self._shift

    def advance(self, **by: float) -> None:
        self._shift += dt.timedelta(**by)


@dataclass(frozen=True, slots=True)
class Patient:
    """An insured person with an active e-certificate and a registered visit."""

    person_id: str
    certificate_id: str
    subject: str
    visit_id: str


@dataclass
class BothServices:
    """The running services and what a test needs to call them."""

    files: IdentityFiles
    clock: ShiftedClock
    database: Database
    identity_database: Database
    ports: dict[str, int]
    # What both log.
    lines: io.StringIO
    # What makes further databases, and that of offsite where it runs beside both.
    databases: Databases | None = None
    offsite_database: Database | None = None
    _channels: dict[tuple[str, str], grpc.Channel] = field(default_factory=dict)
    _numbers: Iterator[str] = field(default_factory=citizen_numbers)
    _counter: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    # --- Callers.

    def channel(self, service: str, name: str) -> grpc.Channel:
        key = (service, name)
        if key not in self._channels:
            self._channels[key] = grpc.secure_channel(
                f"localhost:{self.ports[service]}",
                channel_credentials(self.files.folder, name),
                options=[("grpc.use_local_subchannel_pool", 1)],
            )
        return self._channels[key]

    def settlements(self, name: str = "hospital") -> SettlementServiceStub:
        return SettlementServiceStub(self.channel("settlement", name))

    def visits(self, name: str = "hospital") -> VisitServiceStub:
        return VisitServiceStub(self.channel("settlement", name))

    def charges(self, name: str = "hospital") -> ChargeServiceStub:
        return ChargeServiceStub(self.channel("settlement", name))

    def accounts(self, name: str = "maker") -> AccountServiceStub:
        return AccountServiceStub(self.channel("settlement", name))

    def catalogue(self, name: str = "maker") -> CatalogueServiceStub:
        return CatalogueServiceStub(self.channel("settlement", name))

    def policies(self, name: str = "maker") -> PolicyServiceStub:
        return PolicyServiceStub(self.channel("settlement", name))

    def persons(self, name: str = "maker") -> PersonServiceStub:
        return PersonServiceStub(self.channel("identity", name))

    def certificates(self, name: str = "channel") -> CertificateServiceStub:
        return CertificateServiceStub(self.channel("identity", name))

    def cards(self, name: str = "maker") -> CardServiceStub:
        return CardServiceStub(self.channel("identity", name))

    def settle_raw(self, request: bytes, name: str = "hospital") -> bytes:
        """Calls SettleBill with bytes and returns the answer's."""
        call = self.channel("settlement", name).unary_unary(
            _SETTLE_METHOD, request_serializer=bytes, response_deserializer=bytes
        )
        return call(request, timeout=CALL_SECONDS)

    # --- What hospitals ask.

    def new_number(self) -> str:
        """Returns a citizen number that nobody has."""
        return next(self._numbers)

    def person(
        self, region: str = REGION, *, is_waited_for: bool = True, **facts: Any
    ) -> tuple[str, str, str]:
        """Registers somebody; returns the ids of person and certificate and the subject.

        Settlement knows persons of its own region by then, unless they are not waited for.
        """
        agency = "maker" if region == REGION else "other-agency"
        values = {"insurance_type": "390", "person_class": "16", "entitlement_groups": ()}
        request = registration(next(self._numbers), region=region, **{**values, **facts})
        person = self.persons(agency).RegisterPerson(request, timeout=CALL_SECONDS).person
        activate = activation(person.person_id, region=region)
        answer = self.certificates().ActivateCertificate(activate, timeout=CALL_SECONDS)
        certificate = answer.certificate
        if region == REGION and is_waited_for:
            self.wait_until_told()
        return person.person_id, certificate.certificate_id, certificate.subject

    def wait_until_told(self, *, seconds: float = CALL_SECONDS) -> None:
        """Waits until settlement has read what identity's feed tells by now."""
        head, position = identity_tables.feed_head, tables.feed_position
        with self.identity_database.read() as connection:
            query = sa.select(head.c.sequence).where(head.c.region == REGION)
            last = connection.execute(query).scalar_one()

        def is_told() -> bool:
            with self.database.read() as connection:
                query = sa.select(position.c.sequence).where(position.c.region == REGION)
                return bool(connection.execute(query).scalar() == last)

        wait_until(is_told, seconds=seconds)

    def patient(self, **facts: Any) -> Patient:
        """Registers somebody and a visit of today."""
        person_id, certificate_id, subject = self.person(**facts)
        request = self.visit_request(self.code(certificate_id, ADMISSION))
        visit = self.visits().RegisterVisit(request, timeout=CALL_SECONDS).visit
        return Patient(person_id, certificate_id, subject, visit.visit_id)

    def code(self, certificate_id: str, audience: str = SETTLE, *, region: str = REGION) -> str:
        """Returns the text of a new code from identity: of another second than those before."""
        self.clock.advance(seconds=1)
        request = IssueQrCodeRequest(
            region=region, certificate_id=certificate_id, audience=audience
        )
        return self.certificates().IssueQrCode(request, timeout=CALL_SECONDS).qr_text

    def sign(self, key: Ed25519PrivateKey, subject: str, *, issuer: str = REGION) -> str:
        """Returns the text of a code to settle with, signed with any key."""
        self.clock.advance(seconds=1)
        claims = new_claims(
            issuer=issuer,
            subject=subject,
            audience=SETTLE,
            now=self.clock(),
            code_id=os.urandom(8),
        )
        return TokenSigner(key).sign_code(claims)

    def presentation(self, qr_text: str) -> visit_pb2.Presentation:
        """Returns the code as scanned now."""
        return visit_pb2.Presentation(
            qr_text=qr_text, scan_time=from_instant(self.clock()), terminal_id="T1"
        )

    def visit_request(self, qr_text: str, **fields: Any) -> RegisterVisitRequest:
        values: dict[str, Any] = {
            "request_id": new_id(),
            "region": REGION,
            "presentation": self.presentation(qr_text),
            "provider_visit_number": f"V{next(self._counter)}",
            "care_type": "2101",
            "start_date": from_date(shanghai_day(self.clock())),
        }
        return RegisterVisitRequest(**{**values, **fields})

    def bill(self, visit_id: str) -> bill_pb2.Bill:
        """Returns a bill of today: 9,000.00 class A, 1,000.00 class B, 500.00 class C.

        Bills of one visit have lines of their own (T-31): below a fen, prices differ.
        """
        number = next(self._counter)
        lines = (("A1", "100.00", "90", 900_000), ("B1", "100.00", "10", 100_000))
        return bill_pb2.Bill(
            visit_id=visit_id,
            bill_number=f"B{number}",
            service_date=from_date(shanghai_day(self.clock())),
            lines=[
                bill_pb2.BillLine(
                    line_number=at,
                    item_code=item_code,
                    unit_price=unit_price,
                    quantity=quantity,
                    amount_fen=amount_fen,
                )
                for at, (item_code, unit_price, quantity, amount_fen) in enumerate(
                    (*lines, ("C1", f"50.{number % 500:06d}", "10", 50_000)), start=1
                )
            ],
            total_fen=1_050_000,
            account_use=bill_pb2.ACCOUNT_USE_NONE,
        )

    def settle_request(self, patient: Patient, qr_text: str | None = None) -> SettleBillRequest:
        """Returns a request that settles, with a new code unless one is given."""
        text = self.code(patient.certificate_id) if qr_text is None else qr_text
        return SettleBillRequest(
            request_id=new_id(),
            region=REGION,
            presentation=self.presentation(text),
            bill=self.bill(patient.visit_id),
        )

    # --- What is logged and stored.

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Returns the lines of an event so far."""
        lines = map(json.loads, self.lines.getvalue().splitlines())
        return [line for line in lines if line["event"] == event]

    def contents(self) -> Contents:
        """Returns what settlement's database holds, but for what housekeeping does by itself."""
        contents = _contents(self.database, tables.metadata)
        del contents[tables.account_checkpoint.name]
        # Once a minute it is stored how old the news is.
        del contents[tables.feed_position.name]
        # Refusals are counted, also of what stored nothing.
        del contents[tables.refusal_count.name]
        return contents

    def identity_contents(self) -> Contents:
        """Returns everything that identity's database holds."""
        return _contents(self.identity_database, identity_tables.metadata)

    def close(self) -> None:
        """Closes the channels."""
        for channel in self._channels.values():
            channel.close()


@contextlib.contextmanager
def nobody_commits(services: BothServices, patient: Patient) -> Iterator[None]:
    """Holds what the patient's bills lock, so that a call stays where it is."""
    standing = tables.person_standing
    with as_owner(services.database) as connection:
        connection.execute(
            sa.select(standing.c.person_id)
            .where(standing.c.region == REGION, standing.c.person_id == patient.person_id)
            .with_for_update()
        )
        yield


def _contents(database: Database, metadata: sa.MetaData) -> Contents:
    with database.read() as connection:
        return {
            table.name: sorted(
                (tuple(row) for row in connection.execute(sa.select(table))), key=repr
            )
            for table in metadata.sorted_tables
        }


def refusal_of(method: Callable[..., object], request: object) -> Refusal:
    """Returns why a call of a stub's method is refused; fails where it is not."""
    try:
        method(request, timeout=CALL_SECONDS)
    except grpc.RpcError as error:
        return error_of(error)
    raise AssertionError("the call was not refused")


def refused(services: BothServices, method: Callable[..., object], request: object) -> Refusal:
    """Returns the refusal of a call after seeing that it stored nothing."""
    before = services.contents()
    refusal = refusal_of(method, request)
    after = services.contents()
    changed = [name for name in before if before[name] != after[name]]
    assert changed == [], f"{refusal.reason} left something in {changed}"
    # Every refusal is told in both languages, with a reason of ours.
    assert refusal.message
    assert refusal.message_zh
    return refusal


def outcome(refusal: Refusal) -> tuple[grpc.StatusCode, str]:
    return refusal.code, refusal.reason.removeprefix("ERROR_REASON_")


@contextlib.contextmanager
def both_services(
    folder: Path,
    databases: Databases,
    *,
    prepare: Callable[[Path], None] = lambda _: None,
    reach: Callable[[int], int] = lambda port: port,
    is_database_shifted: bool = True,
    said: dict[str, Any] | None = None,
    valid_for: dt.timedelta = VALID_FOR,
) -> Iterator[BothServices]:
    """Runs both services over new databases, with one region ready for bills.

    `prepare` may change certificates in the folder before anything starts; `reach` gives the
    port at which settlement reaches that of identity. The database's clock is moved along with
    that of the services, unless it is left to itself. `said` are other tables of settlement's
    configuration. `valid_for` is how long the certificates of the transport hold.
    """
    files = make_identity_files(folder, valid_for=valid_for)
    files.issue(*LEAVES, valid_for=valid_for)
    prepare(folder)
    clock = ShiftedClock()
    database = databases.open("yibao_settlement")
    identity_database = databases.open("yibao_identity")
    World(database)
    log, lines = open_test_log()
    # Each knows the other, so one port is chosen before anybody listens.
    (settlement_port,) = choose_ports([None])
    identity_config = files.config(
        url_of(identity_database),
        server=server_of(files, "identity-server"),
        settlement={"address": f"localhost:{settlement_port}"},
        issuer={"regions": [REGION, OTHER_REGION]},
    )
    files.provision(identity_config)

    @contextlib.asynccontextmanager
    async def serve() -> AsyncIterator[dict[str, int]]:
        identity = IdentityService(identity_config, log=log, clock=clock)
        async with run_service(identity) as identity_port:
            identity_at = reach(identity_port)
            config = settlement_config(
                files, url_of(database), identity_at, port=settlement_port, said=said
            )
            settlement = SettlementService(
                config,
                log=log,
                clock=clock,
                database_clock=clock if is_database_shifted else None,
            )
            async with run_service(settlement) as port:
                yield {"identity": identity_port, "settlement": port}

    with in_a_thread(serve) as ports:
        services = BothServices(
            files, clock, database, identity_database, ports, lines, databases=databases
        )
        try:
            yield services
        finally:
            services.close()


def url_of(database: Database) -> str:
    """Returns the URL of a database with all that it takes to connect."""
    return database.engine.url.render_as_string(hide_password=False)


def server_of(files: IdentityFiles, name: str, *, port: int = 0) -> dict[str, Any]:
    """Returns how a service listens."""
    return {
        "address": f"127.0.0.1:{port}",
        "certificate_file": files.folder / f"{name}.pem",
        "key_file": files.folder / f"{name}.key",
        "client_ca_file": files.folder / "ca.pem",
    }


def settlement_config(
    files: IdentityFiles,
    url: str,
    identity_port: int,
    *,
    port: int = 0,
    said: dict[str, Any] | None = None,
    **identity: Any,
) -> SettlementConfig:
    """Returns a configuration; `identity` replaces keys of that table, `said` are others."""
    return SettlementConfig.model_validate(
        {
            "server": server_of(files, "settlement-server", port=port),
            "database": {"url": url},
            "identity": {
                "address": f"localhost:{identity_port}",
                "regions": [REGION],
                "root_file": files.folder / "root-1.cose",
                "trust_seconds": 0.2,
                "poll_seconds": 0.05,
                **identity,
            },
            **(said or {}),
        }
    )

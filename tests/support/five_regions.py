"""A province of five regions in one deployment, whose persons are all treated at one hospital."""

import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import sqlalchemy as sa
from support.both_services import ShiftedClock, server_of, settlement_config, url_of
from support.databases import Databases
from support.elsewhere_world import PLACE, POLICY, SINCE, THERE
from support.identity_world import (
    IdentityFiles,
    activation,
    citizen_numbers,
    make_identity_files,
    registration,
)
from support.services import run_service
from support.serving import channel_credentials, open_test_log
from support.settlement_parts import put_reference, transactions_of
from support.threads import in_a_thread, wait_until

from yibao.identity.v1.certificate_service_pb2 import IssueQrCodeRequest
from yibao.identity.v1.certificate_service_pb2_grpc import CertificateServiceStub
from yibao.identity.v1.person_service_pb2_grpc import PersonServiceStub
from yibao.offsite.v1.registration_service_pb2 import CreateRegistrationRequest
from yibao.offsite.v1.registration_service_pb2_grpc import RegistrationServiceStub
from yibao.settlement.v1.visit_pb2 import Presentation
from yibao_cli.ports import choose_ports
from yibao_common.db.database import Database
from yibao_common.keys.dev_ca import Leaf
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.calendar import SHANGHAI, shanghai_day
from yibao_common.values.clock import system_clock
from yibao_common.values.ids import new_id
from yibao_identity.main import IdentityService
from yibao_identity.storage import tables as identity_tables
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.main import OffsiteService
from yibao_settlement.application.work import Work
from yibao_settlement.main import SettlementService
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.institution.scope import InstitutionScope
from yibao_settlement.rules.visit import Institution
from yibao_settlement.storage import tables
from yibao_settlement.storage.elsewhere.tables import registered_care

# The hospital's own, and four others.
REGIONS = (PLACE, "999019", "999039", "999049", "999059")
OTHER_HOSPITAL = "H99902900005"
CALL_SECONDS = 20.0
# A month is declared when it is over.
_VALID_FOR = dt.timedelta(days=90)
_LEAVES = (
    Leaf("identity-server", "service/identity", is_server=True),
    Leaf("settlement-server", "service/settlement", is_server=True),
    Leaf("offsite-server", "service/offsite", is_server=True),
    Leaf("hospital", f"institution/{THERE}"),
    Leaf("other-hospital", f"institution/{OTHER_HOSPITAL}"),
    *(
        Leaf(f"{name}-{region}", f"agency/{region}/{name}")
        for region in REGIONS
        for name in ("maker", "checker")
    ),
)


@dataclass
class Province:
    """The three services as they run, and what those call who use them."""

    files: IdentityFiles
    clock: ShiftedClock
    database: Database
    identity_database: Database
    ports: dict[str, int]
    _channels: dict[tuple[str, str], grpc.Channel] = field(default_factory=dict)
    _numbers: Iterator[str] = field(default_factory=citizen_numbers)

    def channel(self, service: str, name: str) -> grpc.Channel:
        """Returns the channel of a caller by the name of its certificate."""
        key = (service, name)
        if key not in self._channels:
            self._channels[key] = grpc.secure_channel(
                f"localhost:{self.ports[service]}",
                channel_credentials(self.files.folder, name),
                options=[("grpc.use_local_subchannel_pool", 1)],
            )
        return self._channels[key]

    @property
    def today(self) -> dt.date:
        return shanghai_day(self.clock())

    def person(self, region: str) -> tuple[str, str]:
        """Has a region enrol somebody, with an e-certificate; returns the ids of both."""
        facts: dict[str, Any] = {"insurance_type": "390", "person_class": "16"}
        asked = registration(next(self._numbers), region=region, entitlement_groups=(), **facts)
        persons = PersonServiceStub(self.channel("identity", f"maker-{region}"))
        person = persons.RegisterPerson(asked, timeout=CALL_SECONDS).person
        activate = activation(person.person_id, region=region)
        certificate = self._certificates().ActivateCertificate(activate, timeout=CALL_SECONDS)
        return person.person_id, certificate.certificate.certificate_id

    def presentation(self, region: str, certificate_id: str, audience: str) -> Presentation:
        """Returns a new code of identity, scanned at once."""
        self.clock.advance(seconds=1)
        asked = IssueQrCodeRequest(region=region, certificate_id=certificate_id, audience=audience)
        qr_text = self._certificates().IssueQrCode(asked, timeout=CALL_SECONDS).qr_text
        return Presentation(qr_text=qr_text, scan_time=from_instant(self.clock()), terminal_id="T1")

    def register(self, region: str, person_id: str, **fields: Any) -> str:
        """Has the agency of a region register a person for care at the hospital's place."""
        asked = CreateRegistrationRequest(
            request_id=new_id(),
            region=region,
            person_id=person_id,
            treatment_region=PLACE,
            start_date=from_date(self.today),
            **fields,
        )
        agency = RegistrationServiceStub(self.channel("offsite", f"maker-{region}"))
        created = agency.CreateRegistration(asked, timeout=CALL_SECONDS).registration
        return created.registration_id

    def wait_until_told(self, registered: set[str]) -> None:
        """Waits until settlement knows all persons, and these registrations."""
        head, position = identity_tables.feed_head.c, tables.feed_position.c

        def is_told() -> bool:
            with self.identity_database.read() as connection:
                query = sa.select(head.region, head.sequence)
                last = {row[0]: row[1] for row in connection.execute(query)}
            with self.database.read() as connection:
                query = sa.select(position.region, position.sequence)
                read = {row[0]: row[1] for row in connection.execute(query)}
                known = set(
                    connection.execute(sa.select(registered_care.c.registration_id)).scalars()
                )
            return registered <= known and all(last[each] == read.get(each) for each in REGIONS)

        wait_until(is_told)

    def close(self) -> None:
        """Closes the channels."""
        for channel in self._channels.values():
            channel.close()

    def _certificates(self) -> CertificateServiceStub:
        return CertificateServiceStub(self.channel("identity", "channel"))


@contextlib.contextmanager
def province_of_five(folder: Path, databases: Databases) -> Iterator[Province]:
    """Runs the services for all regions; it is ten in the morning, some day or next."""
    files = make_identity_files(folder, valid_for=_VALID_FOR)
    files.issue(*_LEAVES, valid_for=_VALID_FOR)
    clock = ShiftedClock()
    morning = dt.datetime.combine(
        shanghai_day(system_clock()) + dt.timedelta(days=1), dt.time(10), SHANGHAI
    )
    clock.advance(seconds=(morning - system_clock()).total_seconds())
    opened = {
        name: databases.open(f"yibao_{name}") for name in ("identity", "settlement", "offsite")
    }
    _put_references(opened["settlement"], now=clock())
    ports = dict(zip(opened, choose_ports((None, None, None)), strict=True))
    log, _ = open_test_log()
    followed = {
        name: {"address": f"localhost:{port}", "regions": REGIONS, "poll_seconds": 0.05}
        for name, port in ports.items()
    }
    servers = {name: server_of(files, f"{name}-server", port=port) for name, port in ports.items()}
    identity = files.config(
        url_of(opened["identity"]),
        server=servers["identity"],
        settlement={"address": f"localhost:{ports['settlement']}"},
        issuer={"regions": REGIONS},
    )
    files.provision(identity)
    offsite = OffsiteConfig.model_validate(
        {
            "server": servers["offsite"],
            "database": {"url": url_of(opened["offsite"])},
            "identity": followed["identity"],
        }
    )
    settlement = settlement_config(
        files,
        url_of(opened["settlement"]),
        ports["identity"],
        port=ports["settlement"],
        said={"offsite": followed["offsite"]},
        regions=REGIONS,
    )

    @contextlib.asynccontextmanager
    async def serve() -> AsyncIterator[None]:
        async with (
            run_service(IdentityService(identity, log=log, clock=clock)),
            run_service(OffsiteService(offsite, log=log, clock=clock)),
            run_service(SettlementService(settlement, log=log, clock=clock, database_clock=clock)),
        ):
            yield

    with in_a_thread(serve):
        province = Province(files, clock, opened["settlement"], opened["identity"], ports)
        try:
            yield province
        finally:
            province.close()


def _put_references(database: Database, *, now: dt.datetime) -> None:
    """Stores policies and lists of all regions, and the hospitals where they are."""
    hospitals = [
        Institution(code, "外地医院", "2", True, SINCE, None) for code in (THERE, OTHER_HOSPITAL)
    ]
    scope = InstitutionScope(THERE, SINCE, "1", (), True, True)
    items = [CatalogueItem("A1", "甲类药", "01", None, "", SINCE, None)]
    for region in REGIONS:
        put_reference(
            database,
            region,
            policy_file=POLICY.format(region=region).encode(),
            institutions=hospitals if region == PLACE else [],
            items=items,
            now=now,
        )

    def put_scope(work: Work) -> None:
        work.institutions.put_scopes([scope])
        work.reference.raise_epoch()

    transactions_of(database).change(PLACE, put_scope)

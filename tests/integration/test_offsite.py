"""The offsite service over mutual TLS and real databases."""

import asyncio
import contextlib
import datetime as dt
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.services import run_service
from support.serving import channel_credentials, open_test_log, reason_in

from yibao.common.v1.date_pb2 import Date
from yibao.offsite.v1 import registration_pb2
from yibao.offsite.v1 import registration_service_pb2 as pb
from yibao.offsite.v1 import registration_service_pb2_grpc as rpc
from yibao_common.db.database import Database
from yibao_common.keys.dev_ca import DevCertificates, Leaf, issue_dev_certificates
from yibao_common.process.config import StartError
from yibao_common.values.calendar import SHANGHAI
from yibao_common.values.ids import new_id
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.main import OffsiteService
from yibao_offsite.storage import tables

PACKAGE = "yibao_offsite"
REGION = "330100"
PERSON = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e"
NOW = dt.datetime(2026, 11, 2, 9, 0, tzinfo=SHANGHAI)
TODAY = NOW.date()
LEAVES = (
    Leaf("server", "service/offsite", is_server=True),
    Leaf("agency", f"agency/{REGION}/wang"),
    Leaf("other-agency", "agency/500100/li"),
    Leaf("channel", "channel/wallet"),
    Leaf("hospital", "institution/H50011200001"),
)


class SteppingClock:
    """Starts at NOW and goes on by a second at each look."""

    def __init__(self) -> None:
        self._seconds = itertools.count()

    def __call__(self) -> dt.datetime:
        return (NOW + dt.timedelta(seconds=next(self._seconds))).astimezone(dt.UTC)


@dataclass
class Offsite:
    """A service that runs, and stubs of it by the name of the caller's certificate."""

    port: int
    folder: Path
    _channels: list[grpc.aio.Channel] = field(default_factory=list)

    def stub(self, name: str = "agency") -> Any:
        credentials = channel_credentials(self.folder, name)
        options = [("grpc.use_local_subchannel_pool", 1)]
        channel = grpc.aio.secure_channel(f"localhost:{self.port}", credentials, options=options)
        self._channels.append(channel)
        return rpc.RegistrationServiceStub(channel)

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()


Scenario = Callable[[Offsite], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> DevCertificates:
    return issue_dev_certificates(tmp_path_factory.mktemp("offsite"), LEAVES)


@pytest.fixture
def database(databases: Databases) -> Database:
    return databases.open(PACKAGE)


@pytest.fixture
def run(database: Database, issued: DevCertificates) -> Callable[[Scenario], None]:
    """Runs a scenario against a service over a new database."""

    def run_scenario(scenario: Scenario) -> None:
        async def main() -> None:
            url = database.engine.url.render_as_string(hide_password=False)
            async with serving_offsite(issued, url) as offsite:
                await scenario(offsite)

        asyncio.run(main())

    return run_scenario


def config(issued: DevCertificates, url: str, **server: Any) -> OffsiteConfig:
    values = {
        "address": "127.0.0.1:0",
        "certificate_file": issued.leaves["server"].certificate_file,
        "key_file": issued.leaves["server"].key_file,
        "client_ca_file": issued.ca_file,
        **server,
    }
    return OffsiteConfig.model_validate({"server": values, "database": {"url": url}})


@contextlib.asynccontextmanager
async def serving_offsite(issued: DevCertificates, url: str) -> AsyncIterator[Offsite]:
    log, _ = open_test_log()
    service = OffsiteService(config(issued, url), log=log, clock=SteppingClock())
    async with run_service(service) as port:
        offsite = Offsite(port, issued.ca_file.parent)
        try:
            yield offsite
        finally:
            await offsite.close()


def create(**fields: Any) -> pb.CreateRegistrationRequest:
    values: dict[str, Any] = {
        "request_id": new_id(),
        "region": REGION,
        "person_id": PERSON,
        "category": registration_pb2.REGISTRATION_CATEGORY_OTHER_TEMPORARY,
        "treatment_region": "310000",
        "start_date": date(TODAY),
        **fields,
    }
    return pb.CreateRegistrationRequest(**values)


def shown(*kinds: str) -> list[registration_pb2.RegistrationMaterial]:
    return [registration_pb2.RegistrationMaterial(kind=kind, is_shown=True) for kind in kinds]


def cancel(registration_id: str, **fields: Any) -> pb.CancelRegistrationRequest:
    values = {"request_id": new_id(), "region": REGION, "registration_id": registration_id}
    return pb.CancelRegistrationRequest(**{**values, **fields})


def get(registration_id: str, region: str = REGION) -> pb.GetRegistrationRequest:
    return pb.GetRegistrationRequest(region=region, registration_id=registration_id)


def date(day: dt.date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)


async def refusal(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def test_a_registration_is_made_read_and_cancelled(
    run: Callable[[Scenario], None], database: Database
) -> None:
    async def scenario(offsite: Offsite) -> None:
        agency, channel = offsite.stub("agency"), offsite.stub("channel")
        made = (await channel.CreateRegistration(create())).registration
        assert made.state == registration_pb2.REGISTRATION_STATE_ACTIVE
        assert (made.region, made.person_id) == (REGION, PERSON)
        assert (made.start_date, made.end_date) == (date(TODAY), Date(year=2027, month=5, day=2))
        assert not made.HasField("cancel_time")
        assert (await agency.GetRegistration(get(made.registration_id))).registration == made

        cancelled = (await agency.CancelRegistration(cancel(made.registration_id))).registration
        assert cancelled.state == registration_pb2.REGISTRATION_STATE_CANCELLED
        assert cancelled.cancel_time.seconds > cancelled.register_time.seconds
        assert (await agency.GetRegistration(get(made.registration_id))).registration == cancelled
        error = await refusal(agency.CancelRegistration(cancel(made.registration_id)))
        assert reason_in(error) == "REGISTRATION_STATE"

    run(scenario)
    with database.read() as connection:
        row = connection.execute(sa.select(tables.registration)).one()
    assert (row.registered_by, row.cancelled_by) == ("channel/wallet", f"agency/{REGION}/wang")


def test_long_term_cover_has_no_end(run: Callable[[Scenario], None]) -> None:
    async def scenario(offsite: Offsite) -> None:
        request = create(
            category=registration_pb2.REGISTRATION_CATEGORY_RETIRED_RESETTLED,
            expected_end_date=Date(year=2030, month=1, day=1),
            basis=registration_pb2.REGISTRATION_BASIS_PROOF,
            materials=shown("household_move_proof"),
        )
        made = (await offsite.stub().CreateRegistration(request)).registration
        assert not made.HasField("end_date")
        assert list(made.materials) == shown("household_move_proof")
        found = await offsite.stub().GetRegistration(get(made.registration_id))
        assert found.registration == made

    run(scenario)


@pytest.mark.parametrize(
    ("fields", "code", "reason"),
    [
        ({"treatment_region": "810000"}, "FAILED_PRECONDITION", "REGION_EXCLUDED"),
        (
            {
                "category": registration_pb2.REGISTRATION_CATEGORY_POSTED_WORKER,
                "expected_end_date": Date(year=2027, month=5, day=2),
                "basis": registration_pb2.REGISTRATION_BASIS_PROOF,
            },
            "FAILED_PRECONDITION",
            "STAY_TOO_SHORT",
        ),
        (
            {
                "category": registration_pb2.REGISTRATION_CATEGORY_REFERRAL,
                "basis": registration_pb2.REGISTRATION_BASIS_PROOF,
            },
            "FAILED_PRECONDITION",
            "MATERIAL_MISSING",
        ),
        (
            {"basis": registration_pb2.REGISTRATION_BASIS_COMMITMENT},
            "FAILED_PRECONDITION",
            "REGISTRATION_BASIS_NOT_ACCEPTED",
        ),
        (
            {
                "materials": [
                    registration_pb2.RegistrationMaterial(kind="lease", material_id=PERSON),
                    registration_pb2.RegistrationMaterial(kind="lease", material_id=PERSON),
                ]
            },
            "INVALID_ARGUMENT",
            "FIELD_OUT_OF_RANGE",
        ),
        (
            {"application_channel": registration_pb2.APPLICATION_CHANNEL_APP},
            "INVALID_ARGUMENT",
            "FIELD_OUT_OF_RANGE",
        ),
        (
            {"start_date": date(TODAY - dt.timedelta(days=1))},
            "FAILED_PRECONDITION",
            "REGISTER_IN_ADVANCE",
        ),
        (
            {"category": registration_pb2.REGISTRATION_CATEGORY_POSTED_WORKER},
            "INVALID_ARGUMENT",
            "FIELD_REQUIRED",
        ),
        ({"treatment_region": "330100"}, "INVALID_ARGUMENT", "FIELD_OUT_OF_RANGE"),
        (
            {"category": registration_pb2.REGISTRATION_CATEGORY_UNSPECIFIED},
            "INVALID_ARGUMENT",
            "FIELD_REQUIRED",
        ),
        ({"category": 99}, "INVALID_ARGUMENT", "FIELD_OUT_OF_RANGE"),
    ],
)
def test_what_the_rules_refuse_is_not_stored(
    run: Callable[[Scenario], None],
    database: Database,
    fields: dict[str, Any],
    code: str,
    reason: str,
) -> None:
    async def scenario(offsite: Offsite) -> None:
        error = await refusal(offsite.stub().CreateRegistration(create(**fields)))
        assert (error.code().name, reason_in(error)) == (code, reason)

    run(scenario)
    with database.read() as connection:
        for table in tables.metadata.sorted_tables:
            assert connection.execute(sa.select(table)).all() == []


def test_a_repeated_request_gets_the_same_bytes_and_other_contents_are_refused(
    run: Callable[[Scenario], None],
) -> None:
    async def scenario(offsite: Offsite) -> None:
        stub = offsite.stub()
        request = create()
        first = await stub.CreateRegistration(request)
        again = await stub.CreateRegistration(request)
        assert first.SerializeToString() == again.SerializeToString()
        request.treatment_region = "110000"
        error = await refusal(stub.CreateRegistration(request))
        assert reason_in(error) == "REQUEST_ID_REUSED"

        ending = cancel(first.registration.registration_id)
        answers = {(await stub.CancelRegistration(ending)).SerializeToString() for _ in range(3)}
        assert len(answers) == 1

    run(scenario)


def test_the_same_requests_sent_many_times_at_once_have_one_answer_each(
    run: Callable[[Scenario], None],
) -> None:
    async def scenario(offsite: Offsite) -> None:
        stub = offsite.stub()
        request = create()
        calls = [stub.CreateRegistration(request) for _ in range(8)]
        answers = [answer.registration for answer in await asyncio.gather(*calls)]
        assert len({answer.registration_id for answer in answers}) == 1
        ending = cancel(answers[0].registration_id)
        calls = [stub.CancelRegistration(ending) for _ in range(8)]
        ended = [answer.registration for answer in await asyncio.gather(*calls)]
        assert len({each.SerializeToString() for each in ended}) == 1

    run(scenario)


def test_one_of_many_overlapping_registrations_at_once_is_made(
    run: Callable[[Scenario], None], database: Database
) -> None:
    async def scenario(offsite: Offsite) -> None:
        stub = offsite.stub()
        calls = [stub.CreateRegistration(create()) for _ in range(8)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        errors = [answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
        assert [reason_in(error) for error in errors] == ["REGISTRATION_EXISTS"] * 7
        # Elsewhere, and for somebody else, the same days are free.
        assert await stub.CreateRegistration(create(treatment_region="110000"))
        assert await stub.CreateRegistration(create(person_id=new_id()))

    run(scenario)
    with database.read() as connection:
        assert len(connection.execute(sa.select(tables.registration)).all()) == 3


def test_after_a_cancellation_the_days_are_free_again(run: Callable[[Scenario], None]) -> None:
    async def scenario(offsite: Offsite) -> None:
        stub = offsite.stub()
        made = (await stub.CreateRegistration(create())).registration
        await stub.CancelRegistration(cancel(made.registration_id))
        again = (await stub.CreateRegistration(create())).registration
        assert again.registration_id != made.registration_id

    run(scenario)


def test_callers_stay_in_their_scope(run: Callable[[Scenario], None]) -> None:
    async def scenario(offsite: Offsite) -> None:
        made = (await offsite.stub().CreateRegistration(create())).registration
        id = made.registration_id
        other, hospital = offsite.stub("other-agency"), offsite.stub("hospital")
        refused = {
            other.CreateRegistration(create()): "OUT_OF_SCOPE",
            other.GetRegistration(get(id)): "OUT_OF_SCOPE",
            other.CancelRegistration(cancel(id)): "OUT_OF_SCOPE",
            # A hospital applies for referrals, where the region lets it, and sees its own.
            hospital.CreateRegistration(create()): "REGISTRATION_CHANNEL_CLOSED",
            hospital.GetRegistration(get(id)): "REGISTRATION_NOT_FOUND",
            hospital.CancelRegistration(cancel(id)): "CALLER_NOT_ALLOWED",
            # Its own region has no such registration.
            other.GetRegistration(get(id, "500100")): "REGISTRATION_NOT_FOUND",
            other.CancelRegistration(cancel(id, region="500100")): "REGISTRATION_NOT_FOUND",
        }
        for call, reason in refused.items():
            assert reason_in(await refusal(call)) == reason
        assert (await offsite.stub().GetRegistration(get(id))).registration == made

    run(scenario)


def test_a_database_without_the_schema_keeps_the_service_from_starting(
    databases: Databases, issued: DevCertificates
) -> None:
    log, _ = open_test_log()
    with pytest.raises(StartError, match=r"no schema of offsite|there is no such file"):
        OffsiteService(config(issued, databases.empty_url()), log=log)

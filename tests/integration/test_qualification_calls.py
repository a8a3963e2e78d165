"""Qualifications over mutual TLS, and carried to an identity that ends and comes back."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from support.databases import Databases
from support.form_calls import print_papers_of_chronic_care
from support.identity_world import (
    Identity,
    IdentityFiles,
    make_identity_files,
    serving_identity,
)
from support.services import run_service
from support.serving import channel_credentials, open_test_log, reason_in

from yibao.common.v1.date_pb2 import Date
from yibao.identity.v1 import death_messages_pb2 as death_pb
from yibao.identity.v1 import disease_messages_pb2 as disease_pb
from yibao.offsite.v1 import form_service_pb2 as form_pb
from yibao.offsite.v1 import form_service_pb2_grpc as form_rpc
from yibao.offsite.v1 import qualification_pb2 as messages
from yibao.offsite.v1 import qualification_service_pb2 as pb
from yibao.offsite.v1 import qualification_service_pb2_grpc as rpc
from yibao_cli.ports import choose_ports
from yibao_common.db.database import Database
from yibao_common.keys.dev_ca import Leaf
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import system_clock
from yibao_common.values.ids import new_id
from yibao_identity.storage.feed import renew_epochs
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.main import OffsiteService

REGION = "500100"
NUMBER = "11010519491231002X"
HOSPITAL, OTHER_HOSPITAL = "H50011200001", "H50011200002"
LEAVES = (
    Leaf("offsite-server", "service/offsite", is_server=True),
    Leaf("identity-server", "service/identity", is_server=True),
    Leaf("other-hospital", f"institution/{OTHER_HOSPITAL}"),
)
PAPERS: list[Any] = [{"paper_code": "application_form"}, {"paper_code": "diagnosis_proof"}]
SECONDS = 20.0
DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> IdentityFiles:
    made = make_identity_files(tmp_path_factory.mktemp("qualifications") / "files")
    made.issue(*LEAVES)
    return made


@dataclass
class World:
    """Offsite that runs on, and identity that ends and begins on one database or another."""

    files: IdentityFiles
    databases: Databases
    identity_port: int = field(default_factory=lambda: choose_ports((None,))[0])
    port: int = 0
    _channels: list[grpc.aio.Channel] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def offsite(self, *, carries: bool = True) -> AsyncIterator[None]:
        values: dict[str, Any] = {
            "server": server_of(self.files, "offsite-server"),
            "database": {"url": self.databases.migrated_url("yibao_offsite")},
            "chronic": {"carry_seconds": 0.05},
        }
        if carries:
            values["identity"] = {
                "address": f"localhost:{self.identity_port}",
                "regions": [REGION],
                "poll_seconds": 0.05,
            }
        log, _ = open_test_log()
        service = OffsiteService(OffsiteConfig.model_validate(values), log=log)
        async with run_service(service) as self.port:
            try:
                yield
            finally:
                for channel in self._channels:
                    await channel.close()

    def identity(self, url: str) -> contextlib.AbstractAsyncContextManager[Identity]:
        server = server_of(self.files, "identity-server", port=self.identity_port)
        return serving_identity(self.files, url, server=server)

    def stub(self, name: str = "agency") -> Any:
        return rpc.QualificationServiceStub(self._channel(name))

    def forms(self, name: str) -> Any:
        return form_rpc.FormServiceStub(self._channel(name))

    def _channel(self, name: str) -> grpc.aio.Channel:
        credentials = channel_credentials(self.files.folder, name)
        options = [("grpc.use_local_subchannel_pool", 1)]
        channel = grpc.aio.secure_channel(f"localhost:{self.port}", credentials, options=options)
        self._channels.append(channel)
        return channel

    async def carried(self, id: str, state: int = messages.CARRY_STATE_CARRIED) -> Any:
        """Waits until a qualification stands so with identity; returns it."""
        stub = self.stub()

        async def found() -> Any:
            answer = await stub.GetQualification(get(id))
            return answer.qualification if answer.qualification.carry_state == state else None

        return await until(found)


def server_of(files: IdentityFiles, name: str, *, port: int = 0) -> dict[str, Any]:
    return {
        "address": f"127.0.0.1:{port}",
        "certificate_file": files.folder / f"{name}.pem",
        "key_file": files.folder / f"{name}.key",
        "client_ca_file": files.folder / "ca.pem",
    }


async def until(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Waits until something is answered."""
    async with asyncio.timeout(SECONDS):
        while not (found := await ask()):
            await asyncio.sleep(0.02)
    return found


def apply(person_id: str, **fields: Any) -> pb.ApplyForQualificationRequest:
    values: dict[str, Any] = {
        "request_id": new_id(),
        "region": REGION,
        "person_id": person_id,
        "disease_code": "M03900",
        "institution_id": HOSPITAL,
        "diagnosis_code": "I10.x00",
        "diagnosis_basis": "三次血压均高于标准",
        "papers": PAPERS,
        **fields,
    }
    return pb.ApplyForQualificationRequest(**values)


def decide(id: str, **fields: Any) -> pb.DecideQualificationRequest:
    values: dict[str, Any] = {"request_id": new_id(), "region": REGION, "qualification_id": id}
    values |= {"decision": pb.QUALIFICATION_DECISION_APPROVE} | fields
    return pb.DecideQualificationRequest(**values)


def end(id: str, day: dt.date) -> pb.EndQualificationRequest:
    return pb.EndQualificationRequest(
        request_id=new_id(),
        region=REGION,
        qualification_id=id,
        end_date=date(day),
        explanation="撤销",
    )


def get(id: str) -> pb.GetQualificationRequest:
    return pb.GetQualificationRequest(region=REGION, qualification_id=id)


def date(day: dt.date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)


async def refusal(call: Awaitable[Any]) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return reason_in(refused.value)


async def diseases(identity: Identity, person_id: str) -> list[tuple[str, int, int]]:
    """Returns disease, first and last day of the month of what stands at identity."""
    request = disease_pb.ListDiseasesRequest(region=REGION, person_id=person_id)
    answer = await identity.persons().ListDiseases(request)
    return [
        (each.disease_code, each.start_date.day, each.end_date.day)
        for each in answer.diseases
        if not each.HasField("replace_time")
    ]


def test_hospital_and_agency_bring_an_application_to_its_end(
    files: IdentityFiles, databases: Databases
) -> None:
    async def scenario() -> None:
        world = World(files, databases)
        async with world.offsite(carries=False):
            hospital, agency = world.stub("hospital"), world.stub("agency")
            person_id, request = new_id(), apply(new_id(), papers=PAPERS[:1])
            first = (await hospital.ApplyForQualification(request)).qualification
            assert first.state == messages.QUALIFICATION_STATE_RETURNED
            assert list(first.missing_paper_codes) == ["diagnosis_proof"]
            assert first.is_open_elsewhere
            assert first.national_disease_code == "M03900"
            again = await hospital.ApplyForQualification(request)
            assert again.qualification == first
            id = first.qualification_id
            papers = {"request_id": new_id(), "region": REGION, "qualification_id": id}
            handed = await hospital.HandInPapers(
                pb.HandInPapersRequest(**papers, papers=PAPERS[1:])
            )
            assert handed.qualification.state == messages.QUALIFICATION_STATE_APPLIED
            other = world.stub("other-hospital")
            assert await refusal(other.GetQualification(get(id))) == "QUALIFICATION_NOT_FOUND"
            assert await refusal(other.ApplyForQualification(apply(person_id))) == "OUT_OF_SCOPE"
            abroad = world.stub("other-agency")
            assert await refusal(abroad.GetQualification(get(id))) == "OUT_OF_SCOPE"
            assert await refusal(hospital.DecideQualification(decide(id))) == "CALLER_NOT_ALLOWED"
            rejection = decide(id, decision=pb.QUALIFICATION_DECISION_REJECT)
            assert await refusal(agency.DecideQualification(rejection)) == "FIELD_REQUIRED"
            approved = (await agency.DecideQualification(decide(id))).qualification
            assert approved.state == messages.QUALIFICATION_STATE_APPROVED
            # No identity is configured here: it waits.
            assert approved.carry_state == messages.CARRY_STATE_WAITING
            own = await agency.ApplyForQualification(apply(person_id))
            own_id = own.qualification.qualification_id
            maker = await refusal(agency.DecideQualification(decide(own_id)))
            assert maker == "SAME_MAKER_AND_CHECKER"
            first_page = await agency.ListQualifications(
                pb.ListQualificationsRequest(region=REGION, page_size=1)
            )
            assert [each.qualification_id for each in first_page.qualifications] == [id]
            rest = await agency.ListQualifications(
                pb.ListQualificationsRequest(
                    region=REGION, page_size=1, page_token=first_page.next_page_token
                )
            )
            assert [each.qualification_id for each in rest.qualifications] == [own_id]
            assert rest.next_page_token == ""
            told = await agency.GetQualification(get(id))
            assert [each.kind for each in told.events] == [
                messages.QUALIFICATION_EVENT_KIND_APPLIED,
                messages.QUALIFICATION_EVENT_KIND_RETURNED,
                messages.QUALIFICATION_EVENT_KIND_PAPERS,
                messages.QUALIFICATION_EVENT_KIND_APPROVED,
            ]
            forms = world.forms("hospital")
            asked = form_pb.GetFormRequest(
                region=REGION, kind=form_pb.FORM_KIND_CHRONIC_APPLICATION, qualification_id=id
            )
            assert (await forms.GetForm(asked)).pdf.startswith(b"%PDF-")
            asked.qualification_id = own_id
            assert (await world.forms("agency").GetForm(asked)).pdf.startswith(b"%PDF-")
            strange = world.forms("other-hospital")
            assert await refusal(strange.GetForm(asked)) == "QUALIFICATION_NOT_FOUND"
            asked.kind = form_pb.FORM_KIND_REFERRAL
            assert await refusal(forms.GetForm(asked)) == "FIELD_OUT_OF_RANGE"
            await print_papers_of_chronic_care(world.forms, REGION, HOSPITAL)
            listed = await hospital.ListChronicDiseases(
                pb.ListChronicDiseasesRequest(region=REGION)
            )
            assert len(listed.diseases) == 30
            assert not listed.HasField("list_start_date")

    asyncio.run(scenario())


def test_what_is_approved_while_identity_is_down_reaches_it_and_outlives_its_restore(
    files: IdentityFiles, databases: Databases
) -> None:
    today = shanghai_day(system_clock())

    async def scenario() -> None:
        world = World(files, databases)
        url = databases.migrated_url("yibao_identity")
        async with world.identity(url) as identity:
            person_id = (await identity.register(NUMBER)).person_id
        backup = databases.copy(url)
        async with contextlib.AsyncExitStack() as stack:
            # Offsite begins while identity is there, so that its start does not wait.
            async with world.identity(url):
                await stack.enter_async_context(world.offsite())
                made = await until(lambda: applied_once_known(world, person_id))
            # Identity is away: the approval is taken and waits.
            id = made.qualification_id
            stub = world.stub("checker")
            approved = (await stub.DecideQualification(decide(id))).qualification
            assert approved.carry_state == messages.CARRY_STATE_WAITING
            await asyncio.sleep(0.3)
            assert not (await stub.GetQualification(get(id))).qualification.is_carried
            async with world.identity(url) as identity:
                assert (await world.carried(id)).is_carried
                assert await diseases(identity, person_id) == [("M03900", today.day, 0)]
            # Restored from before it was told: it is told again.
            with contextlib.closing(Database(backup)) as database, database.write() as connection:
                renew_epochs(connection)
            async with world.identity(backup) as identity:
                await until(lambda: diseases(identity, person_id))
                await world.carried(id)
                assert await diseases(identity, person_id) == [("M03900", today.day, 0)]
                await stub.EndQualification(end(id, today - DAY))
                await world.carried(id)
                (ended,) = await diseases(identity, person_id)
                assert ended == ("M03900", today.day, (today - DAY).day)

    asyncio.run(scenario())


async def is_registered(identity: Identity, person_id: str, what: tuple[str, int, int]) -> bool:
    return what in await diseases(identity, person_id)


async def applied_once_known(world: World, person_id: str) -> Any:
    """Applies once offsite knows the person; returns the qualification, None before."""
    try:
        answer = await world.stub().ApplyForQualification(apply(person_id))
    except grpc.aio.AioRpcError as error:
        if reason_in(error) == "PERSON_NOT_FOUND":
            return None
        raise
    return answer.qualification


def test_what_identity_refuses_is_seen_by_a_clerk_and_tried_again_once_mended(
    files: IdentityFiles, databases: Databases
) -> None:
    today = shanghai_day(system_clock())

    async def scenario() -> None:
        world = World(files, databases)
        async with world.identity(databases.migrated_url("yibao_identity")) as identity:
            person_id = (await identity.register(NUMBER)).person_id
            persons = identity.persons()
            own = disease_pb.RegisterDiseaseRequest(
                request_id=new_id(),
                region=REGION,
                person_id=person_id,
                disease_code="M03900",
                start_date=date(today - DAY),
            )
            # An agency's own registration of the same days, from before offsite did it.
            before = (await persons.RegisterDisease(own)).disease
            async with world.offsite():
                made = await until(lambda: applied_once_known(world, person_id))
                id = made.qualification_id
                stub = world.stub("checker")
                await stub.DecideQualification(decide(id))
                found = await world.carried(id, messages.CARRY_STATE_REFUSED)
                assert found.carry_problem == "DISEASE_OVERLAP"
                listed = await stub.ListQualifications(
                    pb.ListQualificationsRequest(
                        region=REGION, carry_state=messages.CARRY_STATE_REFUSED
                    )
                )
                assert [each.qualification_id for each in listed.qualifications] == [id]
                await persons.EndDisease(
                    disease_pb.EndDiseaseRequest(
                        request_id=new_id(),
                        region=REGION,
                        person_id=person_id,
                        disease_registration_id=before.disease_registration_id,
                        end_date=date(today - DAY),
                        explanation="carried by offsite",
                    )
                )
                retry = pb.RetryQualificationRequest(
                    request_id=new_id(), region=REGION, qualification_id=id
                )
                await stub.RetryQualification(retry)
                await world.carried(id)
                assert len(await diseases(identity, person_id)) == 2
                death = death_pb.RecordDeathRequest(
                    request_id=new_id(),
                    region=REGION,
                    person_id=person_id,
                    death_date=date(today),
                    evidence_reference="D1",
                )
                await persons.RecordDeath(death)
                # What the feed tells ends it, and identity gets its last day back.
                last = ("M03900", today.day, today.day)
                await until(lambda: is_registered(identity, person_id, last))
                assert (await world.carried(id)).state == messages.QUALIFICATION_STATE_ENDED
            # No other service registers diseases.
            other = identity.persons("settlement")
            own.request_id = new_id()
            assert await refusal(other.RegisterDisease(own)) == "OUT_OF_SCOPE"
            listing = disease_pb.ListDiseasesRequest(region=REGION, person_id=person_id)
            assert await refusal(other.ListDiseases(listing)) == "OUT_OF_SCOPE"

    asyncio.run(scenario())

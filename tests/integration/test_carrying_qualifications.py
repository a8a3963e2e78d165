"""What becomes of qualifications whatever identity answers; identity is played here."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from support.qualifying import REGION, Desk, insured
from support.serving import open_test_log

from yibao.identity.v1 import disease_messages_pb2 as disease_pb
from yibao.identity.v1 import person_pb2
from yibao.identity.v1 import person_service_pb2 as person_pb
from yibao_common.commands.background import ToldError
from yibao_common.commands.blocking import Blocking
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc.status import grpc_code, status_of
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.qualification.qualification import CarryState, Qualification
from yibao_offsite.servicer.qualification.carrying import QualificationCarrier

Registered = dict[str, person_pb2.RegisteredDisease]


@dataclass
class PlayedIdentity:
    """Registers diseases of persons, and fails where it is told to; no rule of identity's."""

    registered: dict[str, Registered] = field(default_factory=dict)
    # What the calls that register are answered with, by the person; a refusal or a code.
    failing: dict[str, RuleError | grpc.StatusCode] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    # Request ids by what was asked, and how often.
    asked: list[str] = field(default_factory=list)
    epoch: str = "e1"

    async def list_changes(
        self, request: person_pb.ListEnrolmentChangesRequest, context: Any
    ) -> person_pb.ListEnrolmentChangesResponse:
        return person_pb.ListEnrolmentChangesResponse(epoch=self.epoch)

    async def list_diseases(
        self, request: disease_pb.ListDiseasesRequest, context: Any
    ) -> disease_pb.ListDiseasesResponse:
        found = self.registered.get(request.person_id, {})
        return disease_pb.ListDiseasesResponse(diseases=found.values())

    async def register(
        self, request: disease_pb.RegisterDiseaseRequest, context: Any
    ) -> disease_pb.RegisterDiseaseResponse:
        await self._fail(request.person_id, context)
        self.asked.append(request.request_id)
        made = person_pb2.RegisteredDisease(
            disease_registration_id=new_id(),
            disease_code=request.disease_code,
            start_date=request.start_date,
        )
        if request.HasField("end_date"):
            made.end_date.CopyFrom(request.end_date)
        self._of(request.person_id)[made.disease_registration_id] = made
        return disease_pb.RegisterDiseaseResponse(disease=made)

    async def end(
        self, request: disease_pb.EndDiseaseRequest, context: Any
    ) -> disease_pb.EndDiseaseResponse:
        await self._fail(request.person_id, context)
        self.asked.append(request.request_id)
        former = self._of(request.person_id).pop(request.disease_registration_id, None)
        if former is None:
            await refuse(context, RuleError(Reason.DISEASE_NOT_FOUND, "not found"))
        assert former is not None
        former.end_date.CopyFrom(request.end_date)
        former.disease_registration_id = new_id()
        self._of(request.person_id)[former.disease_registration_id] = former
        return disease_pb.EndDiseaseResponse(disease=former)

    def handler(self) -> grpc.GenericRpcHandler:
        """Returns what serves the four methods that are played."""
        calls: dict[str, tuple[Any, Any]] = {
            "ListEnrolmentChanges": (self.list_changes, person_pb.ListEnrolmentChangesRequest),
            "ListDiseases": (self.list_diseases, disease_pb.ListDiseasesRequest),
            "RegisterDisease": (self.register, disease_pb.RegisterDiseaseRequest),
            "EndDisease": (self.end, disease_pb.EndDiseaseRequest),
        }
        handlers: dict[str, Any] = {
            name: grpc.unary_unary_rpc_method_handler(
                behaviour,
                request_deserializer=request.FromString,
                response_serializer=lambda answer: answer.SerializeToString(),
            )
            for name, (behaviour, request) in calls.items()
        }
        return grpc.method_handlers_generic_handler("yibao.identity.v1.PersonService", handlers)

    def _of(self, person_id: str) -> Registered:
        return self.registered.setdefault(person_id, {})

    async def _fail(self, person_id: str, context: Any) -> None:
        if person_id in self.merged:
            other = self.merged[person_id]
            await refuse(context, RuleError(Reason.PERSON_MERGED, "merged", merged_into=other))
        match self.failing.get(person_id):
            case RuleError() as error:
                await refuse(context, error)
            case grpc.StatusCode() as code:
                await context.abort(code, "played")


async def refuse(context: Any, error: RuleError) -> None:
    status = status_of(error)
    details = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(grpc_code(error.reason), status.message, details)


class World:
    """A desk whose approvals are carried to a played identity."""

    def __init__(self) -> None:
        self.desk = Desk.in_memory()
        self.identity = PlayedIdentity()
        self.metrics = Metrics()
        self.carry: Callable[[], Awaitable[None]] = self._nothing

    async def _nothing(self) -> None:
        raise AssertionError("nothing runs yet")

    def approved(self, person_id: str = "") -> Qualification:
        person_id = person_id or new_id()
        self.desk.know(insured(person_id))
        return self.desk.decide(self.desk.apply(person_id).qualification_id)

    def state(self, found: Qualification) -> CarryState:
        return self.desk.find(found.qualification_id).carry_state

    def stuck(self) -> float:
        gauge = self.metrics.registry.get_sample_value(
            "yibao_qualifications_stuck", {"region": REGION}
        )
        assert gauge is not None
        return gauge


def played(scenario: Callable[[World], Awaitable[None]]) -> None:
    """Runs a scenario beside a played identity."""

    async def main() -> None:
        world = World()
        server = grpc.aio.server()
        server.add_generic_rpc_handlers([world.identity.handler()])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        log, _ = open_test_log()
        blocking = Blocking(1, name="carry")
        blocking.start(Supervisor(asyncio.Event(), log=log))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            carrier = QualificationCarrier(
                channel, world.desk.errands, blocking, metrics=world.metrics, log=log
            )
            world.carry = lambda: carrier.carry(REGION)
            try:
                await scenario(world)
            finally:
                await server.stop(None)
                blocking.close()

    asyncio.run(main())


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.PERMISSION_DENIED])
def test_while_identity_cannot_be_asked_nothing_is_held_against_anybody(
    code: grpc.StatusCode,
) -> None:
    async def scenario(world: World) -> None:
        found = world.approved()
        world.identity.failing[found.person_id] = code
        with pytest.raises(ToldError):
            await world.carry()
        (task,) = world.desk.errands.due(REGION, limit=10)
        assert task.errand.attempts == 0
        del world.identity.failing[found.person_id]
        await world.carry()
        assert world.state(found) is CarryState.CARRIED

    played(scenario)


def test_one_that_fails_by_itself_keeps_no_other_from_its_turn() -> None:
    async def scenario(world: World) -> None:
        failing, fine = world.approved(), world.approved()
        world.identity.failing[failing.person_id] = grpc.StatusCode.INTERNAL
        await world.carry()
        assert world.state(failing) is CarryState.WAITING
        assert world.state(fine) is CarryState.CARRIED
        assert world.desk.errands.due(REGION, limit=10) == []
        del world.identity.failing[failing.person_id]
        await world.carry()
        assert world.state(failing) is CarryState.WAITING
        world.desk.now += dt.timedelta(seconds=10)
        await world.carry()
        assert world.state(failing) is CarryState.CARRIED

    played(scenario)


def test_a_refusal_is_shown_and_counted() -> None:
    async def scenario(world: World) -> None:
        found = world.approved()
        refusal = RuleError(Reason.PERSON_DECEASED, "died")
        world.identity.failing[found.person_id] = refusal
        await world.carry()
        stored = world.desk.find(found.qualification_id)
        assert stored.carry_state is CarryState.REFUSED
        assert stored.carry_problem == "PERSON_DECEASED"
        assert world.stuck() == 1

    played(scenario)


def test_a_duplicate_that_the_feed_did_not_tell_of_yet_is_followed() -> None:
    async def scenario(world: World) -> None:
        found, surviving = world.approved(), new_id()
        world.identity.merged[found.person_id] = surviving
        await world.carry()
        assert world.state(found) is CarryState.CARRIED
        assert len(world.identity.registered[surviving]) == 1

    played(scenario)


def test_what_was_cut_off_before_it_was_noted_is_told_once() -> None:
    async def scenario(world: World) -> None:
        found = world.approved()
        (task,) = world.desk.errands.due(REGION, limit=10)
        await world.carry()
        # As another process would that has read the same task before.
        world.desk.transactions.change(REGION, lambda work: work.errands.put_errand(task.errand))
        await world.carry()
        assert len(world.identity.asked) == 1
        assert len(world.identity.registered[found.person_id]) == 1

    played(scenario)


def test_a_restored_identity_gets_what_it_lost_by_the_same_request() -> None:
    async def scenario(world: World) -> None:
        found = world.approved()
        await world.carry()
        world.identity.registered.clear()
        await world.carry()
        assert not world.identity.registered.get(found.person_id)
        world.identity.epoch = "e2"
        await world.carry()
        assert len(world.identity.registered[found.person_id]) == 1
        first, second = world.identity.asked
        assert first == second

    played(scenario)


def test_what_is_taken_back_is_taken_back_at_identity_and_once_only() -> None:
    async def scenario(world: World) -> None:
        found = world.approved()
        await world.carry()
        world.desk.end(found.qualification_id, found.start_date - dt.timedelta(days=1))
        await world.carry()
        assert world.state(found) is CarryState.CARRIED
        (left,) = world.identity.registered[found.person_id].values()
        assert left.end_date.day == (found.start_date - dt.timedelta(days=1)).day
        # Restored from before it was registered: there is nothing to be taken back.
        world.identity.registered.clear()
        world.identity.epoch = "e2"
        await world.carry()
        assert world.state(found) is CarryState.CARRIED
        assert world.identity.registered[found.person_id] == {}

    played(scenario)

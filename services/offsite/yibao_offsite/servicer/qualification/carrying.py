"""Tells identity of qualifications in the background, until it has all of them.

Identity is asked what it has before it is told anything, and each step has a request id of
its own that is made of what it tells: whatever was cut off is taken up, also by another
process, and nothing is told twice.
"""

import uuid
from collections.abc import Sequence
from typing import cast

import grpc

from yibao.errors import Refusal, error_of
from yibao.identity.v1 import disease_messages_pb2 as disease_pb
from yibao.identity.v1 import person_service_pb2 as person_pb
from yibao.identity.v1 import person_service_pb2_grpc as person_rpc
from yibao_common.commands.background import BackgroundTask, duties_of
from yibao_common.commands.blocking import Blocking
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.rpc.channels import told
from yibao_common.rpc.wire import from_date, to_date, to_optional_date
from yibao_common.values.clock import Clock
from yibao_common.values.reasons import Reason
from yibao_offsite.application.qualification.carry import CarryTask, QualificationErrands
from yibao_offsite.rules.qualification.carrying import CarryStep, KnownDisease, next_step

_DEADLINE_SECONDS = 5.0
_PAGE = 50
# A turn ends even where a million are told again: one that took an hour would seem to hang.
_PAGES_A_TURN = 100
# Namespace of the request ids that are made of what they tell.
_REQUESTS = uuid.UUID("6f6e9f0a-5d52-5c0e-9a50-0b3c6d4f7a21")
# Identity cannot be asked at all, whatever the qualification: nothing is held against it.
_NOBODY_THERE = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    # One that is older than these methods, as while the two are upgraded: it will have them.
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.CANCELLED,
)
# What it refuses for good, until somebody mends it.
_REFUSALS = (
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.ALREADY_EXISTS,
)


class QualificationCarrier:
    """Carries the qualifications of regions to identity."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        errands: QualificationErrands,
        blocking: Blocking,
        *,
        metrics: Metrics,
        log: Log,
    ) -> None:
        """Takes a channel to identity and where it is noted what came of it."""
        # On an aio channel a stub's methods are awaitable; its constructor does not say so.
        self._persons = cast(
            "person_rpc.PersonServiceAsyncStub", person_rpc.PersonServiceStub(channel)
        )
        self._errands = errands
        self._blocking = blocking
        self._metrics = metrics
        self._log = log
        # Until identity was reached once, questions wait for it: both may be starting.
        self._was_reached = False

    async def carry(self, region: str) -> None:
        """Tells identity of what is due in a region.

        Raises:
            ToldError: identity cannot be asked; nothing is held against a qualification.
        """
        try:
            await self._meet(region)
            for _ in range(_PAGES_A_TURN):
                due = await self._blocking.run(self._errands.due, region, limit=_PAGE)
                for task in due:
                    await self._carry(task)
                if len(due) < _PAGE:
                    break
        except grpc.aio.AioRpcError as error:
            raise told(error) from error
        finally:
            stuck = await self._blocking.run(self._errands.stuck, region)
            self._metrics.qualifications_stuck.labels(region).set(stuck)

    async def _meet(self, region: str) -> None:
        """Asks which identity it is: where it or offsite was restored, all is compared."""
        answer = await self._persons.ListEnrolmentChanges(
            person_pb.ListEnrolmentChangesRequest(region=region, after_sequence=0, page_size=1),
            timeout=_DEADLINE_SECONDS,
            wait_for_ready=not self._was_reached,
        )
        self._was_reached = True
        if not answer.epoch:
            return
        again = await self._blocking.run(self._errands.meet, region, answer.epoch)
        if again:
            self._log.warning("qualifications are compared", region=region, qualifications=again)

    async def _carry(self, task: CarryTask) -> None:
        person_id = task.person_id
        try:
            try:
                registration_id = await self._told(task, person_id)
            except grpc.aio.AioRpcError as error:
                refusal = error_of(error)
                merged_into = refusal.metadata.get("merged_into", "")
                if not _is(refusal, Reason.PERSON_MERGED) or not merged_into:
                    raise
                registration_id = await self._told(task, merged_into)
        except grpc.aio.AioRpcError as error:
            refusal = error_of(error)
            if refusal.code in _NOBODY_THERE:
                raise
            if refusal.reason and refusal.code in _REFUSALS:
                await self._refuse(task, refusal.reason.removeprefix("ERROR_REASON_"))
                return
            # Something about this one alone: the others are not kept from their turn.
            self._log.warning(
                "qualification not carried",
                region=task.qualification.region,
                qualification_id=task.qualification.qualification_id,
                code=refusal.code.name,
            )
            await self._blocking.run(self._errands.failed, task)
            return
        if registration_id is None:
            await self._refuse(task, Reason.DISEASE_OVERLAP.name)
            return
        await self._blocking.run(self._errands.carried, task, registration_id)

    async def _refuse(self, task: CarryTask, problem: str) -> None:
        self._log.warning(
            "identity refused a qualification",
            region=task.qualification.region,
            qualification_id=task.qualification.qualification_id,
            problem=problem,
        )
        await self._blocking.run(self._errands.refused, task, problem)

    async def _told(self, task: CarryTask, person_id: str) -> str | None:
        """Makes identity's registration the same; returns its id, None where it cannot be."""
        region = task.qualification.region
        answer = await self._persons.ListDiseases(
            disease_pb.ListDiseasesRequest(region=region, person_id=person_id),
            timeout=_DEADLINE_SECONDS,
        )
        found = next_step(
            task.qualification,
            _known(answer, is_replaced=False),
            task.others,
            replaced=_known(answer, is_replaced=True),
        )
        match found.step:
            case CarryStep.NOTHING:
                return found.disease_registration_id
            case CarryStep.REFUSED:
                return None
            case CarryStep.REGISTER:
                return await self._register(task, person_id)
            case CarryStep.END:
                return await self._end(task, person_id, found.disease_registration_id)

    async def _register(self, task: CarryTask, person_id: str) -> str:
        qualification = task.qualification
        end = qualification.end_date
        answer = await self._persons.RegisterDisease(
            disease_pb.RegisterDiseaseRequest(
                request_id=_request_id(task, "register", person_id, str(end)),
                region=qualification.region,
                person_id=person_id,
                disease_code=qualification.disease_code,
                start_date=from_date(qualification.start_date),
                end_date=None if end is None else from_date(end),
            ),
            timeout=_DEADLINE_SECONDS,
        )
        return answer.disease.disease_registration_id

    async def _end(self, task: CarryTask, person_id: str, registration_id: str) -> str:
        qualification = task.qualification
        end = qualification.end_date
        assert end is not None
        try:
            answer = await self._persons.EndDisease(
                disease_pb.EndDiseaseRequest(
                    request_id=_request_id(task, "end", person_id, registration_id, str(end)),
                    region=qualification.region,
                    person_id=person_id,
                    disease_registration_id=registration_id,
                    end_date=from_date(end),
                    explanation=f"qualification {qualification.qualification_id}",
                ),
                timeout=_DEADLINE_SECONDS,
            )
        except grpc.aio.AioRpcError as error:
            if _is(error_of(error), Reason.DISEASE_NOT_FOUND) and not qualification.ever_holds:
                # Identity does not have what was to be taken back.
                return registration_id
            raise
        return answer.disease.disease_registration_id


def carrying_task(
    carrier: QualificationCarrier,
    *,
    regions: tuple[str, ...],
    seconds: float,
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> BackgroundTask:
    """Returns the task that carries qualifications, a region every few seconds."""
    duties = duties_of(regions, carrier.carry, failure="qualifications are not carried")
    return BackgroundTask(
        "qualifications", duties, seconds=seconds, metrics=metrics, clock=clock, log=log
    )


def _known(answer: disease_pb.ListDiseasesResponse, *, is_replaced: bool) -> Sequence[KnownDisease]:
    """Returns the registrations that stand, or those that stand no more as they were."""
    return [
        KnownDisease(
            each.disease_registration_id,
            each.disease_code,
            to_date(each.start_date),
            to_optional_date(each, "end_date"),
        )
        for each in answer.diseases
        if each.HasField("replace_time") == is_replaced
    ]


def _is(refusal: Refusal, reason: Reason) -> bool:
    return refusal.reason == reason.wire_name


def _request_id(task: CarryTask, *parts: str) -> str:
    told = "/".join((task.qualification.region, task.qualification.qualification_id, *parts))
    return str(uuid.uuid5(_REQUESTS, told))

"""Telling offsite of emergencies that count as registered (视同备案), until it has them."""

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, cast

import grpc

from yibao.offsite.v1 import registration_service_pb2 as pb
from yibao.offsite.v1 import registration_service_pb2_grpc as rpc
from yibao_common.commands.background import BackgroundTask, ToldError, duties_of
from yibao_common.commands.blocking import Blocking
from yibao_common.db.database import Database
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.rpc.wire import from_date
from yibao_common.values.clock import Clock
from yibao_settlement.application.elsewhere.state import DeemedRegistration
from yibao_settlement.storage.elsewhere.deemed import note_told, untold, untold_since

if TYPE_CHECKING:
    from yibao.offsite.v1.registration_service_pb2_grpc import RegistrationServiceAsyncStub

# Called with a request and a `timeout`.
Record = Callable[..., Awaitable[pb.RecordDeemedRegistrationResponse]]

_SECONDS = 5.0
_CALL_SECONDS = 5.0
# So many are read at once.
_PAGE = 50
# Offsite is away: whatever else waits would wait for it, too.
_AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
# Older ones are stuck: offsite refuses them, or is not reached.
_STUCK = dt.timedelta(minutes=10)


def deemed_telling(
    database: Database,
    record: Record,
    blocking: Blocking,
    *,
    regions: tuple[str, ...],
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> BackgroundTask:
    """Returns the task that tells offsite of each such visit, again until it answers.

    The visit is the id of the request, so that telling it twice makes one registration. One that
    is refused holds up no other one, and is told of as a failure of the duty. `record` is the
    method of offsite.
    """

    async def waiting_of(region: str) -> AsyncIterator[DeemedRegistration]:
        last = None
        while page := await blocking.run(untold, database, region, after=last, limit=_PAGE):
            for each in page:
                yield each
            last = page[-1]

    async def tell(region: str) -> None:
        refused = []
        async for each in waiting_of(region):
            try:
                answer = await record(_request(region, each), timeout=_CALL_SECONDS)
            except grpc.aio.AioRpcError as error:
                refused.append(error.code().name)
                if error.code() in _AWAY:
                    break
                continue
            if not answer.registration.registration_id:
                # It is on no record there: what is noted as told is never told again.
                refused.append("an answer that names no registration")
                continue
            told = {"registration_id": answer.registration.registration_id, "at": clock()}
            await blocking.run(note_told, database, region, each.visit_id, **told)
        stuck = await blocking.run(untold_since, database, region, before=clock() - _STUCK)
        metrics.deemed_stuck.labels(region).set(stuck)
        if refused:
            kinds = ", ".join(sorted(set(refused)))
            raise ToldError(f"{len(refused)} emergencies could not be told to offsite: {kinds}")

    duties = duties_of(regions, tell, failure="emergencies not told")
    return BackgroundTask(
        "deemed_telling", duties, seconds=_SECONDS, metrics=metrics, clock=clock, log=log
    )


def record_at(channel: grpc.aio.Channel) -> Record:
    """Returns the method of offsite that a channel leads to."""
    stub = cast("RegistrationServiceAsyncStub", rpc.RegistrationServiceStub(channel))
    return stub.RecordDeemedRegistration


def _request(region: str, each: DeemedRegistration) -> pb.RecordDeemedRegistrationRequest:
    return pb.RecordDeemedRegistrationRequest(
        request_id=each.visit_id,
        region=region,
        person_id=each.person_id,
        visit_id=each.visit_id,
        treatment_region=each.treatment_region,
        admission_date=from_date(each.start_date),
    )

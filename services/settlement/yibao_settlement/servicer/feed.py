"""What settlement learns of persons from identity: the enrolment feed.

It is pulled, so that identity need not know who listens, and does not lie on the path of a
bill: with identity down, bills settle by what was learnt last.
"""

import asyncio
import functools
from typing import cast

import grpc

from yibao.identity.v1 import person_pb2
from yibao.identity.v1 import person_service_pb2 as person_pb
from yibao.identity.v1 import person_service_pb2_grpc as person_rpc
from yibao_common.commands.background import BackgroundTask, Duty
from yibao_common.commands.blocking import Blocking
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc.wire import to_date, to_optional_date
from yibao_common.values.clock import Clock
from yibao_settlement.application.feed import EnrolmentChange, Feed, InsuredPerson
from yibao_settlement.rules.credential import Credential
from yibao_settlement.rules.enrolment import Enrolment

_PAGE_SIZE = 1_000
_DEADLINE_SECONDS = 5.0


class FeedClient:
    """Pulls the feed of each region, in the background and when asked."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        regions: tuple[str, ...],
        poll_seconds: float,
        feed: Feed,
        blocking: Blocking,
        metrics: Metrics,
        clock: Clock,
        log: Log,
    ) -> None:
        """Takes a channel to identity and where its news are kept."""
        # On an aio channel a stub's methods are awaitable; its constructor does not say so.
        self._persons = cast(
            "person_rpc.PersonServiceAsyncStub", person_rpc.PersonServiceStub(channel)
        )
        self._feed = feed
        self._blocking = blocking
        # Until identity was reached once, questions wait for it: both may be starting.
        self._was_reached = False
        # A call that asks for news and the round must not pull one page twice.
        self._locks = {region: asyncio.Lock() for region in regions}
        duties = [
            Duty(
                run=functools.partial(self._pull, region),
                failure="identity gives no news",
                region=region,
            )
            for region in regions
        ]
        self._task = BackgroundTask(
            "feed", duties, seconds=poll_seconds, metrics=metrics, clock=clock, log=log
        )

    def start(self, supervisor: Supervisor) -> None:
        """Starts pulling; call it inside the event loop."""
        self._task.start(supervisor)

    async def close(self) -> None:
        """Stops pulling."""
        await self._task.close()

    async def refresh(self, region: str) -> bool:
        """Pulls the region's news now and tells whether all that there was came."""
        return await self._task.do_now(region)

    async def _pull(self, region: str) -> None:
        async with self._locks[region]:
            while True:
                position = await self._blocking.run(self._feed.position, region)
                response = await self._persons.ListEnrolmentChanges(
                    person_pb.ListEnrolmentChangesRequest(
                        region=region, after_sequence=position, page_size=_PAGE_SIZE
                    ),
                    timeout=_DEADLINE_SECONDS,
                    wait_for_ready=not self._was_reached,
                )
                self._was_reached = True
                changes = [_change_of(change) for change in response.changes]
                await self._blocking.run(self._feed.apply, region, changes)
                if len(changes) < _PAGE_SIZE:
                    return


def _change_of(message: person_pb.EnrolmentChange) -> EnrolmentChange:
    person_id = message.person_id
    return EnrolmentChange(
        message.sequence,
        InsuredPerson(
            person_id=person_id,
            birth_date=to_date(message.birth_date),
            merged_into=message.merged_into or None,
            payer_ids=tuple(message.payer_ids),
            enrolments=tuple(_enrolment_of(each) for each in message.enrolments),
            credentials=tuple(
                Credential(each.subject, person_id, each.kind, each.state)
                for each in message.credentials
            ),
        ),
    )


def _enrolment_of(message: person_pb2.Enrolment) -> Enrolment:
    return Enrolment(
        enrolment_id=message.enrolment_id,
        insurance_type=message.insurance_type,
        person_class=message.person_class,
        entitlement_groups=tuple(sorted(message.entitlement_groups)),
        status=message.status,
        start_date=to_date(message.start_date),
        end_date=to_optional_date(message, "end_date"),
        has_employer=message.has_employer,
        is_premium_pending=message.is_premium_pending,
    )

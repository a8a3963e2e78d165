"""What settlement learns of persons from identity: the enrolment feed.

It is pulled, so that identity need not know who listens, and does not lie on the path of a
bill: with identity down, bills settle by what was learnt last.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, cast

import grpc

from yibao.identity.v1 import person_pb2
from yibao.identity.v1 import person_service_pb2 as person_pb
from yibao.identity.v1 import person_service_pb2_grpc as person_rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.process.logs import Log, kinds
from yibao_common.rpc.wire import to_date, to_optional_date
from yibao_settlement.application.ports import Feed
from yibao_settlement.application.records import EnrolmentChange, InsuredPerson
from yibao_settlement.rules.credential import Credential
from yibao_settlement.rules.enrolment import Enrolment

_PAGE_SIZE = 1_000
_DEADLINE_SECONDS = 5.0


class IdentityClient:
    """Pulls from identity, in the background and when asked."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        regions: tuple[str, ...],
        poll_seconds: float,
        feed: Feed,
        blocking: Blocking,
        log: Log,
    ) -> None:
        """Takes a channel to identity and where its news are kept."""
        # On an aio channel a stub's methods are awaitable; its constructor does not say so.
        self._persons = cast(
            "person_rpc.PersonServiceAsyncStub", person_rpc.PersonServiceStub(channel)
        )
        self._regions = regions
        self._poll_seconds = poll_seconds
        self._feed = feed
        self._blocking = blocking
        self._log = log
        self._feed_locks = {region: asyncio.Lock() for region in regions}
        self._task: asyncio.Task[None] | None = None
        # What could not be pulled last time, so that the log tells of it once.
        self._failing: set[str] = set()

    def start(self) -> None:
        """Starts pulling; call it inside the event loop."""
        self._task = asyncio.create_task(self._run(), name="identity-client")

    async def close(self) -> None:
        """Stops pulling."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def refresh_enrolments(self, region: str) -> None:
        """Pulls the region's news now; without an answer nothing changes."""
        await self._tried(region, self._pull_enrolments(region))

    async def _run(self) -> None:
        while True:
            for region in self._regions:
                await self._tried(region, self._pull_enrolments(region))
            await asyncio.sleep(self._poll_seconds)

    async def _tried(self, what: str, pull: Coroutine[Any, Any, None]) -> None:
        """Carries out one pull; whatever fails is told once and tried again next time.

        No failure may end the pulling: what is suspended would never be heard of.
        """
        try:
            await pull
        except Exception as error:
            if what not in self._failing:
                self._log.error("identity gives no news", what=what, error=kinds(error))
            self._failing.add(what)
        else:
            self._failing.discard(what)

    async def _pull_enrolments(self, region: str) -> None:
        if region not in self._feed_locks:
            return
        async with self._feed_locks[region]:
            while True:
                position = await self._blocking.run(self._feed.position, region)
                response = await self._persons.ListEnrolmentChanges(
                    person_pb.ListEnrolmentChangesRequest(
                        region=region, after_sequence=position, page_size=_PAGE_SIZE
                    ),
                    timeout=_DEADLINE_SECONDS,
                )
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

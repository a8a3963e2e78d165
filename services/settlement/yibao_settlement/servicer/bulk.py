"""Bills of one call, each settled on its own: one question for news answers all that want it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from yibao.common.v1.item_error_pb2 import ItemError
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao_common.db.batcher import Batcher
from yibao_common.process.logs import Log, kinds, places
from yibao_common.rpc.calls import tell_item
from yibao_common.rpc.endings import database_unavailable
from yibao_common.rpc.status import item_errors
from yibao_common.rpc.turns import Turns
from yibao_common.rpc.validation import Validator
from yibao_common.rpc.wire import length_delimited
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.settlement.settle import SETTLE_METHOD, SettleBill
from yibao_settlement.servicer.news import News
from yibao_settlement.servicer.refused_lines import SettledAnswer
from yibao_settlement.servicer.settling import Settling

Outcome: TypeAlias = bytes | RuleError

_ITEM_VALIDATOR = Validator(pb.SettleBillRequest.DESCRIPTOR, refuse_unknown=True)


class _Item:
    """One bill on its way: what was asked, what carries it out, what was answered."""

    __slots__ = ("answer", "begun", "command", "request")

    def __init__(self, request: pb.SettleBillRequest) -> None:
        self.request = request
        self.answer = SettledAnswer()
        self.command: SettleBill | None = None
        self.begun: asyncio.Future[bytes] | None = None


class BulkSettling:
    """Settles the bills of one call through the batcher, where they wait side by side."""

    def __init__(
        self,
        batcher: Batcher[Command, bytes],
        news: News,
        settling: Settling,
        *,
        ids: Ids,
        log: Log,
    ) -> None:
        """Takes the engine, what is said of every bill, and where faults of ours are told."""
        self._batcher = batcher
        self._news = news
        self._settling = settling
        self._ids = ids
        self._log = log

    async def settle(
        self,
        requests: Sequence[pb.SettleBillRequest],
        tell_refused: Callable[[pb.SettleBillRequest, SettledAnswer], None],
    ) -> list[Outcome]:
        """Returns what became of each, in their order; `tell_refused` is told of those settled."""
        items = list(map(_Item, requests))
        outcomes: dict[int, Outcome] = {}
        turns = Turns()
        try:
            for number, item in enumerate(items):
                refusal = self._begin(item)
                if refusal is not None:
                    outcomes[number] = refusal
                    tell_item(number + 1, item.request.request_id, refusal.reason)
                # A code takes a tenth of a millisecond to verify, a faulty bill a hundredfold.
                await turns.pass_on()
            await self._end(items, outcomes)
        finally:
            _forget(items)
        for number, item in enumerate(items):
            if isinstance(outcomes[number], bytes):
                tell_refused(item.request, item.answer)
        return [outcomes[number] for number in range(len(items))]

    def _begin(self, item: _Item) -> RuleError | None:
        try:
            _ITEM_VALIDATOR.check(item.request)
            item.command = self._settling.command(item.request, SETTLE_METHOD, item.answer.encode)
            item.begun = self._batcher.enqueue(item.request.region, item.command)
        except RuleError as refusal:
            return refusal
        return None

    async def _end(self, items: Sequence[_Item], outcomes: dict[int, Outcome]) -> None:
        """Adds what became of those that were begun, once more after news where it may help."""
        wanting: list[int] = []
        for number, item in enumerate(items):
            if item.begun is None:
                continue
            outcome = await self._outcome(item.begun)
            if isinstance(outcome, RuleError) and self._news.may_lift(outcome):
                wanting.append(number)
            else:
                self._note(number, item, outcome, outcomes)
        # All at once, so that they wait for the same question, and together in the batcher.
        again = [self._again(items[number]) for number in wanting]
        for number, outcome in zip(wanting, await asyncio.gather(*again), strict=True):
            self._note(number, items[number], outcome, outcomes)

    def _note(
        self, number: int, item: _Item, outcome: Outcome, outcomes: dict[int, Outcome]
    ) -> None:
        outcomes[number] = outcome
        reason = outcome.reason if isinstance(outcome, RuleError) else None
        tell_item(number + 1, item.request.request_id, reason)

    async def _again(self, item: _Item) -> Outcome:
        assert item.command is not None, "what was begun has a command"
        return await self._outcome(self._news.again(item.request.region, item.command))

    async def _outcome(self, carried_out: Awaitable[bytes]) -> Outcome:
        try:
            return await carried_out
        except RuleError as refusal:
            return refusal
        except Exception as error:
            # One broken item must not hide what became of its neighbours.
            return self._hide(error)

    def _hide(self, error: Exception) -> RuleError:
        if isinstance(error, TransientError):
            return database_unavailable()
        reference_id = self._ids()
        self._log.error(
            "item failed", reference_id=reference_id, error=kinds(error), places=places(error)
        )
        return RuleError(
            Reason.INTERNAL,
            f"a fault of ours, see reference {reference_id}; repeat with the same request_id",
            reference_id=reference_id,
        )


def results(outcomes: Sequence[Outcome]) -> bytes:
    """Returns the outcomes as they stand in a serialized SubmitBillsResponse."""
    errors = item_errors(None if isinstance(each, bytes) else each for each in outcomes)
    return b"".join(map(_result, outcomes, errors))


def _result(outcome: Outcome, error: ItemError | None) -> bytes:
    if isinstance(outcome, bytes):
        result = length_delimited(1, outcome)
    else:
        result = pb.SubmitBillsResult(error=error).SerializeToString()
    return length_delimited(1, result)


def _forget(items: Sequence[_Item]) -> None:
    """Leaves alone what nobody waits for any more; the commands are carried out."""
    for item in items:
        begun = item.begun
        if begun is not None and not begun.cancel() and not begun.cancelled():
            begun.exception()

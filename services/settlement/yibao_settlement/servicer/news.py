"""Asking identity for news on behalf of calls that news may help.

A hospital registers a visit a moment after an agency enrolled the person: the feed may not
have told of it yet. Such a call waits for one question to identity, with whoever else waits,
and never long: the counter is told to try again rather than something that may be wrong. So
does a bill that is paid by an e-certificate or a card of a moment ago.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.rules.presentation import UnknownCredentialError

# How long a call waits for news at most.
_MOST_WAIT_SECONDS = 1.0

# Refusals for want of something that identity may have told of meanwhile.
_LACKING = {
    Reason.PERSON_NOT_ENROLLED,
    Reason.ECERT_NOT_ACTIVATED,
    Reason.CARD_NOT_ACTIVATED,
    Reason.CARD_RESTRICTED_NOT_ACTIVATED,
}
# Those that it may have lifted meanwhile; what was told last stands where it cannot be asked.
_LIFTED = {Reason.ECERT_SUSPENDED, Reason.CARD_SUSPENDED, Reason.PERSON_DECEASED}


def _is_for_want(refusal: RuleError) -> bool:
    """Tells whether identity may have what a call was refused for want of."""
    return refusal.reason in _LACKING or isinstance(refusal, UnknownCredentialError)


def unconfirmed(refusal: RuleError) -> RuleError:
    """Returns what a call is told that was refused for want of what identity may have."""
    return RuleError(
        Reason.ENROLMENT_UNCONFIRMED,
        f"{refusal.message}, as far as is known; identity could not be asked: try again",
        reason_so_far=refusal.reason.wire_name,
    )


class News:
    """What identity has to tell of each region, asked for by those who wait for it."""

    def __init__(
        self,
        submit: Callable[[str, Command], Awaitable[bytes]],
        *,
        regions: Iterable[str],
        ask: Callable[[str], Awaitable[bool]],
    ) -> None:
        """Takes the batcher's `submit`, and what asks for all news of a region.

        `ask` tells whether all that there were came.
        """
        self._submit = submit
        self._ask = ask
        # One question of a region is under way; the next one waits for it to end.
        self._locks = {region: asyncio.Lock() for region in regions}
        self._next: dict[str, asyncio.Task[bool]] = {}
        self._tasks: set[asyncio.Task[bool]] = set()

    async def submit(self, region: str, command: Command) -> bytes:
        """Carries out a command, once more after news where news may lift its refusal.

        Raises RuleError ENROLMENT_UNCONFIRMED where it is refused for want of what identity
        may have, and identity did not tell all that it has.
        """
        try:
            return await self._submit(region, command)
        except RuleError as refusal:
            if not _is_for_want(refusal) and refusal.reason not in _LIFTED:
                raise
        is_told = await self._is_told(region)
        try:
            return await self._submit(region, command)
        except RuleError as refusal:
            if is_told or not _is_for_want(refusal):
                raise
            raise unconfirmed(refusal) from None

    async def close(self) -> None:
        """Takes back the questions that nobody waits for any more."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _is_told(self, region: str) -> bool:
        """Tells whether all is here that identity had to tell when this was called."""
        if region not in self._locks:
            return True  # Nothing is ever told of it.
        task = self._next.get(region)
        if task is None:
            task = self._next[region] = asyncio.create_task(self._ask_next(region))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        done, _ = await asyncio.wait([task], timeout=_MOST_WAIT_SECONDS)
        return bool(done) and task.result()

    async def _ask_next(self, region: str) -> bool:
        async with self._locks[region]:
            # Who comes from now on may wait for what this question is too early for.
            del self._next[region]
            return await self._ask(region)

"""What a call is told that is refused for want of a registration while news of them are old."""

from collections.abc import Awaitable, Callable

from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.servicer.elsewhere.feed_client import OffsiteAges

Submit = Callable[[str, Command], Awaitable[bytes]]

# A registration that offsite has, and settlement was not told of, would lift these.
_FOR_WANT = (Reason.OFFSITE_NOT_REGISTERED, Reason.OFFSITE_REGISTRATION_EXPIRED)


def told_where_stale(submit: Submit, ages: OffsiteAges, *, clock: Clock) -> Submit:
    """Returns `submit` that raises OFFSITE_FEED_STALE where such a refusal may be wrong.

    What is known goes on to hold: nothing that is decided by a registration is held up.
    """

    async def submitted(region: str, command: Command) -> bytes:
        try:
            return await submit(region, command)
        except RuleError as refusal:
            if refusal.reason in _FOR_WANT:
                ages.check(region, clock())
            raise

    return submitted

"""What a call is told that is refused for want of a registration while news of them are old."""

from collections.abc import Awaitable, Callable

from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.servicer.elsewhere.feed_client import OffsiteAges

Submit = Callable[[str, Command], Awaitable[bytes]]
# Returns what a refusal of a region is told as.
AsKnown = Callable[[str, RuleError], RuleError]

# A registration that offsite has, and settlement was not told of, would lift these.
_FOR_WANT = (Reason.OFFSITE_NOT_REGISTERED, Reason.OFFSITE_REGISTRATION_EXPIRED)


def as_known(ages: OffsiteAges, *, clock: Clock) -> AsKnown:
    """Returns what tells OFFSITE_FEED_STALE in the place of such a refusal that may be wrong.

    What is known goes on to hold: nothing that is decided by a registration is held up.
    """

    def told(region: str, refusal: RuleError) -> RuleError:
        if refusal.reason in _FOR_WANT:
            try:
                ages.check(region, clock())
            except RuleError as stale:
                return stale
        return refusal

    return told


def told_where_stale(submit: Submit, known: AsKnown) -> Submit:
    """Returns `submit` that refuses as `known` has it."""

    async def submitted(region: str, command: Command) -> bytes:
        try:
            return await submit(region, command)
        except RuleError as refusal:
            told = known(region, refusal)
            if told is refusal:
                raise
            raise told from refusal

    return submitted

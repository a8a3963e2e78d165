"""How often an agency may find out who is registered with a document.

SearchPersons says it; registering and correcting say it too where the document is or was
taken, and where a request id was used before: with the number of that request there is an
answer instead.
All of them share one limit, whichever of an agency's operators asks, in each process.

Whoever names cards by the chip that a terminal read is slowed down alike: there an answer that
no card has this chip is what counts.
"""

import contextlib
import time
from collections.abc import Callable, Collection, Iterator

from yibao_common.rpc.admission import RateLimitedError
from yibao_common.rpc.rates import RateLimits
from yibao_common.values.caller import Caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

_SECONDS_A_MINUTE = 60
_PERSON_FINDINGS = frozenset(
    {Reason.PERSON_EXISTS, Reason.NUMBER_HELD_BEFORE, Reason.REQUEST_ID_REUSED}
)
_CHIP_FINDINGS = frozenset({Reason.CARD_NOT_FOUND})


class LookupLimit:
    """Slows down whoever tries numbers until one fits, before the database is asked."""

    def __init__(
        self,
        rate_per_minute: int,
        *,
        findings: Collection[Reason] = _PERSON_FINDINGS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes how many look-ups a party has a minute, and the refusals that are some."""
        self._findings = findings
        self._monotonic = monotonic
        self._rates = RateLimits(
            rate_per_second=rate_per_minute / _SECONDS_A_MINUTE, burst=rate_per_minute
        )

    def take(self, caller: Caller) -> None:
        """Counts a look-up.

        Raises:
            RateLimitedError: the agency has had its look-ups of this minute.
        """
        now = self._monotonic()
        bucket = self._rates.bucket(caller.party, now=now)
        wait_seconds = 0.0 if bucket is None else bucket.take(now)
        if wait_seconds:
            raise RateLimitedError(wait_seconds)

    @contextlib.contextmanager
    def found_out(self, caller: Caller) -> Iterator[None]:
        """Counts a look-up where a call within is refused with one of the findings.

        Raises:
            RateLimitedError: as `take`.
        """
        # Taken before and given back, so that calls at once do not share the last one.
        self.take(caller)
        try:
            yield
        except RuleError as refusal:
            if refusal.reason not in self._findings:
                self._give_back(caller)
            raise
        except BaseException:
            self._give_back(caller)
            raise
        self._give_back(caller)

    def _give_back(self, caller: Caller) -> None:
        bucket = self._rates.bucket(caller.party, now=self._monotonic())
        if bucket is not None:
            bucket.give_back()


def chip_limit(misses_per_minute: int) -> LookupLimit:
    """Returns the limit of chips that no card has, as an institution's terminals tell of."""
    return LookupLimit(misses_per_minute, findings=_CHIP_FINDINGS)

"""How often a party may call: a token bucket for each."""

from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    """Refills at `rate_per_second` up to `burst`; each call or item takes one token."""

    rate_per_second: float
    burst: int
    tokens: float
    filled_at: float

    def take(self, now: float) -> float:
        """Takes a token and returns 0, or takes none and returns the seconds to wait.

        `now` is in seconds of a clock that never goes back.
        """
        tokens = self._fill(now)
        if tokens < 1:
            return (1 - tokens) / self.rate_per_second
        self.tokens = tokens - 1
        return 0

    def take_more(self, now: float, count: int) -> float:
        """Takes `count` tokens for a call that took its own, as `take` does.

        More than a full bucket holds is given on credit: what comes next waits until that is
        paid. Who has to wait comes again with the call, whose own token is waited for too.
        """
        tokens = self._fill(now)
        needed = min(count, self.burst - 1)
        if tokens < needed:
            return (needed + 1 - tokens) / self.rate_per_second
        self.tokens = tokens - count
        return 0

    def _fill(self, now: float) -> float:
        """Returns the tokens by now."""
        tokens = self.tokens + (now - self.filled_at) * self.rate_per_second
        self.tokens = min(tokens, self.burst)
        self.filled_at = now
        return self.tokens

    def give_back(self) -> None:
        """Returns a token that was not needed."""
        self.tokens = min(self.tokens + 1, self.burst)


class RateLimits:
    """The buckets of all parties, by name."""

    # Each has a certificate; the bound only keeps a flood of short-lived ones from filling
    # the memory.
    _MOST_PARTIES = 10_000

    def __init__(self, *, rate_per_second: float, burst: int) -> None:
        """Limits each party to `rate_per_second`, or not at all where that is 0."""
        self._rate_per_second = rate_per_second
        self._burst = burst
        self._buckets: dict[str, TokenBucket] = {}

    def bucket(self, name: str, *, now: float) -> TokenBucket | None:
        """Returns the bucket of a party, full at first; None where rates are free."""
        if not self._rate_per_second:
            return None
        bucket = self._buckets.get(name)
        if bucket is None:
            if len(self._buckets) >= self._MOST_PARTIES:
                self._buckets.clear()
            bucket = TokenBucket(self._rate_per_second, self._burst, self._burst, now)
            self._buckets[name] = bucket
        return bucket

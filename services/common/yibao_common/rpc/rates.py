"""How often a caller may call: a token bucket for each."""

from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    """Refills at `rate_per_second` up to `burst`; each call takes one token."""

    rate_per_second: float
    burst: int
    tokens: float
    filled_at: float

    def take(self, now: float) -> float:
        """Takes a token and returns 0, or returns the seconds until there is one.

        `now` is in seconds of a clock that never goes back.
        """
        tokens = self.tokens + (now - self.filled_at) * self.rate_per_second
        self.filled_at = now
        if tokens > self.burst:
            tokens = self.burst
        if tokens < 1:
            self.tokens = tokens
            return (1 - tokens) / self.rate_per_second
        self.tokens = tokens - 1
        return 0


class RateLimits:
    """The buckets of all callers, by name."""

    # Callers are parties with a certificate; the bound only keeps a flood of short-lived
    # ones from filling the memory.
    _MOST_CALLERS = 10_000

    def __init__(self, *, rate_per_second: float, burst: int) -> None:
        """Limits each caller to `rate_per_second`, or not at all where that is 0."""
        self._rate_per_second = rate_per_second
        self._burst = burst
        self._buckets: dict[str, TokenBucket] = {}

    def bucket(self, name: str, *, now: float) -> TokenBucket | None:
        """Returns the bucket of a caller, full at first; None where rates are free."""
        if not self._rate_per_second:
            return None
        bucket = self._buckets.get(name)
        if bucket is None:
            if len(self._buckets) >= self._MOST_CALLERS:
                self._buckets.clear()
            bucket = TokenBucket(self._rate_per_second, self._burst, self._burst, now)
            self._buckets[name] = bucket
        return bucket

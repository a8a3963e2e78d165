"""How often a party may call: a token bucket for each."""

from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    """Refills at `rate_per_second` up to `burst`; each call or item takes one token."""

    rate_per_second: float
    burst: int
    tokens: float
    filled_at: float

    def take(self, now: float, count: int = 1) -> float:
        """Takes `count` tokens and returns 0, or takes none and returns the seconds to wait.

        More than a full bucket holds is given on credit: what comes next waits until that is
        paid. `now` is in seconds of a clock that never goes back.
        """
        tokens = self.tokens + (now - self.filled_at) * self.rate_per_second
        self.filled_at = now
        if tokens > self.burst:
            tokens = self.burst
        needed = min(count, self.burst)
        if tokens < needed:
            self.tokens = tokens
            return (needed - tokens) / self.rate_per_second
        self.tokens = tokens - count
        return 0

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

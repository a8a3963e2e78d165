"""Who is next for what is made one at a time: parties take turns."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator


class PartyTurns:
    """Lets one in at a time; who asked for many waits behind whoever asked for one.

    Papers of many pages and simulations would take the interpreter from the bills, so that they
    wait for each other. Of each party one waits with those of others, first come first served, and
    the others of the party wait for that.
    """

    def __init__(self) -> None:
        """Begins with nobody waiting."""
        self._one = asyncio.Lock()
        self._parties: dict[str, asyncio.Lock] = {}
        self._asked: Counter[str] = Counter()

    @contextlib.asynccontextmanager
    async def turn(self, party: str) -> AsyncIterator[None]:
        """Waits for the turn of one that a party asked for, and holds it."""
        own = self._parties.setdefault(party, asyncio.Lock())
        self._asked[party] += 1
        try:
            async with own, self._one:
                yield
        finally:
            self._asked[party] -= 1
            if not self._asked[party]:
                del self._asked[party], self._parties[party]

    @property
    def parties(self) -> int:
        """How many parties wait or are served."""
        return len(self._parties)

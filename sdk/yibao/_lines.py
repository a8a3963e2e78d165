"""Which gRPC channel calls go over, while certificates and connections come and go.

gRPC keeps what a channel was made with: client certificates for ever, and a name that does
not resolve for up to two minutes after it does again. So the channel that a program holds
is a shell over lines, and a line is one channel of gRPC.
"""

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import grpc

from yibao._channel_files import ChannelFiles

Channel = TypeVar("Channel")

# How old a line is at least before another is tried in its place, so that an outage
# makes no storm of handshakes.
_FAIR_TRIAL_SECONDS = 3.0


class Line(Generic[Channel]):
    """A channel of gRPC and what is under way on it."""

    def __init__(self, channel: Channel, *, began: float) -> None:
        """Takes a channel that nobody uses yet."""
        self.channel = channel
        self.began = began
        self.calls = 0
        # Whether the last call that ended did so without a word of the peer.
        self.is_silent = False
        # What the channel gave for each method, by who asked for it.
        self.methods: dict[object, Any] = {}


class Lines(Generic[Channel]):
    """The line that calls begin on, and those that only let calls end.

    Safe to share between threads. Closing channels is the caller's part, because it
    differs between threads and asyncio.
    """

    def __init__(
        self,
        files: ChannelFiles,
        open_channel: Callable[[grpc.ChannelCredentials], Channel],
        *,
        is_down: Callable[[Line[Channel]], bool],
        monotonic: Callable[[], float],
    ) -> None:
        """Opens the first line."""
        self._files = files
        self._open_channel = open_channel
        self._is_down = is_down
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._is_closed = False
        self._current = self._open()
        self._former: list[Line[Channel]] = []

    @property
    def current(self) -> Line[Channel]:
        """The line that the next call begins on, as far as is known now."""
        return self._current

    def renew(self) -> Line[Channel] | None:
        """Puts another line in the current one's place where that may help; returns that one.

        That is so where the files changed, and where the peer was not reached.
        """
        is_renewed = self._files.refresh()
        with self._lock:
            former = self._current
            if self._is_closed or not (is_renewed or self._deserves_another()):
                return None
            self._former.append(former)
            self._current = self._open()
            return former

    def begin(self) -> Line[Channel]:
        """Returns the line for a call, which must be handed to `end`."""
        with self._lock:
            line = self._current
            line.calls += 1
            return line

    def end(self, line: Line[Channel], *, is_silent: bool = False) -> None:
        """Tells that a call ended, and whether without a word of the peer."""
        with self._lock:
            line.calls -= 1
            line.is_silent = is_silent

    def take_idle(self) -> list[Channel]:
        """Returns the channels on which no call is left and none will begin, once."""
        if not self._former:
            return []
        with self._lock:
            idle = [line.channel for line in self._former if not line.calls]
            self._former = [line for line in self._former if line.calls]
            return idle

    def close(self) -> list[Channel]:
        """Opens no other line from now on; returns every channel to close."""
        with self._lock:
            self._is_closed = True
            channels = [line.channel for line in (*self._former, self._current)]
            self._former = []
            return channels

    def _open(self) -> Line[Channel]:
        return Line(self._open_channel(self._files.credentials), began=self._monotonic())

    def _deserves_another(self) -> bool:
        line = self._current
        return self._monotonic() >= line.began + _FAIR_TRIAL_SECONDS and self._is_down(line)

"""A channel for asyncio that takes renewed certificates and outlives long outages."""

import asyncio
import time
from collections.abc import Callable, Generator
from typing import Any

import grpc

from yibao._channel_files import ChannelFiles
from yibao._lines import Line, Lines


class AioChannel(grpc.aio.Channel):
    """A channel of gRPC's asyncio over lines; see `Lines`."""

    def __init__(
        self,
        files: ChannelFiles,
        open_channel: Callable[[grpc.ChannelCredentials], grpc.aio.Channel],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Opens the first line in the running loop; it connects at the first call."""
        self._lines = Lines(files, open_channel, is_down=_is_down, monotonic=monotonic)
        self._closing: set[asyncio.Task[None]] = set()

    def begin(self) -> Line[grpc.aio.Channel]:
        """Returns the line for a call."""
        self._lines.renew()
        for channel in self._lines.take_idle():
            task = asyncio.ensure_future(channel.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        return self._lines.begin()

    def end(self, line: Line[grpc.aio.Channel]) -> None:
        """Tells that a call ended."""
        self._lines.end(line)

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:
        """Returns what calls a method; see `grpc.aio.Channel`."""
        return _Method(self, "unary_unary", args, kwargs)

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Returns what calls a method; see `grpc.aio.Channel`."""
        return _Method(self, "unary_stream", args, kwargs)

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        """Returns what calls a method; see `grpc.aio.Channel`."""
        return _Method(self, "stream_unary", args, kwargs)

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Returns what calls a method; see `grpc.aio.Channel`."""
        return _Method(self, "stream_stream", args, kwargs)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Returns the connectivity; see `grpc.aio.Channel`."""
        return self._lines.current.channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Waits for another connectivity; see `grpc.aio.Channel`."""
        await self._lines.current.channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Waits until the peer is connected."""
        await self._lines.current.channel.channel_ready()

    async def close(self, grace: float | None = None) -> None:
        """Closes the channel; calls that run longer than `grace` seconds are cancelled."""
        await asyncio.gather(
            *(channel.close(grace) for channel in self._lines.close()), *self._closing
        )

    async def __aenter__(self) -> "AioChannel":
        """Returns the channel; the end of the block closes it."""
        return self

    async def __aexit__(self, *error: object) -> None:
        """Closes the channel."""
        await self.close()


class _Method:
    """A method, on whichever line is current."""

    def __init__(
        self, channel: AioChannel, kind: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._channel = channel
        self._kind = kind
        self._args = args
        self._kwargs = kwargs

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        line = self._channel.begin()
        try:
            method = line.methods.get(self)
            if method is None:
                method = getattr(line.channel, self._kind)(*self._args, **self._kwargs)
                line.methods[self] = method
            call = method(*args, **kwargs)
        except BaseException:
            self._channel.end(line)
            raise
        call.add_done_callback(lambda _: self._channel.end(line))
        return _Answer(call) if self._kind == "unary_unary" else call


class _Answer:
    """A call whose answer is told as INTERNAL where it cannot be read.

    gRPC's own call is then answered with None, which a caller who only asks whether there
    was a refusal takes for a yes. Blocking calls end as INTERNAL by themselves.
    """

    def __init__(self, call: Any) -> None:
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def __await__(self) -> Generator[Any, Any, Any]:
        answer = yield from self._call.__await__()
        if answer is None:
            nothing = grpc.aio.Metadata()
            unread = "the answer cannot be read: it is none of this method"
            raise grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, nothing, nothing, details=unread)
        return answer


def _is_down(line: Line[grpc.aio.Channel]) -> bool:
    return line.channel.get_state() is grpc.ChannelConnectivity.TRANSIENT_FAILURE

"""A channel for threads that takes renewed certificates and outlives long outages."""

import functools
import threading
import time
from collections.abc import Callable
from typing import Any

import grpc

from yibao._channel_files import ChannelFiles
from yibao._lines import Line, Lines

_STATUS_KEY = "grpc-status-details-bin"
_WITHOUT_A_WORD = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class BlockingChannel(grpc.Channel):
    """A channel of gRPC over lines; see `Lines`."""

    def __init__(
        self,
        files: ChannelFiles,
        open_channel: Callable[[grpc.ChannelCredentials], grpc.Channel],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Opens the first line; it connects at the first call."""
        self._lines = Lines(
            files, open_channel, is_down=lambda line: line.is_silent, monotonic=monotonic
        )
        self._lock = threading.Lock()
        self._watchers: list[Callable[[grpc.ChannelConnectivity], None]] = []

    def begin(self) -> Line[grpc.Channel]:
        """Returns the line for a call."""
        former = self._lines.renew()
        if former is not None:
            with self._lock:
                for watcher in self._watchers:
                    former.channel.unsubscribe(watcher)
                    self._lines.current.channel.subscribe(watcher)
        for channel in self._lines.take_idle():
            channel.close()
        return self._lines.begin()

    def end(self, line: Line[grpc.Channel], failure: object = None) -> None:
        """Tells that a call ended; `failure` is what it ended with where not well."""
        self._lines.end(line, is_silent=failure is not None and _is_silent(failure))

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:
        """Returns what calls a method; see `grpc.Channel`."""
        return _Method(self, "unary_unary", args, kwargs)

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Returns what calls a method; see `grpc.Channel`."""
        return _StreamingMethod(self, "unary_stream", args, kwargs)

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        """Returns what calls a method; see `grpc.Channel`."""
        return _Method(self, "stream_unary", args, kwargs)

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        """Returns what calls a method; see `grpc.Channel`."""
        return _StreamingMethod(self, "stream_stream", args, kwargs)

    def subscribe(
        self,
        callback: Callable[[grpc.ChannelConnectivity], None],
        try_to_connect: bool = False,
    ) -> None:
        """Calls `callback` at each change of connectivity; see `grpc.Channel`."""
        with self._lock:
            self._watchers.append(callback)
            self._lines.current.channel.subscribe(callback, try_to_connect)

    def unsubscribe(self, callback: Callable[[grpc.ChannelConnectivity], None]) -> None:
        """Ends what `subscribe` began."""
        with self._lock:
            if callback in self._watchers:
                self._watchers.remove(callback)
            self._lines.current.channel.unsubscribe(callback)

    def close(self) -> None:
        """Closes the channel and cancels the calls that run."""
        for channel in self._lines.close():
            channel.close()

    def __enter__(self) -> "BlockingChannel":
        """Returns the channel; the end of the block closes it."""
        return self

    def __exit__(self, *error: object) -> None:
        """Closes the channel."""
        self.close()


class _Method:
    """A method whose answer is one message, on whichever line is current."""

    def __init__(
        self, channel: BlockingChannel, kind: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._channel = channel
        self._kind = kind
        self._args = args
        self._kwargs = kwargs

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call("__call__", args, kwargs)

    def with_call(self, *args: Any, **kwargs: Any) -> Any:
        return self._call("with_call", args, kwargs)

    def future(self, *args: Any, **kwargs: Any) -> Any:
        line = self._channel.begin()
        try:
            call = self._on(line).future(*args, **kwargs)
        except BaseException:
            self._channel.end(line)
            raise
        call.add_done_callback(functools.partial(self._channel.end, line))
        return call

    def _call(self, way: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        line = self._channel.begin()
        failure: BaseException | None = None
        try:
            return getattr(self._on(line), way)(*args, **kwargs)
        except BaseException as error:
            failure = error
            raise
        finally:
            self._channel.end(line, failure)

    def _on(self, line: Line[grpc.Channel]) -> Any:
        method = line.methods.get(self)
        if method is None:
            method = getattr(line.channel, self._kind)(*self._args, **self._kwargs)
            line.methods[self] = method
        return method


class _StreamingMethod(_Method):
    """A method whose answer is a stream, on whichever line is current."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        line = self._channel.begin()
        try:
            call = self._on(line)(*args, **kwargs)
        except BaseException:
            self._channel.end(line)
            raise
        ended = functools.partial(self._channel.end, line, call)
        if not call.add_callback(ended):
            ended()
        return call


def _is_silent(failure: object) -> bool:
    """Tells whether a call ended without anything that only the service can have said."""
    if not isinstance(failure, grpc.Call) or failure.code() not in _WITHOUT_A_WORD:
        return False
    return all(key != _STATUS_KEY for key, _ in failure.trailing_metadata() or ())

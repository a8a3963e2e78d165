"""Hospitals that settle many bills at once and repeat what was not answered."""

import itertools
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeAlias

import grpc

from yibao_cli.stack import Stack

if TYPE_CHECKING:
    # Nothing parses the bytes on this side.
    _Call: TypeAlias = grpc.UnaryUnaryMultiCallable[bytes, bytes]

_METHOD = "/yibao.settlement.v1.SettlementService/SettleBill"
_CALL_SECONDS = 10.0
# Longer than a restart takes on a loaded machine.
_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.05


class SettleLoad:
    """Sends each request until it is answered, from many connections; keeps the answers."""

    def __init__(
        self, stack: Stack, party: str, requests: Sequence[bytes], *, connections: int
    ) -> None:
        self._stack = stack
        self._party = party
        self._requests = requests
        self._pending = iter(range(len(requests)))
        self._lock = threading.Lock()
        self._answered = threading.Condition(self._lock)
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="hospital")
        # By the number of the request.
        self.answers: dict[int, bytes] = {}
        self.interrupted: set[int] = set()
        self._running = [self._threads.submit(self._work) for _ in range(connections)]

    def wait_for(self, answers: int) -> None:
        """Waits until so many requests were answered."""
        with self._answered:
            done = self._answered.wait_for(
                lambda: len(self.answers) >= answers or self._failed(), _PATIENCE_SECONDS
            )
        assert done, f"only {len(self.answers)} requests were answered"
        if self._failed():
            self.finish()

    def finish(self) -> None:
        """Waits until all are answered; raises what a hospital cannot cope with."""
        for each in self._running:
            each.result()
        self._threads.shutdown()

    def repeat_all(self) -> list[bytes]:
        """Sends every request once more and returns the answers in their order."""
        size = -(-len(self._requests) // 8)
        chunks = [self._requests[start : start + size] for start in range(0, size * 8, size)]
        with ThreadPoolExecutor(8) as threads:
            return list(itertools.chain.from_iterable(threads.map(self._repeat, chunks)))

    def _repeat(self, requests: Sequence[bytes]) -> list[bytes]:
        with self._channel() as channel:
            call: _Call = channel.unary_unary(_METHOD)
            return [call(request, timeout=_CALL_SECONDS) for request in requests]

    def _failed(self) -> bool:
        return any(each.done() and each.exception() for each in self._running)

    def _channel(self) -> grpc.Channel:
        return grpc.secure_channel(
            self._stack.addresses["settlement"],
            self._stack.credentials(self._party),
            # A connection of its own, and found again at once after a restart.
            options=[
                ("grpc.use_local_subchannel_pool", 1),
                ("grpc.initial_reconnect_backoff_ms", 50),
                ("grpc.max_reconnect_backoff_ms", 200),
            ],
        )

    def _work(self) -> None:
        with self._channel() as channel:
            call: _Call = channel.unary_unary(_METHOD)
            while True:
                with self._lock:
                    number = next(self._pending, None)
                if number is None:
                    return
                answer = self._insist(call, number)
                with self._answered:
                    self.answers[number] = answer
                    self._answered.notify_all()

    def _insist(self, call: "_Call", number: int) -> bytes:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return call(self._requests[number], timeout=_CALL_SECONDS)
            except grpc.RpcError as error:
                # A dead connection leaves open whether the bill was settled; any other
                # refusal of a good bill is a fault.
                if error.code() is not grpc.StatusCode.UNAVAILABLE or time.monotonic() > deadline:
                    raise
                with self._lock:
                    self.interrupted.add(number)
                time.sleep(_PAUSE_SECONDS)

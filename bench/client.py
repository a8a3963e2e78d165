"""A load client: one process, many connections, requests serialised beforehand.

Reads its task as JSON on standard input, waits for a line that says go, sends for the
given time in a closed loop, and writes what came back as JSON. It is the same for every
RPC compared: it neither builds messages nor reads answers.
"""

import asyncio
import json
import resource
import struct
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import grpc
import uvloop


@dataclass(frozen=True, slots=True)
class Task:
    """What one client process sends, where and for how long."""

    address: str
    ca_file: str
    certificate_file: str
    key_file: str
    method: str
    request_file: str
    outcome_file: str
    connections: int
    in_flight: int
    seconds: float


@dataclass(slots=True)
class Outcome:
    """What came back: answers by gRPC code, the time they took, the client's CPU time."""

    codes: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0
    ran_dry: bool = False


def write_requests(path: Path, requests: "list[bytes]") -> None:
    """Writes serialised requests, each behind its length."""
    with path.open("wb") as file:
        for request in requests:
            file.write(struct.pack("<I", len(request)))
            file.write(request)


def read_requests(path: Path) -> "list[bytes]":
    """Returns the requests of a file."""
    data = path.read_bytes()
    requests = []
    place = 0
    while place < len(data):
        (size,) = struct.unpack_from("<I", data, place)
        requests.append(data[place + 4 : place + 4 + size])
        place += 4 + size
    return requests


async def _send(task: Task, requests: "list[bytes]") -> Outcome:
    outcome = Outcome()
    codes: Counter[str] = Counter()
    pending = iter(requests)
    credentials = grpc.ssl_channel_credentials(
        Path(task.ca_file).read_bytes(),
        Path(task.key_file).read_bytes(),
        Path(task.certificate_file).read_bytes(),
    )
    # Without a pool of its own every channel would share one connection.
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
    channels = [
        grpc.aio.secure_channel(task.address, credentials, options=options)
        for _ in range(task.connections)
    ]
    await asyncio.gather(*[channel.channel_ready() for channel in channels])
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)

    async def one(call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]) -> None:
        while time.perf_counter() < end:
            request = next(pending, None)
            if request is None:
                outcome.ran_dry = True
                return
            began = time.perf_counter()
            try:
                await call(request, timeout=30)
                codes["OK"] += 1
            except grpc.aio.AioRpcError as error:
                codes[error.code().name] += 1
            outcome.latencies_ms.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    end = began + task.seconds
    await asyncio.gather(
        *[
            one(channel.unary_unary(task.method))
            for channel in channels
            for _ in range(task.in_flight)
        ]
    )
    outcome.seconds = time.perf_counter() - began
    outcome.codes = dict(codes)
    await asyncio.gather(*[channel.close() for channel in channels])
    usage = resource.getrusage(resource.RUSAGE_SELF)
    outcome.cpu_seconds = usage.ru_utime + usage.ru_stime
    return outcome


def main() -> None:
    """Runs one task."""
    task = Task(**json.loads(sys.stdin.readline()))
    requests = read_requests(Path(task.request_file))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        outcome = runner.run(_send(task, requests))
    Path(task.outcome_file).write_text(json.dumps(asdict(outcome)), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Runs load clients in processes of their own and adds up what they report."""

import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.client import Task, write_requests

_PROCESSES = 2


@dataclass(frozen=True, slots=True)
class Target:
    """Where a method is called, and by whom."""

    address: str
    ca_file: Path
    certificate_file: Path
    key_file: Path
    method: str


@dataclass(frozen=True, slots=True)
class Load:
    """What a load came to: calls per second, latency in ms, client CPU in µs a call."""

    calls: int
    per_second: float
    p50_ms: float
    p99_ms: float
    client_us: float


def run_load(
    target: Target,
    requests: Sequence[bytes],
    *,
    seconds: float,
    connections: int = 8,
    in_flight: int = 8,
    processes: int = _PROCESSES,
) -> Load:
    """Sends `requests`, each once, from some processes; every answer must be OK.

    Raises RuntimeError where one was refused or the requests ran out before the time.
    """
    with tempfile.TemporaryDirectory(prefix="yibao-load-") as folder:
        clients = []
        for number in range(processes):
            path = Path(folder) / f"requests.{number}"
            write_requests(path, list(itertools.islice(requests, number, None, processes)))
            task = Task(
                address=target.address,
                ca_file=str(target.ca_file),
                certificate_file=str(target.certificate_file),
                key_file=str(target.key_file),
                method=target.method,
                request_file=str(path),
                outcome_file=str(Path(folder) / f"outcome.{number}"),
                connections=connections,
                in_flight=in_flight,
                seconds=seconds,
            )
            client = subprocess.Popen(
                [sys.executable, "-m", "bench.client"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert client.stdin is not None
            client.stdin.write(json.dumps(asdict(task)) + "\n")
            client.stdin.flush()
            clients.append(client)
        return _collect(clients, Path(folder), target.method)


def _collect(clients: "list[subprocess.Popen[str]]", folder: Path, method: str) -> Load:
    for client in clients:
        assert client.stdout is not None
        if client.stdout.readline() != "ready\n":
            raise RuntimeError(f"{method}: a load client did not start")
    for client in clients:
        assert client.stdin is not None
        client.stdin.write("go\n")
        client.stdin.flush()
    outcomes = []
    for number, client in enumerate(clients):
        client.communicate(timeout=120)
        if client.returncode:
            raise RuntimeError(f"{method}: a load client ended with {client.returncode}")
        outcomes.append(json.loads((folder / f"outcome.{number}").read_text(encoding="utf-8")))
    refused = {code: n for each in outcomes for code, n in each["codes"].items() if code != "OK"}
    if refused:
        raise RuntimeError(f"{method}: refused: {refused}")
    if any(each["ran_dry"] for each in outcomes):
        raise RuntimeError(f"{method}: too few requests were prepared")
    latencies = sorted(itertools.chain.from_iterable(each["latencies_ms"] for each in outcomes))
    calls = len(latencies)
    return Load(
        calls=calls,
        per_second=sum(each["codes"]["OK"] / each["seconds"] for each in outcomes),
        p50_ms=latencies[calls // 2],
        p99_ms=latencies[int(calls * 0.99)],
        client_us=sum(each["cpu_seconds"] for each in outcomes) / calls * 1e6,
    )

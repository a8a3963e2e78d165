"""Probes and metrics over HTTP: what each path answers, and at which port."""

import contextlib
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping

import pytest
from support.threads import wait_until

from yibao_common.process.config import StartError
from yibao_common.process.endpoint import Endpoint
from yibao_common.process.metrics import Metrics
from yibao_common.process.readiness import Readiness


@contextlib.contextmanager
def listening(
    address: str = "127.0.0.1:0",
    *,
    alive: Mapping[str, str] | None = None,
    ready: Mapping[str, str] | None = None,
    metrics: Metrics | None = None,
) -> Iterator[Endpoint]:
    endpoint = Endpoint(
        address,
        metrics=metrics or Metrics(),
        alive=lambda: alive or {},
        ready=lambda: ready or {},
    )
    try:
        yield endpoint
    finally:
        endpoint.close()


def ask(endpoint: Endpoint, path: str, *, method: str = "GET") -> tuple[int, str]:
    url = f"http://127.0.0.1:{endpoint.port}{path}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_process_that_lives_and_can_serve_says_so() -> None:
    with listening() as endpoint:
        assert ask(endpoint, "/livez") == (200, "ok\n")
        assert ask(endpoint, "/readyz") == (200, "ok\n")
        assert ask(endpoint, "/readyz?verbose") == (200, "ok\n")
        assert ask(endpoint, "/readyz", method="HEAD") == (200, "")


def test_one_that_cannot_says_what_is_missing() -> None:
    ready = {"database": "nothing answers there", "trust": "no snapshot"}
    with listening(alive={"event loop": "is closed"}, ready=ready) as endpoint:
        assert ask(endpoint, "/livez") == (503, "event loop: is closed\n")
        assert ask(endpoint, "/readyz") == (
            503,
            "database: nothing answers there\ntrust: no snapshot\n",
        )


@pytest.mark.parametrize("path", ["/", "/healthz", "/livez/", "/metrics/x", "/favicon.ico"])
def test_any_other_path_is_not_found(path: str) -> None:
    with listening() as endpoint:
        assert ask(endpoint, path)[0] == 404


def test_a_thread_that_cannot_be_made_is_told_with_its_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(StartError, match=r"server\.metrics_address: .*can't start new thread"):
        Endpoint("127.0.0.1:0", metrics=Metrics(), alive=dict, ready=dict)


def test_nothing_can_be_sent_to_it() -> None:
    with listening() as endpoint:
        assert ask(endpoint, "/readyz", method="POST")[0] == 501


def test_metrics_are_those_of_the_process() -> None:
    metrics = Metrics()
    metrics.method("/x/Y").ended(code="OK", reason="", seconds=1)
    with listening(metrics=metrics) as endpoint:
        status, text = ask(endpoint, "/metrics")
    assert status == 200
    assert 'yibao_calls_total{code="OK",method="/x/Y",reason=""} 1.0' in text


def test_a_figure_that_cannot_be_told_is_answered_with_why() -> None:
    def fail() -> float:
        raise OSError

    metrics = Metrics()
    metrics.trust_age.labels("identity").set_function(fail)
    with listening(metrics=metrics) as endpoint:
        assert ask(endpoint, "/metrics") == (500, "OSError\n")
        assert ask(endpoint, "/livez") == (200, "ok\n")


def test_who_sends_a_letter_now_and_then_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yibao_common.process.endpoint._MOST_SECONDS", 0.2)
    with listening() as endpoint, dripping(endpoint) as slow:
        wait_until(lambda: is_closed_after(slow, b"X: y\r\n"), seconds=10)


def test_probes_are_answered_however_many_connections_are_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # However slow the machine, it is not silence that ends them.
    monkeypatch.setattr("yibao_common.process.endpoint._Handler.timeout", 60)
    with contextlib.ExitStack() as held, listening() as endpoint:
        threads = threading.active_count()
        first, *_ = (held.enter_context(dripping(endpoint)) for _ in range(200))
        assert ask(endpoint, "/livez") == (200, "ok\n")
        assert is_closed_after(first, b"X: y\r\n")
        wait_until(lambda: threading.active_count() <= threads + 70, seconds=10)


@contextlib.contextmanager
def dripping(endpoint: Endpoint) -> Iterator[socket.socket]:
    """Begins a request that does not end."""
    with socket.create_connection(("127.0.0.1", endpoint.port)) as connection:
        connection.settimeout(0.1)
        connection.sendall(b"GET /livez HTTP/1.1\r\n")
        yield connection


def is_closed_after(connection: socket.socket, letters: bytes) -> bool:
    """Tells whether the other end has closed a connection, which gets more letters."""
    try:
        connection.sendall(letters)
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_a_port_in_use_is_named_with_its_key() -> None:
    with listening() as endpoint:
        address = f"127.0.0.1:{endpoint.port}"
        with pytest.raises(StartError) as refused, listening(address):
            pass
    assert str(refused.value).startswith(
        f"server.metrics_address: {address}: the port is in use: give each process"
    )


def test_processes_with_one_configuration_find_ports_of_their_own() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        first = min(free.getsockname()[1], 65_500)
    address = f"127.0.0.1:{first}-{first + 20}"
    with listening(address) as one, listening(address) as two:
        assert first <= one.port < two.port <= first + 20


def test_a_range_that_is_all_in_use_is_told() -> None:
    with listening() as one:
        one_port = one.port
        with contextlib.ExitStack() as taken:
            for _ in range(2):
                with contextlib.suppress(StartError):
                    taken.enter_context(listening(f"127.0.0.1:{one_port}-{one_port + 1}"))
            with (
                pytest.raises(StartError, match="all these ports are in use"),
                listening(f"127.0.0.1:{one_port}-{one_port + 1}"),
            ):
                pass


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(StartError, match=r"server\.metrics_address: 192\.0\.2\.1:9101: "):
        Endpoint("192.0.2.1:9101", metrics=Metrics(), alive=dict, ready=dict)


def test_checks_are_asked_once_for_all_who_ask_at_once() -> None:
    now = 0.0
    asked: list[float] = []

    def is_down() -> str:
        asked.append(now)
        return "is down"

    readiness = Readiness(monotonic=lambda: now)
    readiness.require("database", is_down)
    threads = [threading.Thread(target=readiness.problems) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert readiness.problems() == {"database": "is down"}
    assert len(asked) == 1
    now = 1.0
    readiness.problems()
    assert len(asked) == 2


def test_a_check_that_fails_is_a_problem_and_keeps_no_other_from_its_turn() -> None:
    def fails() -> str:
        raise ValueError("a secret")

    readiness = Readiness()
    readiness.require("first", fails)
    readiness.require("second", lambda: "is down")
    readiness.require("third", lambda: "")
    assert readiness.problems() == {"first": "ValueError", "second": "is down"}

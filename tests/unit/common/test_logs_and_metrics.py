import io
import json
import logging
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from yibao_common.process import logs
from yibao_common.process.config import LogConfig
from yibao_common.process.endpoint import Endpoint
from yibao_common.process.logs import LOST_LINES, LibraryHandler, kinds, open_log, places
from yibao_common.process.metrics import Metrics
from yibao_common.values.clock import system_clock

NUMBER = "11010519491231002X"


def failure() -> BaseException:
    try:
        try:
            raise KeyError(NUMBER)
        except KeyError as error:
            raise ValueError(f"bad number {NUMBER}") from error
    except ValueError as error:
        return error


def test_a_line_is_json_with_time_level_service_and_event() -> None:
    stream = io.StringIO()
    log = open_log(LogConfig(), service="settlement", clock=system_clock, stream=stream)
    log.info("started", port=1, note="已启动")
    line = stream.getvalue()
    assert "已启动" in line
    told = json.loads(line)
    assert list(told)[:4] == ["time", "level", "service", "event"]
    assert told["time"].endswith("+00:00")
    assert (told["level"], told["service"], told["event"]) == ("info", "settlement", "started")


@pytest.mark.parametrize(
    ("level", "told"),
    [("debug", ["d", "i", "e"]), ("info", ["i", "e"]), ("error", ["e"])],
)
def test_the_level_decides_what_is_written(level: str, told: list[str]) -> None:
    stream = io.StringIO()
    config = LogConfig.model_validate({"level": level})
    log = open_log(config, service="x", clock=system_clock, stream=stream)
    log.debug("d")
    log.info("i")
    log.error("e")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == told


def test_a_line_that_cannot_be_written_is_lost_and_counted() -> None:
    """Every writer of a log is somewhere in a call, or in a task that has to go on."""
    before = LOST_LINES.count
    with Path("/dev/full").open("w") as full:
        log = open_log(LogConfig(), service="x", clock=system_clock, stream=full)
        log.info("started", note="已启动")
        log.error("failed")
    assert LOST_LINES.count == before + 2
    full.close()
    log.error("its file is closed")
    assert LOST_LINES.count == before + 3
    assert f"yibao_log_lines_lost {before + 3}.0" in generate_latest(Metrics().registry).decode()


@pytest.mark.timeout(30)
def test_nobody_waits_for_who_reads_the_log_and_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As a terminal that is held, or a collector of logs that hangs.
    before, waits = LOST_LINES.count, list[int]()
    has_room = logs._has_room

    def noted(file: int, milliseconds: int) -> bool:
        found = has_room(file, milliseconds)
        waits.extend([] if found else [milliseconds])
        return found

    monkeypatch.setattr(logs, "_has_room", noted)
    reads, writes = os.pipe()
    with os.fdopen(reads, "rb") as reader, os.fdopen(writes, "w") as stream:
        os.set_blocking(reads, False)
        log = open_log(LogConfig(), service="x", clock=system_clock, stream=stream)
        for number in range(100):
            log.info("called", number=number, note="长" * 3_000)
        lost = LOST_LINES.count - before
        assert lost > 80
        # The first line that finds no room waits a moment for it, and none behind it does.
        assert (len(waits), waits[0], set(waits[1:])) == (lost, 100, {0})
        kept = reader.read()
        log.info("called again")
        lines = (kept + reader.read()).splitlines()
    whole = lines[: 100 - lost]
    assert [json.loads(line)["number"] for line in whole] == list(range(len(whole)))
    # Where a line broke off, the next one begins another.
    assert len(lines) <= len(whole) + 2
    assert json.loads(lines[-1])["event"] == "called again"
    assert LOST_LINES.count == before + lost


def test_a_process_whose_log_is_full_ends_as_if_it_was_not() -> None:
    program = (
        "from yibao_common.process.config import LogConfig\n"
        "from yibao_common.process.logs import open_log\n"
        "from yibao_common.values.clock import system_clock\n"
        "open_log(LogConfig(), service='x', clock=system_clock).info('started')\n"
    )
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", program], stderr=full)
    assert done.returncode == 0


def test_an_exception_is_told_by_type_and_place_without_its_text() -> None:
    error = failure()
    assert kinds(error) == ["builtins.ValueError", "builtins.KeyError"]
    (place,) = places(error)
    assert place.endswith(" failure")
    assert NUMBER not in repr(kinds(error) + places(error))


def test_what_libraries_log_loses_its_arguments_and_tracebacks() -> None:
    stream = io.StringIO()
    log = open_log(LogConfig(), service="x", clock=system_clock, stream=stream)
    library = logging.Logger("some.library")
    library.addHandler(LibraryHandler(log))
    library.error("failed on %s\nmore", NUMBER, exc_info=failure())
    library.error(ValueError(NUMBER))
    library.info("nothing")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["library"], first["template"]) == ("some.library", "failed on %s")
    assert first["error"] == ["builtins.ValueError", "builtins.KeyError"]
    assert second["template"] == "ValueError"
    assert NUMBER not in stream.getvalue()


def test_calls_and_batches_are_counted_and_served_over_http() -> None:
    metrics = Metrics()
    method = metrics.method("/x/Y")
    method.running = 2
    method.ended(code="OK", reason="", seconds=0.002)
    method.ended(code="OK", reason="", seconds=0.002)
    method.ended(code="NOT_FOUND", reason="VISIT_NOT_FOUND", seconds=0.1)
    metrics.batch("settle").committed(size=3, queue_wait_seconds=0.001, commit_seconds=0.004)
    endpoint = Endpoint("127.0.0.1:0", metrics=metrics, alive=dict, ready=dict)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{endpoint.port}/metrics") as answer:
            text = answer.read().decode()
    finally:
        endpoint.close()
    for line in (
        'yibao_calls_total{code="OK",method="/x/Y",reason=""} 2.0',
        'yibao_calls_total{code="NOT_FOUND",method="/x/Y",reason="VISIT_NOT_FOUND"} 1.0',
        'yibao_calls_running{method="/x/Y"} 2.0',
        'yibao_call_seconds_bucket{le="0.0025",method="/x/Y"} 2.0',
        'yibao_batch_size_sum{queue="settle"} 3.0',
        'yibao_batch_commit_seconds_count{queue="settle"} 1.0',
    ):
        assert line in text


def test_two_sets_of_metrics_do_not_share_a_registry() -> None:
    Metrics().method("/x/Y").ended(code="OK", reason="", seconds=1)
    assert "/x/Y" not in str(list(Metrics().registry.collect()))

"""Probes tell the truth of running services; doctor asks identity as settlement does."""

import asyncio
import io
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from rich.console import Console
from support.databases import PostgresDatabases
from support.serving import open_test_log

from yibao_cli.doctor.command import run_doctor
from yibao_cli.loading import published_stays
from yibao_cli.parties import SERVICES
from yibao_cli.ports import HOST, choose_ports
from yibao_cli.stack import Stack
from yibao_common.values.clock import system_clock
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.main import OffsiteService

SECONDS = 20.0
PROBES = {"YIBAO_SERVER__METRICS_ADDRESS": f"{HOST}:0"}


def ask(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def wait_for(port: int, path: str, status: int) -> str:
    """Returns what a path answers once it does so with `status`."""
    deadline = time.monotonic() + SECONDS
    while (found := ask(port, path))[0] != status:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found[1]


class Lines:
    """What services wrote; their ports of probes stand in it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.ports: dict[str, int] = {}

    def take(self, name: str, line: str) -> None:
        self.lines.append(line)
        if '"event": "started"' in line:
            self.ports[name] = json.loads(line)["metrics_port"]


@pytest.fixture
def told() -> Lines:
    return Lines()


@pytest.fixture
def stack(sandbox_folder: Path, told: Lines) -> Iterator[Stack]:
    """Runs all services; settlement is also to serve a region that nobody signs for."""
    environment = {name: {**PROBES} for name in SERVICES}
    environment["settlement"]["YIBAO_IDENTITY__REGIONS"] = '["500112", "500113"]'
    regions = published_stays()[:1]
    with Stack.start(sandbox_folder, regions, environment=environment, on_line=told.take) as stack:
        yield stack


def test_services_that_run_are_alive_and_ready_and_doctor_asks_identity(
    stack: Stack, told: Lines, tmp_path: Path
) -> None:
    assert set(told.ports) == set(SERVICES)
    for port in told.ports.values():
        assert ask(port, "/livez") == (200, "ok\n")
        assert wait_for(port, "/readyz", 200) == "ok\n"
        assert "yibao_calls_running" in ask(port, "/metrics")[1]
        assert ask(port, "/healthz")[0] == 404
    # Of those who count working days alone: an alarm would ring for the others.
    gauge = "yibao_calendar_end_timestamp_seconds{"
    telling = {name for name, port in told.ports.items() if gauge in ask(port, "/metrics")[1]}
    assert telling == {"offsite"}
    # The start is not kept from serving the others by one slip, but it is told loudly.
    deadline = time.monotonic() + SECONDS
    slip_told = "identity.regions: no key signs codes for 500113"
    while not any(slip_told in line for line in list(told.lines)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    file = stack.sandbox.config_files["settlement"]
    slip = tmp_path / "settlement.toml"
    slip.write_text(file.read_text().replace('["500112"]', '["500112", "500113"]'))
    code, shown = examine(slip)
    assert code == 1
    assert "✗ region 500113: identity.regions: identity has no key that signs codes" in shown
    assert "✓ identity at 127.0.0.1:" in shown
    stack.stop("identity")
    code, shown = examine(file)
    assert code == 1
    assert f"✗ identity at {stack.addresses['identity']}: identity.address: is not reached" in shown

    # Another service answers where settlement is said to be: it serves, and is none.
    text = stack.sandbox.config_files["settlement"].read_text()
    elsewhere = tmp_path / "elsewhere.toml"
    addresses = stack.addresses
    elsewhere.write_text(text.replace(addresses["settlement"], addresses["offsite"]))
    _, found = examine(elsewhere)
    assert "settlement does not answer: another service does" in found


def examine(path: Path) -> tuple[int, str]:
    out = io.StringIO()
    code = run_doctor(
        Console(file=out, width=200),
        [path],
        with_health=True,
        with_ledger=False,
        with_audit=False,
        clock=system_clock,
    )
    return code, out.getvalue()


def test_settlement_is_not_ready_before_it_knows_keys_and_persons(
    sandbox_folder: Path, told: Lines
) -> None:
    (nobody,) = choose_ports([None])
    environment = {"settlement": {**PROBES, "YIBAO_IDENTITY__ADDRESS": f"{HOST}:{nobody}"}}
    regions = published_stays()[:1]
    with Stack.start(sandbox_folder, regions, environment=environment, on_line=told.take):
        port = told.ports["settlement"]
        text = wait_for(port, "/readyz", 503)
        assert "trust: " in text
        assert "feed: nothing is known yet of the persons of 500112" in text
        assert ask(port, "/livez")[0] == 200
        assert any('"trust is not renewed"' in line for line in told.lines)


def test_a_database_that_goes_away_makes_not_ready_until_it_is_back(
    postgres_databases: PostgresDatabases,
) -> None:
    url = postgres_databases.migrated_url("yibao_offsite")
    name = sa.make_url(url).database
    config = OffsiteConfig.model_validate(
        {
            "server": {
                "address": f"{HOST}:0",
                "insecure": True,
                "metrics_address": f"{HOST}:0",
            },
            "database": {"url": url},
        }
    )
    log, written = open_test_log()

    async def main() -> None:
        stop = asyncio.Event()
        started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        service = OffsiteService(config, log=log)
        serving = asyncio.create_task(service.serve(stop, started=started))
        await started
        port = next(
            int(entry["metrics_port"])
            for entry in map(json.loads, written.getvalue().splitlines())
            if entry["event"] == "started"
        )
        assert await asyncio.to_thread(wait_for, port, "/readyz", 200) == "ok\n"
        admin = sa.make_url(url).set(drivername="postgresql", database="postgres")
        with psycopg.connect(
            admin.render_as_string(hide_password=False), autocommit=True
        ) as connection:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            assert "database: " in await asyncio.to_thread(wait_for, port, "/readyz", 503)
            assert (await asyncio.to_thread(ask, port, "/livez"))[0] == 200
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await asyncio.to_thread(wait_for, port, "/readyz", 200)
        stop.set()
        await serving

    asyncio.run(main())

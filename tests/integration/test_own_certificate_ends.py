"""Settlement's own certificate is renewed in time: news and trust come on after its end."""

import asyncio
import contextlib
import datetime as dt
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.both_services import BothServices, both_services
from support.databases import SqliteDatabases
from support.serving import ID, LEAVES, serving
from support.short_certificates import shorten

from yibao.settlement.v1.settlement_service_pb2 import GetSettlementRequest
from yibao_common.keys.dev_ca import Leaf, issue_dev_certificates
from yibao_common.process.config import StartError
from yibao_common.values.clock import system_clock

# Longer than both services take to start: a busy machine is given more.
_LIVES_SECONDS = (12, 40, 120)
_OWN = Leaf("settlement-server", "service/settlement", is_server=True)


_FAILURES = {"identity gives no news", "trust is not renewed"}


@contextlib.contextmanager
def services_with_short_life(folder: Path) -> Iterator[tuple[BothServices, dt.datetime]]:
    """Runs both services and tells when settlement's certificate ends."""
    with contextlib.ExitStack() as stack:
        for seconds in _LIVES_SECONDS:
            try:
                running = _living_for(seconds, folder / f"{seconds}")
                services, end = stack.enter_context(running)
                break
            except StartError as error:
                if "ended on" not in str(error) or seconds == _LIVES_SECONDS[-1]:
                    raise
        yield services, end


@contextlib.contextmanager
def _living_for(seconds: int, folder: Path) -> Iterator[tuple[BothServices, dt.datetime]]:
    ends: list[dt.datetime] = []

    def prepare(files: Path) -> None:
        ends.append(shorten(files, _OWN.name, seconds=seconds))

    folder.mkdir()
    with (
        contextlib.closing(SqliteDatabases(folder)) as databases,
        both_services(folder / "files", databases, prepare=prepare) as services,
    ):
        yield services, ends[0]


def log_of(services: BothServices) -> list[dict[str, Any]]:
    return [json.loads(line) for line in services.lines.getvalue().splitlines()]


def test_news_and_trust_come_on_after_the_end_of_the_certificate(tmp_path: Path) -> None:
    with services_with_short_life(tmp_path) as (services, end):
        services.person()
        issue_dev_certificates(services.files.folder, [_OWN])
        time.sleep((end - system_clock()).total_seconds() + 0.1)
        services.person()
        # Trust is asked for five times a second.
        time.sleep(1)
        events = [line["event"] for line in log_of(services)]
    assert "files of a channel reloaded" in events
    assert not _FAILURES & set(events)


def test_a_certificate_that_ended_is_told_as_the_cause(tmp_path: Path) -> None:
    with services_with_short_life(tmp_path) as (services, end):
        services.person()
        time.sleep((end - system_clock()).total_seconds() + 1)
        problems = {
            line["event"]: line["problem"] for line in log_of(services) if "problem" in line
        }
    assert set(problems) == _FAILURES
    assert set(problems.values()) == {
        "UNAUTHENTICATED CALLER_UNKNOWN: the client certificate has expired"
    }


def test_news_come_on_after_a_certificate_of_another_service_was_put_in_place(
    tmp_path: Path,
) -> None:
    databases = SqliteDatabases(tmp_path)
    with both_services(tmp_path / "files", databases) as services:
        services.person()
        folder = services.files.folder
        for kind in ("pem", "key"):
            shutil.copy(folder / f"identity-server.{kind}", folder / f"{_OWN.name}.{kind}")
        # A channel looks at its files once a second.
        time.sleep(1.2)
        services.person()
        time.sleep(1)
        told = log_of(services)
    databases.close()
    refused = [line for line in told if line["event"] == "files of a channel refused"]
    assert "must bear one URI name, spiffe://yibao.dev/service/settlement" in refused[0]["problem"]
    assert not _FAILURES & {line["event"] for line in told}


def test_a_server_keeps_its_certificate_where_the_new_one_has_ended(tmp_path: Path) -> None:
    used, ended = tmp_path / "used", tmp_path / "ended"
    issue_dev_certificates(used, LEAVES)
    shutil.copytree(used, ended)
    shorten(ended, "server", seconds=-60)

    async def main() -> None:
        async with serving(used) as running:
            shutil.copy(ended / "server.pem", used)
            await running.stub().GetSettlement(
                GetSettlementRequest(region="500100", settlement_id=ID)
            )
            refused = running.log[-1]
            assert refused["event"] == "files refused"
            assert "ended on" in refused["problem"]

    asyncio.run(main())

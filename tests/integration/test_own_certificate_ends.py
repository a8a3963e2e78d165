"""Settlement's own certificate is renewed in time: news and trust come on after its end."""

import datetime as dt
import json
import time
from pathlib import Path

from support.both_services import both_services
from support.databases import SqliteDatabases
from support.short_certificates import shorten

from yibao_common.keys.dev_ca import Leaf, issue_dev_certificates
from yibao_common.values.clock import system_clock

# Longer than both services take to start.
_LIFE_SECONDS = 12
_OWN = Leaf("settlement-server", "service/settlement", is_server=True)


def test_news_and_trust_come_on_after_the_end_of_the_certificate(tmp_path: Path) -> None:
    ends: list[dt.datetime] = []

    def prepare(folder: Path) -> None:
        ends.append(shorten(folder, _OWN.name, seconds=_LIFE_SECONDS))

    databases = SqliteDatabases(tmp_path)
    with both_services(tmp_path / "files", databases, prepare=prepare) as services:
        services.person()
        issue_dev_certificates(services.files.folder, [_OWN])
        time.sleep((ends[0] - system_clock()).total_seconds() + 0.1)
        services.person()
        # Trust is asked for five times a second.
        time.sleep(1)
        events = [json.loads(line)["event"] for line in services.lines.getvalue().splitlines()]
    databases.close()
    assert "files of a channel reloaded" in events
    assert not {"identity gives no news", "trust is not renewed"} & set(events)

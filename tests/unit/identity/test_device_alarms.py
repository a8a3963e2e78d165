"""An alarm about a copied key reaches those on duty."""

import json

from prometheus_client import generate_latest
from support.serving import open_test_log

from yibao_common.process.metrics import Metrics
from yibao_identity.device_alarms import LoggedAlarms


def test_an_alarm_is_counted_and_logged() -> None:
    metrics = Metrics()
    log, lines = open_test_log()
    alarms = LoggedAlarms(metrics.device_alarms, log)
    alarms.raised("500100", "d1")
    alarms.raised("500100", "d2")
    exposed = generate_latest(metrics.registry).decode()
    assert 'yibao_device_alarms_total{region="500100"} 2.0' in exposed
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [(line["level"], line["event"], line["device_id"]) for line in found] == [
        ("error", "device clone suspected", "d1"),
        ("error", "device clone suspected", "d2"),
    ]

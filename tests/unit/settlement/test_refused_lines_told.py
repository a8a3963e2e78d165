"""Lines that a bill settled without are counted by reason and logged once for the bill."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from support.serving import open_test_log

from yibao_common.process.metrics import Metrics
from yibao_common.values.caller import parse_caller
from yibao_settlement.rules.bill import RefusedLine
from yibao_settlement.servicer import refused_lines
from yibao_settlement.servicer.refused_lines import RefusedLines, SettledAnswer


def line(number: int, reason: str) -> RefusedLine:
    return RefusedLine(number, f"L{number}", "X", 100, "item_code", reason, "")


def test_lines_are_counted_by_reason_and_the_last_of_two_tries_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(refused_lines, "settled", lambda _record: b"written")
    metrics, (log, lines) = Metrics(), open_test_log()
    answer = SettledAnswer()
    reasons = ["CATALOGUE_ITEM_UNKNOWN", "LINE_OUTSIDE_VISIT", "LINE_OUTSIDE_VISIT"]
    # The first batch broke: what it wrote was not stored.
    for count in (1, 3):
        refused = [line(number, reasons[number]) for number in range(count)]
        record = cast(Any, SimpleNamespace(refused_lines=tuple(refused)))
        assert answer.encode(record) == b"written"
    caller = parse_caller("institution/H50011200001")
    RefusedLines(metrics=metrics, log=log).tell(answer.refused, request_id="r1", caller=caller)
    sample = metrics.registry.get_sample_value
    assert sample("yibao_refused_lines_total", {"reason": "CATALOGUE_ITEM_UNKNOWN"}) == 1
    assert sample("yibao_refused_lines_total", {"reason": "LINE_OUTSIDE_VISIT"}) == 2
    (written,) = lines.getvalue().splitlines()
    for told in ("lines refused", "r1", "institution/H50011200001", "LINE_OUTSIDE_VISIT"):
        assert told in written

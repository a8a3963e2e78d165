"""Refusals are counted by region and day, and none is lost while nothing can be stored."""

import asyncio
import datetime as dt
from collections.abc import Mapping

import pytest
from support.memory.settlement.work import REGION, MemoryWork
from support.serving import open_test_log

from yibao_common.commands.blocking import Blocking
from yibao_common.process.metrics import Metrics
from yibao_common.rpc.calls import Call, Method
from yibao_common.rpc.refusals import Refusal, Refusals
from yibao_common.values.caller import Caller, parse_caller
from yibao_common.values.reasons import Reason
from yibao_settlement.application.report.find import Reports
from yibao_settlement.application.report.rows import RefusalKey
from yibao_settlement.housekeeping import refusal_counting
from yibao_settlement.rules.report import RefusalBy

HOSPITAL = "H99901900001"
# A quarter past midnight in Shanghai.
NOW = dt.datetime(2026, 11, 28, 16, 15, tzinfo=dt.UTC)
DAY = dt.date(2026, 11, 29)


def refused(caller: Caller | None, region: str = "") -> Call:
    metrics = Metrics().method("/yibao.settlement.v1.SettlementService/SettleBill")
    method = Method(
        "/yibao.settlement.v1.SettlementService/SettleBill",
        roles=frozenset(),
        descriptor=None,
        metrics=metrics,
    )
    call = Call(method)
    call.caller, call.region = caller, region
    return call


@pytest.fixture
def refusals() -> Refusals:
    return Refusals({"999019", "999029"}, clock=lambda: NOW)


def counted(refusals: Refusals, path: str, region: str) -> dict[Refusal, int]:
    refusals.count(refused(parse_caller(path), region), Reason.VISIT_NOT_FOUND)
    return dict(refusals.take())


@pytest.mark.parametrize(
    ("path", "region", "of"),
    [
        (f"institution/{HOSPITAL}", "999029", ("999029", HOSPITAL)),
        # A region that is not served, or no request at all: the caller's own.
        (f"institution/{HOSPITAL}", "110000", ("999019", HOSPITAL)),
        (f"terminal/{HOSPITAL}/T1", "", ("999019", HOSPITAL)),
        ("agency/999029/op-1", "", ("999029", "")),
    ],
)
def test_they_are_of_the_region_that_was_asked(
    refusals: Refusals, path: str, region: str, of: tuple[str, str]
) -> None:
    whose, institution_id = of
    assert counted(refusals, path, region) == {
        Refusal(whose, DAY, institution_id, "SettleBill", "VISIT_NOT_FOUND"): 1
    }
    assert refusals.take() == {}


@pytest.mark.parametrize("path", ["institution/H11000000001", "agency/110000/op-1"])
def test_those_of_regions_that_are_not_served_are_not_counted(
    refusals: Refusals, path: str
) -> None:
    assert counted(refusals, path, "110000") == {}
    refusals.count(refused(None), Reason.INTERNAL)
    assert refusals.take() == {}


class FailsOnce(Reports):
    """Stores in memory, but for the first time."""

    failures = 1

    def count_refusals(self, region: str, counts: Mapping[RefusalKey, int]) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("the database is not there")
        super().count_refusals(region, counts)


def test_what_could_not_be_stored_is_stored_later(refusals: Refusals) -> None:
    work = MemoryWork()
    reports = FailsOnce(work, clock=lambda: NOW)
    caller, (log, _) = parse_caller(f"institution/{HOSPITAL}"), open_test_log()

    async def rounds() -> None:
        blocking = Blocking()
        _, store = refusal_counting(
            reports, refusals, blocking, metrics=Metrics(), clock=lambda: NOW, log=log
        )
        for _ in range(2):
            refusals.count(refused(caller, REGION), Reason.VISIT_NOT_FOUND)
        with pytest.raises(OSError, match="not there"):
            await store()
        refusals.count(refused(caller, REGION), Reason.VISIT_NOT_FOUND)
        await store()
        await store()
        blocking.close()

    asyncio.run(rounds())
    told = reports.refusals(REGION, DAY, DAY, RefusalBy.REASON, "")
    assert told.figures == [("VISIT_NOT_FOUND", 3)]

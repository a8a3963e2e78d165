"""What is told of a refusal for want of a registration, whichever call it is refused to."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from support.settlement_world import REGION

from yibao.settlement.v1 import bill_pb2
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1.visit_pb2 import Presentation
from yibao_common.commands.blocking import Blocking
from yibao_common.process.metrics import Metrics
from yibao_common.rpc.callers import acting_as
from yibao_common.rpc.wire import from_date
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.servicer.elsewhere.feed_client import OffsiteAges
from yibao_settlement.servicer.elsewhere.staleness import as_known, told_where_stale
from yibao_settlement.servicer.news import News
from yibao_settlement.servicer.settlement import SettlementServicer

NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
BILL = bill_pb2.Bill(
    visit_id=new_id(),
    bill_number="B1",
    service_date=from_date(dt.date(2026, 11, 27)),
    lines=[
        bill_pb2.BillLine(
            line_number=1, item_code="A1", unit_price="1.00", quantity="1", amount_fen=100
        )
    ],
    total_fen=100,
    account_use=bill_pb2.ACCOUNT_USE_NONE,
)


class Refusing:
    """Refuses whatever is asked of it."""

    def __init__(self, reason: Reason) -> None:
        self._refusal = RuleError(reason, "not known")

    def command(self, *_asked: object) -> object:
        return object()

    def enqueue(self, *_asked: object) -> "asyncio.Future[bytes]":
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        future.set_exception(self._refusal)
        return future

    async def submit(self, *_asked: object) -> bytes:
        raise self._refusal

    def trial_inputs(self, *_asked: object, **_named: object) -> None:
        raise self._refusal

    discharge_required_in = carried_first_in = ()


async def _asked(_region: str) -> bool:
    return True


def told(reason: Reason, *, hours: int, call: str) -> str:
    """Returns what a call is told that is refused, with news of so many hours ago."""
    ages = OffsiteAges([REGION], most=dt.timedelta(hours=24), metrics=Metrics(), clock=lambda: NOW)
    known = as_known(ages, clock=lambda: NOW + dt.timedelta(hours=hours))
    refusing = Refusing(reason)
    submit = told_where_stale(cast(Any, refusing.submit), known)
    news = News(submit, regions=[REGION], ask=_asked, as_known=known)
    blocking, nothing = Blocking(threads=1), cast(Any, None)
    servicer = SettlementServicer(
        cast(Any, refusing),
        cast(Any, refusing),
        blocking,
        news=news,
        settling=cast(Any, refusing),
        viewers=nothing,
        clock=lambda: NOW,
        ids=new_id,
        log=nothing,
        refused_lines=nothing,
    )
    item = pb.SettleBillRequest(
        request_id=new_id(),
        region=REGION,
        presentation=Presentation(qr_text="x", terminal_id="T1"),
        bill=BILL,
    )

    async def submitted() -> str:
        answer = await servicer.SubmitBills(pb.SubmitBillsRequest(items=[item]), nothing)
        results = pb.SubmitBillsResponse.FromString(cast(bytes, answer)).results
        return results[0].error.reason.removeprefix("ERROR_REASON_")

    async def refused(method: Callable[..., Awaitable[object]], request: object) -> str:
        with pytest.raises(RuleError) as caught:
            await method(request, nothing)
        return caught.value.reason.name

    trial = pb.TrialBillRequest(region=REGION, bill=BILL)
    calls: dict[str, Callable[[], Awaitable[str]]] = {
        "SettleBill": lambda: refused(servicer.SettleBill, item),
        "SubmitBills": submitted,
        "TrialBill": lambda: refused(servicer.TrialBill, trial),
    }

    async def main() -> str:
        return await calls[call]()

    with acting_as(parse_caller("institution/H99901900001")):
        try:
            return asyncio.run(main())
        finally:
            blocking.close()


@pytest.mark.parametrize("call", ["SettleBill", "SubmitBills", "TrialBill"])
@pytest.mark.parametrize(
    ("reason", "hours", "is_stale"),
    [
        (Reason.OFFSITE_NOT_REGISTERED, 25, True),
        (Reason.OFFSITE_REGISTRATION_EXPIRED, 25, True),
        (Reason.OFFSITE_NOT_REGISTERED, 24, False),
        # No news would lift it.
        (Reason.OFFSITE_BENEFIT_NOT_OPEN, 25, False),
    ],
)
def test_every_call_tells_that_what_is_known_is_old(
    call: str, reason: Reason, hours: int, is_stale: bool
) -> None:
    expected = Reason.OFFSITE_FEED_STALE if is_stale else reason
    assert told(reason, hours=hours, call=call) == expected.name

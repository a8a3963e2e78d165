"""Items of a bulk call: counted, limited and logged as calls, and junk keeps nobody waiting."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from support.both_services import (
    ADMISSION,
    CALL_SECONDS,
    OTHER_REGION,
    BothServices,
    Patient,
    nobody_commits,
)
from support.identity_world import registration
from support.serving import ID, detail_in, reason_in, serving
from support.settlement_world import REGION

from yibao.identity.v1.person_service_pb2 import SubmitPersonsRequest
from yibao.settlement.v1 import settlement_service_pb2 as settlement
from yibao.settlement.v1.account_service_pb2 import CREDIT_SOURCE_RECHARGE, CreditAccountRequest
from yibao.settlement.v1.catalogue_service_pb2 import CatalogueItem, ImportCatalogueItemsRequest
from yibao_common.rpc.calls import tell_item
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason

SUBMIT = "/yibao.settlement.v1.SettlementService/SubmitBills"


def bulk(size: int) -> settlement.SubmitBillsRequest:
    item = settlement.SettleBillRequest(request_id=ID)
    return settlement.SubmitBillsRequest(items=[item] * size)


def test_items_count_in_the_rate_of_all_certificates_of_a_hospital(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path, rate_per_second=1, burst=10) as running:
            stub = running.stub()
            await stub.SubmitBills(bulk(8))
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.SubmitBills(bulk(8))
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert reason_in(caught.value) == "RATE_LIMITED"
            wait = detail_in(caught.value, error_details_pb2.RetryInfo).retry_delay
            assert 5_000 < wait.ToMilliseconds() <= 7_000
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await running.stub("terminal").SubmitBills(bulk(8))
            assert reason_in(caught.value) == "RATE_LIMITED"
            await running.stub("other-hospital").SubmitBills(bulk(8))

    asyncio.run(main())


def test_thousands_of_refused_items_keep_no_other_call_waiting(tmp_path: Path) -> None:
    """All of them stand in the log by the time that the service has drained."""
    count = 5_000

    async def serve(_request: Any, _context: Any) -> Any:
        for number in range(1, count + 1):
            tell_item(number, ID, Reason.QR_MALFORMED)
        return settlement.SubmitBillsResponse()

    def lines(running: Any) -> int:
        return sum(line["event"] == "item refused" for line in running.log)

    async def main() -> None:
        # However busy the machine is.
        async with serving(tmp_path, serve, drain_seconds=120) as running:
            await running.stub().SubmitBills(bulk(1))
            # The answer did not wait for the log, nor did what came after it.
            assert lines(running) < count
            await running.server.drain()
            assert lines(running) == count

    asyncio.run(main())


def test_each_item_is_counted_and_each_refused_one_logged(tmp_path: Path) -> None:
    async def serve(_request: Any, _context: Any) -> Any:
        tell_item(1, ID, None)
        tell_item(2, "张三", Reason.QR_MALFORMED)
        tell_item(3, ID, Reason.QR_MALFORMED)
        return settlement.SubmitBillsResponse()

    async def main() -> None:
        async with serving(tmp_path, serve) as running:
            await running.stub().SubmitBills(bulk(3))
            sample = running.server.metrics.registry.get_sample_value
            for code, reason, count in (("OK", "", 1), ("INVALID_ARGUMENT", "QR_MALFORMED", 2)):
                labels = {"method": SUBMIT, "code": code, "reason": reason}
                assert sample("yibao_items_total", labels) == count
            lines = [line for line in running.log if line["event"] == "item refused"]
            told = [(line["item"], line["reason"], line["request_id"]) for line in lines]
            assert told == [(2, "QR_MALFORMED", ""), (3, "QR_MALFORMED", ID)]
            assert lines[0]["caller"] == "institution/H50011200001"
            assert "张三" not in running.lines.getvalue()

    asyncio.run(main())


def test_items_of_a_call_that_was_cut_off_are_counted_too(tmp_path: Path) -> None:
    async def serve(_request: Any, _context: Any) -> Any:
        tell_item(1, ID, Reason.QR_MALFORMED)
        await asyncio.Event().wait()

    async def main() -> None:
        async with serving(tmp_path, serve, max_deadline_seconds=1) as running:
            with pytest.raises(grpc.aio.AioRpcError):
                await running.stub().SubmitBills(bulk(1))
            # The caller gives up a moment before the server ends the call.
            async with asyncio.timeout(CALL_SECONDS):
                while not (told := refused_items(running.log)):
                    await asyncio.sleep(0.01)
            assert told == [1]

    asyncio.run(main())


def refused_items(log: list[dict[str, Any]]) -> list[int]:
    return [line["item"] for line in log if line["event"] == "item refused"]


def test_junk_is_refused_while_the_queue_stands_still(
    services: BothServices, patient: Patient
) -> None:
    good = services.settle_request(patient)
    junk = [services.settle_request(patient) for _ in range(5)]
    junk[0].presentation.qr_text = "SF1234567890"
    text = junk[1].presentation.qr_text
    junk[1].presentation.qr_text = text[:-12] + ("A" if text[-12] != "A" else "B") + text[-11:]
    _, certificate_id, _ = services.person(OTHER_REGION)
    junk[2].presentation.qr_text = services.code(certificate_id, region=OTHER_REGION)
    junk[3].presentation.qr_text = services.code(patient.certificate_id, ADMISSION)
    junk[4].region = OTHER_REGION
    junk[4].presentation.qr_text = junk[2].presentation.qr_text
    with nobody_commits(services, patient):
        waiting = services.settlements().SettleBill.future(good, timeout=CALL_SECONDS)
        sent = settlement.SubmitBillsRequest(items=junk)
        results = services.settlements().SubmitBills(sent, timeout=CALL_SECONDS).results
        assert not waiting.done()
    reasons = [each.error.reason.removeprefix("ERROR_REASON_") for each in results]
    assert reasons == [
        "QR_MALFORMED",
        "QR_BAD_SIGNATURE",
        "QR_OTHER_REGION",
        "QR_WRONG_AUDIENCE",
        "OUT_OF_SCOPE",
    ]
    assert dict(results[2].error.metadata) == {"issuer": OTHER_REGION, "region": REGION}
    assert waiting.result().settlement.settlement_id
    sent_ids = {item.request_id for item in junk}
    told = {
        line["request_id"]: line["reason"]
        for line in services.logged("item refused")
        if line["request_id"] in sent_ids
    }
    assert told == {item.request_id: reason for item, reason in zip(junk, reasons, strict=True)}


def test_what_an_agency_changes_leaves_a_line_also_where_it_went_well(
    services: BothServices, patient: Patient
) -> None:
    credit = CreditAccountRequest(
        request_id=new_id(),
        region=REGION,
        person_id=patient.person_id,
        amount_fen=1_000,
        source=CREDIT_SOURCE_RECHARGE,
    )
    services.accounts().CreditAccount(credit, timeout=CALL_SECONDS)
    (line,) = [line for line in services.logged("done") if line["request_id"] == credit.request_id]
    assert (line["caller"], line["code"]) == (f"agency/{REGION}/maker", "OK")
    assert line["method"].endswith("/CreditAccount")
    known = registration(services.new_number(), region=REGION)
    refused = registration("110105194912310021", region=REGION)
    both = SubmitPersonsRequest(items=[known, refused])
    services.persons().SubmitPersons(both, timeout=CALL_SECONDS)
    line = services.logged("done")[-1]
    assert (line["items"], line["items_done"]) == (2, 1)
    (line,) = [
        line for line in services.logged("item refused") if line["request_id"] == refused.request_id
    ]
    assert (line["item"], line["reason"]) == (2, "CITIZEN_NUMBER_INVALID")


def test_the_rows_of_an_import_are_told_as_items_are(services: BothServices) -> None:
    row = CatalogueItem(
        item_code="X1",
        item_name="x",
        catalogue_class="01",
        start_date=from_date(shanghai_day(services.clock())),
    )
    spoilt = CatalogueItem(item_code="X2", catalogue_class="01")
    request = ImportCatalogueItemsRequest(
        request_id=new_id(), region=REGION, items=[row, spoilt, spoilt]
    )
    services.catalogue().ImportCatalogueItems(request, timeout=CALL_SECONDS)
    (line,) = [each for each in services.logged("done") if each["request_id"] == request.request_id]
    assert (line["items"], line["items_done"]) == (3, 1)
    refused = [
        each for each in services.logged("item refused") if each["request_id"] == request.request_id
    ]
    assert [each["item"] for each in refused] == [2, 3]

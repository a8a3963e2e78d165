"""ReportService through the real service, and the commands that show it."""

import csv
import json
from pathlib import Path

import grpc
import pytest
from support.both_services import CALL_SECONDS, BothServices, refusal_of
from support.settlement_world import HOSPITAL, REGION
from support.threads import wait_until
from typer.testing import CliRunner, Result

from yibao.settlement.v1 import report_pb2
from yibao.settlement.v1 import report_service_pb2 as pb
from yibao.settlement.v1.report_service_pb2_grpc import ReportServiceStub
from yibao.settlement.v1.settlement_service_pb2 import SubmitBillsRequest
from yibao_cli.main import app
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day


def stub(services: BothServices, name: str = "maker") -> ReportServiceStub:
    return ReportServiceStub(services.channel("settlement", name))


def acts(services: BothServices, by: str) -> pb.ListActFiguresResponse:
    day = from_date(shanghai_day(services.clock()))
    request = pb.ListActFiguresRequest(
        region=REGION,
        start_date=day,
        end_date=day,
        figure_by=report_pb2.FigureBy.Value(f"FIGURE_BY_{by}"),
        page_size=1,
    )
    return stub(services).ListActFigures(request, timeout=CALL_SECONDS)


def refusals(services: BothServices) -> dict[str, int]:
    day = from_date(shanghai_day(services.clock()))
    request = pb.ListRefusalFiguresRequest(
        region=REGION,
        start_date=day,
        end_date=day,
        refusal_by=report_pb2.REFUSAL_BY_REASON,
        institution_id=HOSPITAL,
    )
    answer = stub(services).ListRefusalFigures(request, timeout=CALL_SECONDS)
    return {each.key: each.refusal_count for each in answer.figures}


def report(services: BothServices, *arguments: str) -> Result:
    folder = services.files.folder
    connection = (
        *("--address", f"localhost:{services.ports['settlement']}", "--region", REGION),
        *("--ca", str(folder / "ca.pem")),
        *("--cert", str(folder / "maker.pem"), "--key", str(folder / "maker.key")),
    )
    return CliRunner().invoke(app, ["report", *arguments, *connection])


def test_an_agency_sees_what_its_hospitals_did(services: BothServices, tmp_path: Path) -> None:
    before = acts(services, "DAY").total
    request = services.settle_request(services.patient())
    told = services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement
    services.clock.advance(seconds=61)
    after = acts(services, "INSTITUTION")
    assert after.total.settled_count == before.settled_count + 1
    assert after.total.total_fen == before.total_fen + told.total_fen
    assert after.total.fund_total_fen == before.fund_total_fen + told.fund_total_fen
    day = str(shanghai_day(services.clock()))
    file = tmp_path / "acts.csv"
    shown = report(services, "acts", "--from", day, "--by", "institution", "--csv", str(file))
    assert shown.exit_code == 0, shown.output
    assert "together" in shown.stdout
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = {row["key"]: row for row in csv.DictReader(lines)}
    assert int(rows[HOSPITAL]["settled_count"]) == after.total.settled_count
    funds = report(services, "acts", "--from", day, "--by", "fund", "--json")
    document = json.loads(funds.stdout)
    by_fund = sum(int(each["fund_total_fen"]) for each in document["figures"])
    assert by_fund == int(document["total"]["fund_total_fen"])
    page = tmp_path / "month.html"
    drawn = report(services, "month", day[:7], "--html", str(page))
    assert drawn.exit_code == 0, drawn.output
    assert HOSPITAL in page.read_text(encoding="utf-8")
    position = report(services, "position", "--json")
    assert {each["fund_type"] for each in json.loads(position.stdout)["funds"]}


def test_refusals_are_counted_by_reason(services: BothServices) -> None:
    """Of a call, and of an item of a bulk call alike."""
    before = refusals(services)
    request = services.settle_request(services.patient())
    request.bill.visit_id = "019c0f3a-7b2e-7c41-8d05-000000000009"
    with pytest.raises(grpc.RpcError):
        services.settlements().SettleBill(request, timeout=CALL_SECONDS)
    bulk = SubmitBillsRequest(items=[request])
    services.settlements().SubmitBills(bulk, timeout=CALL_SECONDS)
    reason = "VISIT_NOT_FOUND"
    wait_until(lambda: refusals(services).get(reason, 0) >= before.get(reason, 0) + 2, seconds=40)
    told = report(services, "refusals", "--from", str(shanghai_day(services.clock())))
    assert told.exit_code == 0, told.output
    assert reason in told.stdout


def test_an_institution_is_refused(services: BothServices) -> None:
    request = pb.GetRegionPositionRequest(region=REGION)
    told = refusal_of(stub(services, "hospital").GetRegionPosition, request)
    assert told.code is grpc.StatusCode.PERMISSION_DENIED

"""GetDayTotals and CompareDay through the real service, and the command that closes a day."""

import csv
import datetime as dt
import json
from pathlib import Path

import grpc
import pytest
from support.both_services import CALL_SECONDS, BothServices, outcome, refusal_of
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION
from typer.testing import CliRunner, Result

from yibao.errors import error_of
from yibao.settlement.v1 import clearing_service_pb2 as pb
from yibao.settlement.v1 import day_pb2
from yibao.settlement.v1.clearing_service_pb2_grpc import ClearingServiceStub
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao.settlement.v1.settlement_service_pb2 import ReverseSettlementRequest
from yibao_cli.day_csv import AMOUNTS
from yibao_cli.main import app
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id

INVALID, DENIED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED
SETTLED, REVERSED = day_pb2.DAY_ACT_KIND_SETTLED, day_pb2.DAY_ACT_KIND_REVERSED
MISSING_AT_INSTITUTION = day_pb2.DAY_DIFFERENCE_KIND_MISSING_AT_INSTITUTION
MISSING_AT_INSURER = day_pb2.DAY_DIFFERENCE_KIND_MISSING_AT_INSURER


def clearing(services: BothServices, name: str = "hospital") -> ClearingServiceStub:
    return ClearingServiceStub(services.channel("settlement", name))


def settle(services: BothServices) -> day_pb2.DayLine:
    """Settles a bill of today and returns the hospital's own line of it."""
    request = services.settle_request(services.patient())
    told = services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement
    return line_of(request.request_id, SETTLED, told)


def reverse(services: BothServices, settlement_id: str, name: str) -> day_pb2.DayLine:
    request = ReverseSettlementRequest(
        request_id=new_id(), region=REGION, settlement_id=settlement_id, reason="entered twice"
    )
    told = services.settlements(name).ReverseSettlement(request, timeout=CALL_SECONDS).settlement
    return line_of(request.request_id, REVERSED, told, sign=-1)


def line_of(
    request_id: str, kind: day_pb2.DayActKind.ValueType, told: Settlement, *, sign: int = 1
) -> day_pb2.DayLine:
    return day_pb2.DayLine(
        request_id=request_id,
        act_kind=kind,
        settlement_id=told.settlement_id,
        bill_number=told.bill_number,
        **{name: sign * getattr(told, name) for name in AMOUNTS},
    )


def today(services: BothServices) -> dt.date:
    return shanghai_day(services.clock())


def totals(
    services: BothServices, name: str = "hospital", institution_id: str = ""
) -> pb.GetDayTotalsResponse:
    request = pb.GetDayTotalsRequest(
        region=REGION, act_date=from_date(today(services)), institution_id=institution_id
    )
    return clearing(services, name).GetDayTotals(request, timeout=CALL_SECONDS)


def comparison(
    services: BothServices, *lines: day_pb2.DayLine, **changes: object
) -> pb.CompareDayRequest:
    values: dict[str, object] = {
        "region": REGION,
        "act_date": from_date(today(services)),
        "acts": sorted(lines, key=lambda line: line.request_id),
    }
    return pb.CompareDayRequest(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def own(services: BothServices) -> list[day_pb2.DayLine]:
    """All that the hospital did today, by what the insurer has: tests share a service."""
    services.clock.advance(seconds=61)
    answer = clearing(services).CompareDay(comparison(services), timeout=CALL_SECONDS)
    return [
        day_pb2.DayLine(
            request_id=act.request_id,
            act_kind=act.act_kind,
            settlement_id=act.settlement_id,
            bill_number=act.bill_number,
            **{name: getattr(act, name) for name in AMOUNTS},
        )
        for act in (each.insurer for each in answer.differences)
    ]


def test_a_day_is_compared_from_the_counter_to_the_agency(
    services: BothServices, own: list[day_pb2.DayLine]
) -> None:
    before = totals(services).total
    kept, gone = settle(services), settle(services)
    reversal = reverse(services, gone.settlement_id, "maker")
    services.clock.advance(seconds=61)
    own += [kept, gone]
    told = totals(services)
    assert told.total.act_count == before.act_count + 3
    assert told.total.total_fen == before.total_fen + kept.total_fen
    assert told.total.fund_total_fen == sum(each.amount_fen for each in told.total.funds)
    assert totals(services, "maker", institution_id=HOSPITAL).total == told.total
    request = comparison(services, *own, snapshot_time=told.snapshot_time)
    answer = clearing(services).CompareDay(request, timeout=CALL_SECONDS)
    (missing,) = answer.differences
    assert (missing.kind, missing.request_id) == (MISSING_AT_INSTITUTION, reversal.request_id)
    # Which of the agency's operators it was, an institution does not learn.
    assert missing.insurer.acted_by == f"agency/{REGION}"
    assert missing.insurer.act_time.seconds
    assert (answer.insurer.act_count, answer.insurer.total_fen) == (
        told.total.act_count,
        told.total.total_fen,
    )
    assert answer.institution.act_count == len(own)
    whole = comparison(services, *own, reversal, snapshot_time=told.snapshot_time)
    # Two forms of one id are one.
    for line in whole.acts:
        line.request_id = line.request_id.upper()
    balanced = clearing(services, "hospital-terminal").CompareDay(whole, timeout=CALL_SECONDS)
    assert list(balanced.differences) == []
    assert balanced.insurer == balanced.institution


def test_who_asks_for_another_is_refused(services: BothServices) -> None:
    day = from_date(today(services))
    request = pb.GetDayTotalsRequest(region=REGION, act_date=day, institution_id=OTHER_HOSPITAL)
    told = refusal_of(clearing(services).GetDayTotals, request)
    assert outcome(told) == (DENIED, "OUT_OF_SCOPE")
    agency = clearing(services, "maker")
    told = refusal_of(agency.GetDayTotals, pb.GetDayTotalsRequest(region=REGION, act_date=day))
    assert outcome(told) == (INVALID, "FIELD_REQUIRED")
    told = refusal_of(agency.CompareDay, comparison(services))
    assert outcome(told) == (DENIED, "CALLER_NOT_ALLOWED")
    other = clearing(services, "other-hospital").CompareDay(
        comparison(services), timeout=CALL_SECONDS
    )
    assert list(other.differences) == []


def test_lines_out_of_order_or_range_are_named(services: BothServices) -> None:
    ids = sorted(new_id() for _ in range(4))
    lines = [day_pb2.DayLine(request_id=each, act_kind=SETTLED) for each in ids]
    request = comparison(services, after_request_id=ids[1], until_request_id=ids[2])
    request.acts.extend([lines[2], lines[1], lines[3]])
    with pytest.raises(grpc.RpcError) as caught:
        clearing(services).CompareDay(request, timeout=CALL_SECONDS)
    refusal = error_of(caught.value)
    assert outcome(refusal) == (INVALID, "FIELD_OUT_OF_RANGE")
    assert [each.field for each in refusal.field_faults] == [
        "acts[1].request_id",
        "acts[2].request_id",
    ]
    turned = comparison(services, after_request_id=ids[2], until_request_id=ids[1])
    assert outcome(refusal_of(clearing(services).CompareDay, turned)) == (
        INVALID,
        "FIELD_MALFORMED",
    )


def test_what_is_no_line_or_snapshot_is_refused(services: BothServices) -> None:
    line = day_pb2.DayLine(request_id=new_id(), act_kind=SETTLED)
    stub = clearing(services)
    for changed, reason in (
        ({"act_kind": 9}, "FIELD_OUT_OF_RANGE"),
        ({"act_kind": 0}, "FIELD_REQUIRED"),
        ({"request_id": "1"}, "FIELD_MALFORMED"),
        # Two of these would come to more than a sum holds.
        ({"total_fen": 2**62}, "FIELD_OUT_OF_RANGE"),
        ({"cash_fen": -100_000_000_001}, "FIELD_OUT_OF_RANGE"),
    ):
        wrong = day_pb2.DayLine()
        wrong.CopyFrom(line)
        for name, value in changed.items():
            setattr(wrong, name, value)
        told = refusal_of(stub.CompareDay, comparison(services, wrong))
        assert outcome(told) == (INVALID, reason)
    now = from_instant(services.clock())
    told = refusal_of(stub.CompareDay, comparison(services, snapshot_time=now))
    assert outcome(told) == (INVALID, "FIELD_OUT_OF_RANGE")


# --- The command.


def close(services: BothServices, file: Path, *more: str, name: str = "hospital") -> Result:
    folder = services.files.folder
    return CliRunner().invoke(
        app,
        [
            *("day", "close", str(file), "--day", today(services).isoformat()),
            *("--region", REGION, "--address", f"localhost:{services.ports['settlement']}"),
            *("--ca", str(folder / "ca.pem"), "--cert", str(folder / f"{name}.pem")),
            *("--key", str(folder / f"{name}.key"), *more),
        ],
    )


def write(file: Path, lines: list[day_pb2.DayLine]) -> None:
    columns = ("request_id", "act_kind", "settlement_id", "bill_number", *AMOUNTS)
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        for line in lines:
            kind = day_pb2.DayActKind.Name(line.act_kind).removeprefix("DAY_ACT_KIND_")
            values = [getattr(line, name) for name in columns]
            writer.writerow([values[0].upper(), kind, *values[2:]])


def test_a_day_is_closed_from_a_file(
    services: BothServices,
    own: list[day_pb2.DayLine],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("yibao_cli.day_close.LINES_A_PART", 2)
    own += [settle(services) for _ in range(3)]
    services.clock.advance(seconds=61)
    file, report = tmp_path / "day.csv", tmp_path / "differences.csv"
    # In whatever order the institution has them.
    write(file, own[::-1])
    balanced = close(services, file)
    assert (balanced.exit_code, balanced.stdout.splitlines()[-1]) == (0, "balanced")
    lost = day_pb2.DayLine(
        request_id=new_id(), act_kind=SETTLED, bill_number="B99", total_fen=1_500, cash_fen=1_500
    )
    write(file, [*own[:-1], own[0], lost])
    differs = close(services, file, "--report", str(report))
    assert (differs.exit_code, differs.stdout.splitlines()[-1]) == (1, "3 differences")
    with report.open(encoding="utf-8-sig", newline="") as stream:
        rows = {row["request_id"]: row for row in csv.DictReader(stream)}
    assert {row["difference"] for row in rows.values()} == {
        *("MISSING_AT_INSURER", "MISSING_AT_INSTITUTION", "DUPLICATE")
    }
    assert rows[lost.request_id]["outcome"] == "NOT_BOOKED"
    assert rows[own[-1].request_id]["acted_by"] == f"institution/{HOSPITAL}"
    assert rows[own[-1].request_id]["insurer_total_fen"] == str(own[-1].total_fen)


def test_what_is_no_file_of_acts_is_told_and_not_sent(
    services: BothServices, tmp_path: Path
) -> None:
    file = tmp_path / "day.csv"
    for text, told in (
        ("request_id,total_fen\n", "lacks the columns act_kind"),
        ("request_id,act_kind,total_fen,fund_total_fen,account_fen,cash_fen\n1,x,,,,\n", "row 2"),
    ):
        file.write_text(text, encoding="utf-8")
        ended = close(services, file)
        assert ended.exit_code == 2
        assert told in ended.stderr
    assert close(services, tmp_path / "none.csv").exit_code == 2
    write(file, [])
    refused = close(services, file, name="maker")
    assert refused.exit_code == 2
    assert "FIELD_REQUIRED" in refused.stderr


def test_a_report_does_not_take_the_place_of_the_day(
    services: BothServices, tmp_path: Path
) -> None:
    file = tmp_path / "day.csv"
    write(file, [])
    before = file.read_bytes()
    ended = close(services, file, "--report", str(file))
    assert (ended.exit_code, file.read_bytes()) == (2, before)
    assert "is the file of the day; name another one" in ended.stderr


def test_a_refusal_tells_with_what_the_command_ends(services: BothServices, tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    write(file, [])
    # An app compares no days: it has no counter.
    ended = close(services, file, "--json", name="channel")
    assert ended.exit_code == 2
    assert json.loads(ended.stderr)["error"]["exit_code"] == 2

"""`yibao day close`: a day's acts of an institution, compared with the insurer's."""

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import grpc
from rich.console import Console

from yibao.errors import error_of
from yibao.settlement.v1 import clearing_service_pb2 as pb
from yibao.settlement.v1 import day_pb2
from yibao.settlement.v1.clearing_service_pb2_grpc import ClearingServiceStub
from yibao_cli.call import UNUSABLE, show_refusal, to_values
from yibao_cli.connection import Connection
from yibao_cli.day_csv import (
    AMOUNTS,
    act_name,
    kind_name,
    outcome_name,
    read_lines,
    write_report,
)
from yibao_cli.inputs import check_written
from yibao_cli.output import is_json, print_document
from yibao_common.rpc.wire import from_date, to_instant

BALANCED, DIFFERS = 0, 1
# What a call holds at most: a service takes 10,000 lines, and by default 1 MB.
LINES_A_PART = 10_000
BYTES_A_PART = 800_000
# What a line takes in a message beside itself.
_FRAME_BYTES = 4
# Of more differences the first are shown; a report has them all.
_MOST_SHOWN = 100


class Part(NamedTuple):
    """Lines of a range of request ids: behind `after`, up to and with `until`."""

    after: str
    until: str
    lines: Sequence[day_pb2.DayLine]


class Compared:
    """What parts came to so far."""

    def __init__(self) -> None:
        """Begins with nothing."""
        self.differences: list[day_pb2.DayDifference] = []
        self.insurer = day_pb2.DaySide()
        self.institution = day_pb2.DaySide()

    def add(self, answer: pb.CompareDayResponse) -> None:
        """Adds what a part, or the first of it, came to."""
        self.differences.extend(answer.differences)
        for total, side in (
            (self.insurer, answer.insurer),
            (self.institution, answer.institution),
        ):
            for name in ("act_count", *AMOUNTS):
                setattr(total, name, getattr(total, name) + getattr(side, name))


def run_close(
    out: Console,
    err: Console,
    at: Connection,
    file: Path,
    day: dt.date,
    *,
    report: Path | None,
    encoding: str,
    seconds: float,
) -> int:
    """Compares a file with the insurer; returns 0 balanced, 1 with differences, 2 not compared.

    Raises:
        StartError: the file, a certificate or the address cannot be used.
        OSError: a file is not there, or the report cannot be written.
    """
    if report is not None:
        check_written("--report", report, file, of="the day")
    lines = read_lines(file, encoding=encoding)
    with at.open() as channel:
        try:
            stub = ClearingServiceStub(channel)
            request = pb.GetDayTotalsRequest(region=at.region, act_date=from_date(day))
            totals = stub.GetDayTotals(request, timeout=seconds)
            compared = compare_parts(stub, request, lines, totals, seconds=seconds)
        except grpc.RpcError as error:
            show_refusal(err, error_of(error), exit_code=UNUSABLE)
            return UNUSABLE
    if report is not None:
        write_report(report, compared.differences)
    if is_json():
        print_document(out, _document(totals, compared))
    else:
        _show(out, totals, compared)
    return DIFFERS if compared.differences else BALANCED


def compare_parts(
    stub: ClearingServiceStub,
    day: pb.GetDayTotalsRequest,
    lines: Sequence[day_pb2.DayLine],
    totals: pb.GetDayTotalsResponse,
    *,
    seconds: float,
) -> Compared:
    """Returns what all parts of a day come to, all of the snapshot of its totals."""
    compared = Compared()
    for part in parts_of(lines):
        rest: Part | None = part
        while rest is not None:
            request = pb.CompareDayRequest(
                region=day.region,
                act_date=day.act_date,
                snapshot_time=totals.snapshot_time,
                after_request_id=rest.after,
                until_request_id=rest.until,
                acts=rest.lines,
            )
            answer = stub.CompareDay(request, timeout=seconds)
            compared.add(answer)
            reached = answer.compared_until_request_id
            left = [line for line in rest.lines if line.request_id > reached]
            rest = Part(reached, rest.until, left) if reached else None
    return compared


def parts_of(lines: Sequence[day_pb2.DayLine]) -> Iterator[Part]:
    """Yields lines, which are in order, in parts; those of one request stay together."""
    after, size = "", 0
    part: list[day_pb2.DayLine] = []
    for place, line in enumerate(lines):
        own = line.ByteSize() + _FRAME_BYTES
        is_full = len(part) >= LINES_A_PART or size + own > BYTES_A_PART
        if part and is_full and line.request_id != lines[place - 1].request_id:
            yield Part(after, part[-1].request_id, part)
            after, part, size = part[-1].request_id, [], 0
        part.append(line)
        size += own
    yield Part(after, "", part)


def _document(totals: pb.GetDayTotalsResponse, compared: Compared) -> dict[str, object]:
    """Returns all that was compared, for programs."""
    return {
        "totals": to_values(totals),
        "institution": to_values(compared.institution),
        "insurer": to_values(compared.insurer),
        "differences": [to_values(each) for each in compared.differences],
    }


def _show(out: Console, totals: pb.GetDayTotalsResponse, compared: Compared) -> None:
    snapshot = to_instant(totals.snapshot_time).isoformat(timespec="milliseconds")
    rows = [("", "institution", "insurer", "difference")]
    for name in ("act_count", *AMOUNTS):
        own, insurer = getattr(compared.institution, name), getattr(compared.insurer, name)
        tell = str if name == "act_count" else _yuan
        label = name.removesuffix("_fen").replace("_", " ")
        rows.append((label, tell(own), tell(insurer), tell(own - insurer)))
    for row in rows:
        _print(out, f"{row[0]:<12}{row[1]:>18}{row[2]:>18}{row[3]:>18}")
    _print(out, f"Acts before {snapshot} are compared.")
    for difference in compared.differences[:_MOST_SHOWN]:
        _print(out, _line(difference))
    more = len(compared.differences) - _MOST_SHOWN
    if more > 0:
        _print(out, f"and {more} more")
    count = len(compared.differences)
    _print(out, "balanced" if not count else f"{count} differences")


def _line(difference: day_pb2.DayDifference) -> str:
    parts = [kind_name(difference), difference.request_id]
    for side in ("institution", "insurer"):
        if difference.HasField(side):
            act = getattr(difference, side)
            sums = "/".join(_yuan(getattr(act, name)) for name in AMOUNTS)
            parts.append(f"{side} {act_name(act)} {act.bill_number or act.settlement_id} {sums}")
    if difference.HasField("insurer"):
        time = to_instant(difference.insurer.act_time).isoformat(timespec="seconds")
        parts.append(f"by {difference.insurer.acted_by} at {time}")
    if outcome := outcome_name(difference):
        parts.append(" ".join(filter(None, (outcome, difference.outcome_method))))
    return "  ".join(parts)


def _yuan(fen: int) -> str:
    sign, fen = "-" if fen < 0 else "", abs(fen)
    return f"{sign}{fen // 100}.{fen % 100:02d}"


def _print(out: Console, text: str) -> None:
    out.print(text, markup=False, soft_wrap=True, highlight=False)

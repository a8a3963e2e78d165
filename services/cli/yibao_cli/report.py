"""`yibao report`: an agency's figures of its region, on a screen, as a document or as CSV."""

import csv as csv_files
import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path

import grpc
from rich.console import Console

from yibao.errors import error_of
from yibao.settlement.v1 import report_pb2, review_pb2
from yibao.settlement.v1 import report_service_pb2 as pb
from yibao.settlement.v1.report_service_pb2_grpc import ReportServiceStub
from yibao_cli.call import REFUSED, show_refusal, to_values
from yibao_cli.connection import Connection
from yibao_cli.output import is_json, print_document
from yibao_cli.report_kinds import ActsBy, RefusalsBy, number_of
from yibao_cli.whole_file import whole_csv
from yibao_common.rpc.wire import from_date, to_instant
from yibao_common.values.calendar import SHANGHAI
from yibao_common.values.money import yuan

_COUNTS = ("settled_count", "reversed_count", "refunded_count", "corrected_count")
_AMOUNTS = ("total_fen", "fund_total_fen", "account_fen", "cash_fen")
# A page of a list as this asks for it; a screen has no more lines.
_PAGE, _MOST_SHOWN = 1_000, 40

Days = tuple[dt.date, dt.date]


def run_acts(
    out: Console,
    err: Console,
    at: Connection,
    days: Days,
    by: ActsBy,
    institution_id: str,
    *,
    csv: Path | None,
    seconds: float,
) -> int:
    """Tells what acts come to; returns 0, or 1 where the service did not tell it.

    Raises:
        StartError: a certificate or the address cannot be used.
        OSError: the CSV file cannot be written.
    """
    with at.open() as channel:
        try:
            stub = ReportServiceStub(channel)
            figures, last = all_figures(stub, at.region, days, by, institution_id, seconds=seconds)
        except grpc.RpcError as error:
            show_refusal(err, error_of(error))
            return REFUSED
    if csv is not None:
        columns = ("key", *_COUNTS, *_AMOUNTS)
        _write_csv(csv, columns, ([getattr(each, c) for c in columns] for each in figures))
    if is_json():
        snapshot = last.snapshot_time.ToJsonString()
        told = [to_values(each) for each in figures]
        total = to_values(last.total)
        print_document(out, {"figures": told, "total": total, "snapshot_time": snapshot})
        return 0
    _show_acts(out, by, figures, last)
    return 0


def all_figures(
    stub: ReportServiceStub,
    region: str,
    days: Days,
    by: ActsBy,
    institution_id: str = "",
    *,
    seconds: float,
) -> tuple[list[report_pb2.ActFigure], pb.ListActFiguresResponse]:
    """Returns all figures of one snapshot, and the last page with the total."""
    start, end = map(from_date, days)
    request = pb.ListActFiguresRequest(
        region=region,
        start_date=start,
        end_date=end,
        figure_by=report_pb2.FigureBy.ValueType(number_of(by)),
        institution_id=institution_id,
        page_size=_PAGE,
    )
    figures: list[report_pb2.ActFigure] = []
    while True:
        page = stub.ListActFigures(request, timeout=seconds)
        figures.extend(page.figures)
        if not page.next_page_token:
            return figures, page
        request.snapshot_time.CopyFrom(page.snapshot_time)
        request.page_token = page.next_page_token


def run_refusals(
    out: Console,
    err: Console,
    at: Connection,
    days: Days,
    by: RefusalsBy,
    institution_id: str,
    *,
    csv: Path | None,
    seconds: float,
) -> int:
    """Tells what was refused; as `run_acts`."""
    start, end = map(from_date, days)
    request = pb.ListRefusalFiguresRequest(
        region=at.region,
        start_date=start,
        end_date=end,
        refusal_by=report_pb2.RefusalBy.ValueType(number_of(by)),
        institution_id=institution_id,
    )
    with at.open() as channel:
        try:
            answer = ReportServiceStub(channel).ListRefusalFigures(request, timeout=seconds)
        except grpc.RpcError as error:
            show_refusal(err, error_of(error))
            return REFUSED
    if csv is not None:
        columns = ("key", "refusal_count")
        _write_csv(csv, columns, ([each.key, each.refusal_count] for each in answer.figures))
    if is_json():
        print_document(out, to_values(answer))
        return 0
    for each in answer.figures[:_MOST_SHOWN]:
        _print(out, f"{each.refusal_count:>10,}  {each.key or '(no institution)'}")
    _tell_more(out, len(answer.figures))
    _print(out, f"{answer.refusal_count:>10,}  refusals")
    return 0


def run_position(
    out: Console, err: Console, at: Connection, day: dt.date | None, *, seconds: float
) -> int:
    """Tells where the region stands; as `run_acts`."""
    request = pb.GetRegionPositionRequest(
        region=at.region, date=None if day is None else from_date(day)
    )
    with at.open() as channel:
        try:
            answer = ReportServiceStub(channel).GetRegionPosition(request, timeout=seconds)
        except grpc.RpcError as error:
            show_refusal(err, error_of(error))
            return REFUSED
    if is_json():
        print_document(out, to_values(answer.position))
        return 0
    found = answer.position
    instant = to_instant(found.fund_time).astimezone(SHANGHAI).isoformat(" ", "seconds")
    _print(out, f"Funds at {instant}")
    for fund in found.funds:
        _print(out, f"  {fund.fund_type:<12}{money(fund.balance_fen):>22}")
    _print(out, "By now")
    for text, count, fen in (
        ("persons are owed", found.owed_person_count, found.owed_fen),
        ("persons owe", found.owing_person_count, found.owing_fen),
    ):
        _print(out, f"{count:>10,} {text:<24}{money(fen):>18}")
    for review in found.reviews:
        state = review_pb2.ReviewState.Name(review.state).removeprefix("REVIEW_STATE_").lower()
        text = f"reviews {state}"
        _print(out, f"{review.review_count:>10,} {text:<24}{money(review.total_fen):>18}")
    _print(out, f"{found.hold_count:>10,} bills held")
    return 0


def _show_acts(
    out: Console,
    by: ActsBy,
    figures: Sequence[report_pb2.ActFigure],
    last: pb.ListActFiguresResponse,
) -> None:
    heads = ("settled", "reversed", "refunded", "corrected")
    sums = ("total", "funds", "account", "cash") if by is not ActsBy.FUND else ("", "fund", "", "")
    widths = (*(10 for _ in heads), *(18 if text else 0 for text in sums))
    _print(out, _row(by.value, (*heads, *sums), widths))
    for each in figures[:_MOST_SHOWN]:
        _print(out, _row(each.key, _cells(each), widths))
    _tell_more(out, len(figures))
    if by is not ActsBy.FUND:
        _print(out, _row("together", _cells(last.total), widths))
    snapshot = to_instant(last.snapshot_time).astimezone(SHANGHAI).isoformat(" ", "seconds")
    _print(out, f"Acts before {snapshot}.")


def _cells(figure: report_pb2.ActFigure) -> tuple[str, ...]:
    counts = (f"{getattr(figure, name):,}" for name in _COUNTS)
    return (*counts, *(money(getattr(figure, name)) for name in _AMOUNTS))


def _row(key: str, cells: Iterable[str], widths: Iterable[int]) -> str:
    shown = (f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True) if width)
    return f"{key:<16}{''.join(shown)}"


def money(fen: int) -> str:
    """Returns an amount in yuan for people, by thousands: 1234567 -> `12,345.67`."""
    text = yuan(abs(fen))
    whole, _, rest = text.partition(".")
    return f"{'-' if fen < 0 else ''}{int(whole):,}.{rest}"


def _tell_more(out: Console, count: int) -> None:
    if count > _MOST_SHOWN:
        _print(out, f"and {count - _MOST_SHOWN} more; --csv or --json has them all")


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with whole_csv(path) as file:
        writer = csv_files.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def _print(out: Console, text: str) -> None:
    out.print(text, markup=False, soft_wrap=True, highlight=False)

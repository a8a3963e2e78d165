"""A month of a region on a page of HTML: bars by day, fund, institution and care type."""

import calendar
import datetime as dt
import html as html_text
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import grpc
from rich.console import Console

from yibao.errors import error_of
from yibao.settlement.v1 import report_pb2
from yibao.settlement.v1.report_service_pb2_grpc import ReportServiceStub
from yibao_cli.call import REFUSED, show_refusal
from yibao_cli.connection import Connection
from yibao_cli.output import is_json, print_document
from yibao_cli.report import all_figures, money
from yibao_cli.report_kinds import ActsBy
from yibao_cli.whole_file import whole_file

_WIDTH, _HEIGHT, _LEFT, _LINE = 900, 220, 150, 22
# Of more rows those with most paid are drawn.
_MOST_BARS = 15
_STYLE = (
    "body{font:15px/1.5 'Noto Sans SC','Microsoft YaHei',sans-serif;max-width:960px;margin:2rem "
    "auto;color:#222}h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}svg{width:100%;"
    "height:auto}text{font-size:12px;fill:#333}.fund{fill:#2f6f9f}.rest{fill:#c9d7e2}"
    ".less{fill:#b5533c}table{border-collapse:collapse}td,th{padding:.2rem .9rem;text-align:right}"
    "th{font-weight:600}td:first-child,th:first-child{text-align:left}"
)
_PARTS = (
    (ActsBy.FUND, "各基金支付", False),
    (ActsBy.INSTITUTION, "定点医药机构", True),
    (ActsBy.CARE_TYPE, "医疗类别", True),
    (ActsBy.INSURANCE_TYPE, "险种", True),
)


class Bar(NamedTuple):
    """A row: what the funds pay of what was charged, in fen; either may be negative."""

    key: str
    fund_fen: int
    total_fen: int


def run_month(
    out: Console, err: Console, at: Connection, month: dt.date, file: Path, *, seconds: float
) -> int:
    """Writes the page; returns 0, or 1 where the service did not tell the figures.

    Raises:
        StartError: a certificate or the address cannot be used.
        StartError: the page cannot be written.
    """
    start = month.replace(day=1)
    end = month.replace(day=calendar.monthrange(month.year, month.month)[1])
    with at.open() as channel:
        stub = ReportServiceStub(channel)
        try:
            days, last = all_figures(stub, at.region, (start, end), ActsBy.DAY, seconds=seconds)
            parts = [
                (
                    title,
                    has_total,
                    all_figures(stub, at.region, (start, end), by, seconds=seconds)[0],
                )
                for by, title, has_total in _PARTS
            ]
        except grpc.RpcError as error:
            show_refusal(err, error_of(error))
            return REFUSED
    with whole_file(file, encoding="utf-8") as stream:
        stream.write(_page(at.region, start, end, days, last.total, parts))
    if is_json():
        print_document(out, {"file": str(file)})
    else:
        out.print(f"{file} written", markup=False, soft_wrap=True, highlight=False)
    return 0


def _page(
    region: str,
    start: dt.date,
    end: dt.date,
    days: Sequence[report_pb2.ActFigure],
    total: report_pb2.ActFigure,
    parts: Sequence[tuple[str, bool, Sequence[report_pb2.ActFigure]]],
) -> str:
    title = f"{region} 医保基金月报 {start:%Y年%m月}"
    body = [
        f"<h1>{title}</h1>",
        _summary(total),
        "<h2>每日医疗费总额，其中基金支付（元）</h2>",
        _daily(start, end, {each.key: each for each in days}),
    ]
    for heading, has_total, figures in parts:
        bars = [_bar(each, has_total=has_total) for each in figures]
        body += [f"<h2>{heading}（元）</h2>", _rows(bars)]
    return (
        f'<!doctype html>\n<html lang="zh-CN">\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>{_STYLE}</style>\n" + "\n".join(body) + "\n</html>\n"
    )


def _summary(total: report_pb2.ActFigure) -> str:
    heads = (
        "结算",
        "撤销",
        "退费",
        "更正",
        "医疗费总额",
        "基金支付",
        "个人账户支出",
        "个人现金支出",
    )
    counts = (
        total.settled_count,
        total.reversed_count,
        total.refunded_count,
        total.corrected_count,
    )
    sums = (total.total_fen, total.fund_total_fen, total.account_fen, total.cash_fen)
    cells = [f"{each:,}" for each in counts] + [money(each) for each in sums]
    head = "".join(f"<th>{each}</th>" for each in heads)
    return f"<table><tr>{head}</tr><tr>{''.join(f'<td>{each}</td>' for each in cells)}</tr></table>"


def _bar(figure: report_pb2.ActFigure, *, has_total: bool) -> Bar:
    fund = figure.fund_total_fen
    return Bar(figure.key, fund, figure.total_fen if has_total else fund)


def _daily(start: dt.date, end: dt.date, days: dict[str, report_pb2.ActFigure]) -> str:
    """Draws a column for each day; one on which more was taken back stands below the line."""
    count = (end - start).days + 1
    figures = [days.get(str(start + dt.timedelta(days=at))) for at in range(count)]
    bars = [Bar("", 0, 0) if each is None else _bar(each, has_total=True) for each in figures]
    most = max((max(each.total_fen, each.fund_fen) for each in bars), default=0)
    least = min((min(each.total_fen, each.fund_fen) for each in bars), default=0)
    scale = (_HEIGHT - 40) / max(most - min(least, 0), 1)
    zero = 10 + max(most, 0) * scale
    step = (_WIDTH - 90) / count
    drawn = [f'<line x1="80" x2="{_WIDTH}" y1="{zero:.1f}" y2="{zero:.1f}" stroke="#999"/>']
    drawn.append(f'<text x="0" y="16">{money(most)}</text>')
    for at, bar in enumerate(bars):
        x = 84 + at * step
        for name, fen in (("rest", bar.total_fen), ("fund", bar.fund_fen)):
            height = abs(fen) * scale
            top = zero - height if fen > 0 else zero
            kind = name if fen > 0 else "less"
            told = f"<title>{start + dt.timedelta(days=at)} {money(fen)}</title>"
            drawn.append(
                f'<rect class="{kind}" x="{x:.1f}" y="{top:.1f}" width="{step * 0.8:.1f}" '
                f'height="{height:.1f}">{told}</rect>'
            )
        drawn.append(f'<text x="{x:.1f}" y="{_HEIGHT - 8}">{at + 1}</text>')
    return _svg(_HEIGHT, drawn)


def _rows(bars: Sequence[Bar]) -> str:
    """Draws a line for each key, those with most first."""
    ordered = sorted(bars, key=lambda each: (-abs(each.total_fen), each.key))[:_MOST_BARS]
    most = max((abs(each.total_fen) for each in ordered), default=0) or 1
    room = _WIDTH - _LEFT - 170
    drawn = []
    for at, bar in enumerate(ordered):
        y = at * _LINE
        drawn.append(f'<text x="0" y="{y + 15}">{html_text.escape(bar.key)}</text>')
        for name, fen in (("rest", bar.total_fen), ("fund", bar.fund_fen)):
            width = min(abs(fen) / most, 1) * room
            kind = name if fen >= 0 else "less"
            drawn.append(
                f'<rect class="{kind}" x="{_LEFT}" y="{y + 3}" width="{width:.1f}" height="15"/>'
            )
        end = _LEFT + max(abs(bar.total_fen), abs(bar.fund_fen)) / most * room
        drawn.append(f'<text x="{end + 8:.1f}" y="{y + 15}">{money(bar.total_fen)}</text>')
    if len(bars) > _MOST_BARS:
        y = len(ordered) * _LINE + 15
        drawn.append(f'<text x="0" y="{y}">另有 {len(bars) - _MOST_BARS} 项</text>')
    return _svg((len(drawn) and len(ordered) * _LINE) + 24, drawn)


def _svg(height: int, drawn: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" xmlns="http://www.w3.org/2000/svg" role="img">'
        + "".join(drawn)
        + "</svg>"
    )

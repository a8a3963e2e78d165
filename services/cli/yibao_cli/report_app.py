"""The commands of `yibao report`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from yibao_cli.command_line import App
from yibao_cli.connection import Connection, takes_connection
from yibao_cli.options import Json, Timeout
from yibao_cli.report_kinds import ActsBy, RefusalsBy

app = App(help="An agency's figures of its region: acts, refusals, and where the funds stand.")

_DAYS = ["%Y-%m-%d", "%Y%m%d"]
First = Annotated[
    datetime,
    typer.Option("--from", help="The first day in Asia/Shanghai.", formats=_DAYS, metavar="DAY"),
]
Last = Annotated[
    datetime | None,
    typer.Option("--to", help="The last one; the first if absent.", formats=_DAYS, metavar="DAY"),
]
Institution = Annotated[
    str, typer.Option(help="Of one institution alone.", metavar="INSTITUTION_ID")
]
Csv = Annotated[
    Path | None, typer.Option("--csv", help="Where all figures go too, as CSV.", metavar="FILE")
]


@app.command()
@takes_connection("settlement", region="The pooling region.")
def acts(
    at: Connection,
    start: First,
    end: Last = None,
    by: Annotated[ActsBy, typer.Option(help="What they are told by.")] = ActsBy.DAY,
    institution: Institution = "",
    csv: Csv = None,
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Tell what bills, reversals, refunds and corrections of some days come to."""
    from yibao_cli.console import ends_on_signals, err, out, told_plainly
    from yibao_cli.report import run_acts

    with told_plainly(), ends_on_signals():
        days = (start.date(), (end or start).date())
        code = run_acts(out, err, at, days, by, institution, csv=csv, seconds=timeout)
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region="The pooling region.")
def refusals(
    at: Connection,
    start: First,
    end: Last = None,
    by: Annotated[RefusalsBy, typer.Option(help="What they are told by.")] = RefusalsBy.REASON,
    institution: Institution = "",
    csv: Csv = None,
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Tell how often calls were refused on some days, most often first."""
    from yibao_cli.console import ends_on_signals, err, out, told_plainly
    from yibao_cli.report import run_refusals

    with told_plainly(), ends_on_signals():
        days = (start.date(), (end or start).date())
        code = run_refusals(out, err, at, days, by, institution, csv=csv, seconds=timeout)
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region="The pooling region.")
def position(
    at: Connection,
    day: Annotated[
        datetime | None,
        typer.Option(
            help="At whose end funds are told; now if absent.", formats=_DAYS, metavar="DAY"
        ),
    ] = None,
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Tell what the funds have, what lies between them and persons, and what is under review."""
    from yibao_cli.console import ends_on_signals, err, out, told_plainly
    from yibao_cli.report import run_position

    with told_plainly(), ends_on_signals():
        code = run_position(out, err, at, day.date() if day else None, seconds=timeout)
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region="The pooling region.")
def month(
    at: Connection,
    month: Annotated[
        datetime,
        typer.Argument(help="Such as 2026-11.", formats=["%Y-%m", "%Y%m"], metavar="MONTH"),
    ],
    html: Annotated[Path, typer.Option("--html", help="Where the page goes.", metavar="FILE")],
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Draw a month on a page: what was paid day by day, by fund, institution and care type."""
    from yibao_cli.console import ends_on_signals, err, out, told_plainly
    from yibao_cli.report_page import run_month

    with told_plainly(), ends_on_signals():
        code = run_month(out, err, at, month.date(), html, seconds=timeout)
    raise typer.Exit(code)

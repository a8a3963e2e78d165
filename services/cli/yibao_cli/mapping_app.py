"""The commands of `yibao mapping`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from yibao_cli.command_line import App
from yibao_cli.connection import Connection, takes_connection
from yibao_cli.options import Json, Timeout

app = App(help="An institution's own codes of items, mapped to the catalogue.")

_REGION = "The pooling region that pays."
_DAYS = ["%Y-%m-%d", "%Y%m%d"]
Institution = Annotated[
    str, typer.Option(help="Of this institution; an agency names one.", metavar="CODE")
]
Encoding = Annotated[str, typer.Option(help="Of the file, such as gb18030.", metavar="NAME")]
State = Literal["pending", "in_force", "rejected", "cancelled"]


@app.command()
@takes_connection("settlement", region=_REGION)
def upload(
    at: Connection,
    file: Annotated[Path, typer.Argument(help="The CSV file of what is mapped.", metavar="FILE")],
    report: Annotated[
        Path | None, typer.Option(help="Where what became of rows goes, as CSV.", metavar="FILE")
    ] = None,
    encoding: Encoding = "utf-8-sig",
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Upload mappings, each row on its own; what is stored already is answered with its mapping.

    Ends with 0 where all rows are stored, 1 where some are refused, 2 where nothing was sent.
    """
    from yibao_cli.console import ends_on_signals, err, out, told_plainly
    from yibao_cli.mapping import run_upload

    with told_plainly(), ends_on_signals():
        code = run_upload(out, err, at, file, report=report, encoding=encoding, seconds=timeout)
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region=_REGION)
def check(
    at: Connection,
    file: Annotated[
        Path, typer.Argument(help="The CSV file of what is to be charged.", metavar="FILE")
    ],
    day: Annotated[
        datetime | None,
        typer.Option(
            help="The charge day of rows that say none; today.", formats=_DAYS, metavar="DAY"
        ),
    ] = None,
    institution: Institution = "",
    encoding: Encoding = "utf-8-sig",
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Tell which own codes are unmapped, or mapped to what does not fit.

    Ends with 0 where nothing was found, 1 where something was, 2 where nothing was checked.
    """
    from yibao_cli.console import ends_on_signals, err, out, told_plainly
    from yibao_cli.mapping import run_check
    from yibao_common.values.calendar import shanghai_day
    from yibao_common.values.clock import system_clock

    today = shanghai_day(system_clock())
    with told_plainly(), ends_on_signals():
        code = run_check(
            out,
            err,
            at,
            file,
            day=today if day is None else day.date(),
            institution_id=institution,
            encoding=encoding,
            seconds=timeout,
        )
    raise typer.Exit(code)


@app.command("list")
@takes_connection("settlement", region=_REGION)
def list_(
    at: Connection,
    code: Annotated[str, typer.Option(help="Of this own code.", metavar="CODE")] = "",
    item: Annotated[str, typer.Option(help="To this item.", metavar="CODE")] = "",
    state: Annotated[State | None, typer.Option(help="In this state.")] = None,
    day: Annotated[
        datetime | None,
        typer.Option(help="What lines charged on this day take.", formats=_DAYS, metavar="DAY"),
    ] = None,
    institution: Institution = "",
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """List mappings, the one uploaded first at the head."""
    from yibao_cli.console import err, out, told_plainly
    from yibao_cli.mapping import list_request, run_list

    request = list_request(
        code=code,
        item=item,
        state=state or "",
        day=None if day is None else day.date(),
        institution_id=institution,
    )
    with told_plainly():
        code_ = run_list(out, err, at, request, seconds=timeout)
    raise typer.Exit(code_)

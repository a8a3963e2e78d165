"""The commands of `yibao day`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from yibao_cli.command_line import App
from yibao_cli.connection import Connection, takes_connection
from yibao_cli.options import Json, Timeout

app = App(help="An institution's days, compared with the insurer's.")

Day = Annotated[
    datetime,
    typer.Option(help="The day in Asia/Shanghai.", formats=["%Y-%m-%d", "%Y%m%d"], metavar="DAY"),
]


@app.command()
@takes_connection("settlement", region="The pooling region that pays.")
def close(
    at: Connection,
    file: Annotated[
        Path, typer.Argument(help="The CSV file of the institution's own acts.", metavar="FILE")
    ],
    day: Day,
    report: Annotated[
        Path | None, typer.Option(help="Where all differences go too, as CSV.", metavar="FILE")
    ] = None,
    encoding: Annotated[
        str, typer.Option(help="Of the file, such as gb18030.", metavar="NAME")
    ] = "utf-8-sig",
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Compare a day with the insurer: sums beside each other, and every difference.

    Ends with 0 where the day is balanced, 1 where something differs, 2 where it was not compared.
    """
    from yibao_cli.console import ends_on_signals, err, out, told_plainly
    from yibao_cli.day_close import run_close

    with told_plainly(), ends_on_signals():
        code = run_close(
            out, err, at, file, day.date(), report=report, encoding=encoding, seconds=timeout
        )
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region="The pooling region where the institution is.")
def regions(
    at: Connection,
    day: Day,
    institution: Annotated[
        str, typer.Option(help="The institution; an agency names it.", metavar="ID")
    ] = "",
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Show with which regions an institution closes a day: those that insure whom it treated.

    Close the day with each of them by `yibao day close --region`.
    """
    from yibao_cli.console import ends_on_signals, err, out, told_plainly
    from yibao_cli.day_regions import run_regions

    with told_plainly(), ends_on_signals():
        code = run_regions(out, err, at, day.date(), institution_id=institution, seconds=timeout)
    raise typer.Exit(code)

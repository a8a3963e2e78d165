"""The commands of `yibao persons`."""

from pathlib import Path
from typing import Annotated

import typer

from yibao_cli.command_line import App
from yibao_cli.connection import Connection, takes_connection
from yibao_cli.options import Json

app = App(help="Insured persons.")


@app.command("import")
@takes_connection("identity", region="The pooling region that insures them.")
def import_persons(
    at: Connection,
    file: Annotated[
        Path,
        typer.Argument(help="The CSV file; its first line names the columns.", metavar="FILE"),
    ],
    report: Annotated[
        Path | None, typer.Option(help="Where the report goes; FILE.report.csv if absent.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Such as gb18030.")] = "utf-8-sig",
    as_json: Json = False,
) -> None:
    """Register the persons of a CSV file, with a report of each row.

    Run the same command again after an interruption: it goes on where it was.
    """
    from yibao_cli.console import ends_on_signals, out, told_plainly
    from yibao_cli.persons_import import run_import

    with told_plainly(), ends_on_signals():
        code = run_import(
            out,
            file,
            report=report or file.parent / f"{file.name}.report.csv",
            encoding=encoding,
            at=at,
        )
    raise typer.Exit(code)

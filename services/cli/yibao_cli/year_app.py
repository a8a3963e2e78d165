"""The commands of `yibao year`."""

from pathlib import Path
from typing import Annotated

import typer

from yibao_cli.command_line import App
from yibao_cli.connection import Connection, takes_connection
from yibao_cli.options import Json

app = App(help="Annual closes of benefit years and of their accounts, for the agency.")

_REGION = "The pooling region of the year."
Year = Annotated[int, typer.Argument(help="The benefit year.", min=1998, max=2999, metavar="YEAR")]


@app.command()
@takes_connection("settlement", region=_REGION)
def propose(
    at: Connection,
    year: Year,
    rules: Annotated[
        Path | None,
        typer.Option(
            help="Interest and counters: proposes to close the year's accounts by them.",
            metavar="FILE",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Propose to close a year, or with --rules the accounts of one that is closed."""
    from yibao_cli.console import err, out, told_plainly
    from yibao_cli.year_close import run_propose

    with told_plainly():
        code = run_propose(out, err, at, year, rules=rules)
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region=_REGION)
def confirm(
    at: Connection,
    year: Year,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Confirm what another operator proposed of a year, once its sums are read."""
    from yibao_cli.console import err, out, told_plainly
    from yibao_cli.year_close import run_confirm

    with told_plainly():
        code = run_confirm(out, err, at, year, is_asked=not yes)
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region=_REGION)
def show(
    at: Connection,
    year: Year,
    watch: Annotated[
        bool, typer.Option("--watch", help="Until all that was confirmed is done.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show how far a year's close is: statements, then accounts.

    With --watch it ends with 0 once all is done, 1 where an account or a statement cannot be read.
    """
    from yibao_cli.console import ends_on_signals, err, out, told_plainly
    from yibao_cli.year_close import run_show

    with told_plainly(), ends_on_signals():
        code = run_show(out, err, at, year, is_watched=watch)
    raise typer.Exit(code)

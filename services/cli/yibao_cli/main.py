"""The `yibao` command. Each command imports what it needs when it runs."""

import io
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from yibao_cli import about, account_app, call_app, db_app, persons_app, try_app
from yibao_cli.catalogue.app import app as catalogue_app
from yibao_cli.command_line import App
from yibao_cli.connection import ContextName
from yibao_cli.contexts.app import app as contexts_app
from yibao_cli.day_app import app as day_app
from yibao_cli.due.command import due
from yibao_cli.institution_app import app as institution_app
from yibao_cli.keys.app import app as keys_app
from yibao_cli.mapping_app import app as mapping_app
from yibao_cli.month_orders_app import month_app
from yibao_cli.output import UNUSABLE, error_document, write_document
from yibao_cli.paper_app import app as paper_app
from yibao_cli.policy.app import app as policy_app
from yibao_cli.qr.app import app as qr_app
from yibao_cli.report_app import app as report_app
from yibao_cli.review_app import app as review_app
from yibao_cli.year_app import app as year_app

TRY, CALL, RUN, ITSELF = "Try it", "Call the services", "Run the services", "The command itself"

app = App(
    help="The yibao services: try them on this machine, run them, call them.",
    epilog="Exit codes: 0 done, 1 refused or something is wrong, 2 typed wrongly or not possible "
    "here, 130 interrupted. What a command takes: yibao COMMAND -h.",
    invoke_without_command=True,
)
app.command(rich_help_panel=TRY)(try_app.up)
app.command(rich_help_panel=TRY)(try_app.clock)
app.command(rich_help_panel=TRY)(try_app.demo)
app.command(cls=call_app.CallCommand, rich_help_panel=CALL)(call_app.call)
app.add_typer(contexts_app, name="context", rich_help_panel=CALL)
app.add_typer(persons_app.app, name="persons", rich_help_panel=CALL)
app.add_typer(policy_app, name="policy", rich_help_panel=CALL)
app.add_typer(catalogue_app, name="catalogue", rich_help_panel=CALL)
app.add_typer(review_app, name="review", rich_help_panel=CALL)
app.add_typer(day_app, name="day", rich_help_panel=CALL)
app.add_typer(year_app, name="year", rich_help_panel=CALL)
app.add_typer(mapping_app, name="mapping", rich_help_panel=CALL)
app.add_typer(institution_app, name="institution", rich_help_panel=CALL)
app.add_typer(account_app.app, name="account", rich_help_panel=CALL)
app.add_typer(report_app, name="report", rich_help_panel=CALL)
app.add_typer(month_app, name="month", rich_help_panel=CALL)
app.add_typer(paper_app, name="paper", rich_help_panel=CALL)
app.command(rich_help_panel=CALL)(due)
app.command(rich_help_panel=CALL)(call_app.statement)
app.add_typer(qr_app, name="qr", rich_help_panel=CALL)
app.command(rich_help_panel=RUN)(try_app.doctor)
app.add_typer(db_app.app, name="db", rich_help_panel=RUN)
app.add_typer(keys_app, name="keys", rich_help_panel=RUN)
app.command("help", rich_help_panel=ITSELF)(about.help_)
app.command(rich_help_panel=ITSELF)(about.version)
app.command(rich_help_panel=ITSELF)(about.completion)


def command_line() -> Callable[[], Any]:
    """Returns the command line, which takes a moment to be made of its parts."""
    return typer.main.get_command(app)


def main(run: Callable[[], Any] = app) -> None:
    """Runs the command line."""
    for stream in (sys.stdout, sys.stderr):
        # What the terminal's encoding lacks, such as a tick in GBK, is shown as a question mark.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    for place, argument in enumerate(sys.argv[1:], start=1):
        # Python keeps other bytes as what neither a message nor a line of output can hold.
        if argument.encode(errors="ignore").decode() != argument:
            _tell(f"argument {place} is not in UTF-8: set the terminal to it")
            raise SystemExit(2)
    try:
        try:
            run()
        finally:
            # Python has none where the program was started with a closed one.
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        # What is left of the output cannot be written when Python ends, either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        # Whoever read the output may have gone, which is no fault.
        if isinstance(error, BrokenPipeError):
            raise SystemExit(1) from None
        _tell(f"{error.filename or 'output'}: {error.strerror or error}")
        raise SystemExit(2) from None


def _tell(message: str) -> None:
    """Tells what keeps any command from its work; loads nothing for it."""
    if "--json" in sys.argv:
        write_document(sys.stderr, error_document(UNUSABLE, message, exit_code=2))
    else:
        typer.echo(message, err=True)


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    context: ContextName = "",
) -> None:
    if not __debug__:
        from yibao_common.process.program import OPTIMISED

        _tell(OPTIMISED)
        raise typer.Exit(2)
    if version:
        typer.echo(about.version_of_server())
        raise typer.Exit


if __name__ == "__main__":
    main()

"""The `yibao` command. Each command imports what it needs when it runs."""

import io
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from yibao_cli.day_app import app as day_app
from yibao_cli.keys.app import app as keys_app
from yibao_cli.options import UseProxy
from yibao_cli.policy.app import app as policy_app
from yibao_cli.qr.app import app as qr_app
from yibao_cli.review_app import app as review_app

app = typer.Typer(
    help="The yibao services on this machine: try them, check them, call them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
database_app = typer.Typer(help="Databases of the services.", no_args_is_help=True)
persons_app = typer.Typer(help="Insured persons.", no_args_is_help=True)
app.add_typer(database_app, name="db")
app.add_typer(qr_app, name="qr")
app.add_typer(policy_app, name="policy")
app.add_typer(persons_app, name="persons")
app.add_typer(keys_app, name="keys")
app.add_typer(review_app, name="review")
app.add_typer(day_app, name="day")

ConfigFiles = Annotated[
    list[Path] | None, typer.Option("--config", help="Configuration of a service; repeatable.")
]


def main() -> None:
    """Runs the command line."""
    for stream in (sys.stdout, sys.stderr):
        # What the terminal's encoding lacks, such as a tick in GBK, is shown as a question mark.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    for place, argument in enumerate(sys.argv[1:], start=1):
        # Python keeps other bytes as what neither a message nor a line of output can hold.
        if argument.encode(errors="ignore").decode() != argument:
            typer.echo(f"argument {place} is not in UTF-8: set the terminal to it", err=True)
            raise SystemExit(2)
    try:
        try:
            app()
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
        typer.echo(f"{error.filename or 'output'}: {error.strerror or error}", err=True)
        raise SystemExit(2) from None


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if not __debug__:
        from yibao_common.process.program import OPTIMISED

        typer.echo(OPTIMISED, err=True)
        raise typer.Exit(2)
    if version:
        from importlib.metadata import version as version_of

        typer.echo(version_of("yibao-server"))
        raise typer.Exit


@app.command()
def up(
    folder: Annotated[
        Path, typer.Option(help="Where certificates, keys, configurations and data lie.")
    ] = Path("var/yibao"),
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Erase the data of earlier runs in the folder first.")
    ] = False,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], typer.Option(help="The least to show.")
    ] = "warning",
) -> None:
    """Run all services on this machine, with a development CA, until Ctrl-C.

    Data of the last run are kept.
    """
    from yibao_cli.console import out, told_plainly
    from yibao_cli.up import run_up
    from yibao_common.values.clock import system_clock

    with told_plainly():
        code = run_up(out, folder, keep_data=not fresh, log_level=log_level, clock=system_clock)
    raise typer.Exit(code)


@app.command()
def demo(
    story: Annotated[
        Literal["bills", "credentials", "corrections"], typer.Argument(help="What to show.")
    ] = "bills",
) -> None:
    """Show the services at work and leave nothing behind.

    bills: walk published bills through all services and compare every amount.
    credentials: a card lost and replaced, codes verified offline, the issuer's key
    rotated and killed.
    corrections: a bill corrected, a later one at another hospital moved and paid out, a line
    returned.
    """
    from yibao_cli.console import ends_on_signals, out, told_plainly
    from yibao_cli.demo.command import run_demo
    from yibao_cli.demo.corrections_command import run_corrections
    from yibao_cli.demo.credentials_command import run_credentials
    from yibao_cli.loading import published_stays, read_regions
    from yibao_common.values.clock import system_clock

    with told_plainly(), ends_on_signals():
        if story == "corrections":
            code = run_corrections(out, read_regions(), clock=system_clock)
        else:
            run = run_demo if story == "bills" else run_credentials
            code = run(out, published_stays(), clock=system_clock)
    raise typer.Exit(code)


@app.command()
def doctor(
    config: ConfigFiles = None,
    ledger: Annotated[
        bool, typer.Option("--ledger", help="Prove on the live database that the books are right.")
    ] = False,
    person: Annotated[
        str | None, typer.Option(help="With --ledger: examine this person alone, by id.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="With --ledger: examine persons with bills or reversals since a day."),
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Prove that no row of the audit was altered.")
    ] = False,
    health: Annotated[bool, typer.Option(help="Ask each service whether it serves.")] = True,
) -> None:
    """Check configuration, files, certificates, databases and running services.

    Without --config it examines the sandbox in var/yibao.
    """
    from yibao_cli.console import out, told_plainly
    from yibao_cli.doctor.command import run_doctor
    from yibao_cli.doctor.ledger import ledger_scope
    from yibao_common.values.clock import system_clock

    with told_plainly():
        only = ledger_scope(person_id=person, since=since, now=system_clock())
        code = run_doctor(
            out,
            config or [],
            with_health=health,
            with_ledger=ledger or only is not None,
            with_audit=audit,
            clock=system_clock,
            only=only,
        )
    raise typer.Exit(code)


@app.command()
def statement(
    settlement_id: Annotated[str, typer.Argument(help="The settlement.")],
    file: Annotated[Path, typer.Argument(help="Where it goes: a .pdf, .html or .json.")],
    region: Annotated[str, typer.Option(help="The pooling region of the settlement.")],
    address: Annotated[str, typer.Option(help="host:port of the settlement service.")],
    ca: Annotated[Path, typer.Option(help="PEM of the CA that certifies the service.")],
    cert: Annotated[Path, typer.Option(help="PEM of the caller's certificate.")],
    key: Annotated[Path, typer.Option(help="PEM of the caller's key.")],
    name: Annotated[str, typer.Option(help="The person's name; a line to write on without.")] = "",
    number: Annotated[str, typer.Option(help="The number of the identity document.")] = "",
    copy: Annotated[bool, typer.Option("--copy", help="A copy for others, masked.")] = False,
    large: Annotated[bool, typer.Option("--large", help="In large print.")] = False,
    timeout: Annotated[
        float, typer.Option(help="Seconds to wait for the answer.", min=0.001, max=3_600)
    ] = 30.0,
    use_proxy: UseProxy = False,
) -> None:
    """Print the statement of a settlement into a file, on paper for the person."""
    from yibao_cli.console import err, out
    from yibao_cli.statement import Wish, run_statement

    raise typer.Exit(
        run_statement(
            out,
            err,
            Wish(settlement_id, region, name, number, is_copy=copy, is_large=large),
            file,
            address=address,
            ca_file=ca,
            certificate_file=cert,
            key_file=key,
            use_environment_proxy=use_proxy,
            seconds=timeout,
        )
    )


@app.command()
def call(
    method: Annotated[
        str, typer.Argument(help="yibao.settlement.v1.VisitService/GetVisit, or its end.")
    ],
    request: Annotated[str, typer.Argument(help="The request as JSON; - reads stdin.")],
    address: Annotated[str, typer.Option(help="host:port of the service.")],
    ca: Annotated[Path, typer.Option(help="PEM of the CA that certifies the service.")],
    cert: Annotated[Path, typer.Option(help="PEM of the caller's certificate.")],
    key: Annotated[Path, typer.Option(help="PEM of the caller's key.")],
    timeout: Annotated[
        float, typer.Option(help="Seconds to wait for the answer.", min=0.001, max=3_600)
    ] = 10.0,
    use_proxy: UseProxy = False,
) -> None:
    """Call a method and print the answer as JSON, or why it was refused."""
    from yibao_cli.call import run_call
    from yibao_cli.console import err, out

    raise typer.Exit(
        run_call(
            out,
            err,
            method,
            request,
            address=address,
            ca_file=ca,
            certificate_file=cert,
            key_file=key,
            use_environment_proxy=use_proxy,
            seconds=timeout,
        )
    )


@database_app.command()
def upgrade(config: ConfigFiles = None) -> None:
    """Bring the schema of a service's database up to date."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.database import run_upgrade

    with told_plainly():
        raise typer.Exit(run_upgrade(out, config or []))


@database_app.command()
def refold(config: ConfigFiles = None) -> None:
    """Make the ledger's checkpoints anew from all entries; the services may run."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.database import run_refold

    with told_plainly():
        raise typer.Exit(run_refold(out, config or []))


@database_app.command()
def restored(config: ConfigFiles = None) -> None:
    """Make settlement read identity anew after identity's database was restored.

    It notices a restore by itself wherever changes that it read are missing; this is for
    certainty, and for rows that were repaired by hand.
    """
    from yibao_cli.console import out, told_plainly
    from yibao_cli.database import run_restored

    with told_plainly():
        raise typer.Exit(run_restored(out, config or []))


@persons_app.command("import")
def import_persons(
    file: Annotated[Path, typer.Argument(help="The CSV file; its first line names the columns.")],
    region: Annotated[str, typer.Option(help="The pooling region that insures them.")],
    address: Annotated[str, typer.Option(help="host:port of the identity service.")],
    ca: Annotated[Path, typer.Option(help="PEM of the CA that certifies the service.")],
    cert: Annotated[Path, typer.Option(help="PEM of the agency's certificate.")],
    key: Annotated[Path, typer.Option(help="PEM of the agency's key.")],
    report: Annotated[
        Path | None, typer.Option(help="Where the report goes; FILE.report.csv if absent.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Such as gb18030.")] = "utf-8-sig",
    use_proxy: UseProxy = False,
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
            region=region,
            report=report or file.with_name(f"{file.name}.report.csv"),
            encoding=encoding,
            address=address,
            ca_file=ca,
            certificate_file=cert,
            key_file=key,
            use_environment_proxy=use_proxy,
        )
    raise typer.Exit(code)


if __name__ == "__main__":
    main()

"""`yibao up`, `demo` and `doctor`: the services on this machine."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from yibao_cli.options import SANDBOX, ConfigFiles, Json, Timeout

Port = Annotated[
    int | None,
    typer.Option(min=1, max=65_535, help="That one, or nothing starts.", metavar="PORT"),
]


def up(
    folder: Annotated[
        Path,
        typer.Option(
            help="Where certificates, keys, configurations and data lie.", metavar="FOLDER"
        ),
    ] = SANDBOX,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Erase the data of earlier runs in the folder first.")
    ] = False,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], typer.Option(help="The least to show.")
    ] = "warning",
    identity_port: Port = None,
    settlement_port: Port = None,
    offsite_port: Port = None,
    clock: Annotated[
        bool, typer.Option("--clock", help="Let `yibao clock` move the time of all services.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run all services on this machine, with a development CA, until Ctrl-C.

    Data of the last run are kept. The ports are 50051 to 50053 where they are free, else any; a
    port that an option names is that one, or nothing starts.
    """
    from yibao_cli.console import out, told_plainly
    from yibao_cli.up import run_up
    from yibao_common.values.clock import system_clock

    with told_plainly():
        code = run_up(
            out,
            folder,
            keep_data=not fresh,
            log_level=log_level,
            ports={
                "identity": identity_port,
                "settlement": settlement_port,
                "offsite": offsite_port,
            },
            clock=system_clock,
            has_movable_clock=clock,
        )
    raise typer.Exit(code)


def clock(
    to: Annotated[
        str | None,
        typer.Argument(
            help="+1mo (s, min, h, d, w, mo, y), 2026-12-31 or 2026-12-31T23:59 in Asia/Shanghai.",
            metavar="TIME",
        ),
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="The folder of the sandbox.", metavar="FOLDER")
    ] = SANDBOX,
    timeout: Timeout = 10.0,
    as_json: Json = False,
) -> None:
    """Show the time of a sandbox that `yibao up --clock` runs, or move it forward.

    All three services are at the new time at once. It never goes back; --fresh of yibao up
    begins anew.
    """
    from yibao_cli.console import err, out, told_plainly
    from yibao_cli.sandbox_time import run_clock

    with told_plainly():
        code = run_clock(out, err, folder, to, seconds=timeout)
    raise typer.Exit(code)


def demo(
    story: Annotated[
        Literal["bills", "credentials", "corrections", "elsewhere"],
        typer.Argument(help="What to show.", metavar="STORY"),
    ] = "bills",
    as_json: Json = False,
) -> None:
    """Show the services at work and leave nothing behind.

    bills: walk published bills through all services and compare every amount.
    credentials: a card lost and replaced, codes verified offline, the issuer's key
    rotated and killed.
    corrections: a bill corrected, a later one at another hospital moved and paid out, a line
    returned.
    elsewhere: a referral to another city, from the papers to an audited stay, and an emergency
    there that nobody had registered.
    """
    from yibao_cli.console import ends_on_signals, out, told_plainly
    from yibao_cli.demo.command import run_demo
    from yibao_cli.demo.corrections_command import run_corrections
    from yibao_cli.demo.credentials_command import run_credentials
    from yibao_cli.demo.elsewhere_command import run_elsewhere
    from yibao_cli.loading import published_stays, read_regions
    from yibao_common.values.clock import system_clock

    with told_plainly(), ends_on_signals():
        if story in ("corrections", "elsewhere"):
            run_of_all = run_corrections if story == "corrections" else run_elsewhere
            code = run_of_all(out, read_regions(), clock=system_clock)
        else:
            run = run_demo if story == "bills" else run_credentials
            code = run(out, published_stays(), clock=system_clock)
    raise typer.Exit(code)


def doctor(
    config: ConfigFiles = None,
    ledger: Annotated[
        bool, typer.Option("--ledger", help="Prove on the live database that the books are right.")
    ] = False,
    person: Annotated[
        str | None,
        typer.Option(help="With --ledger: examine this person alone, by id.", metavar="ID"),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="With --ledger: examine persons with bills or reversals since a day.",
            metavar="DAY",
        ),
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Prove that no row of the audit was altered.")
    ] = False,
    health: Annotated[bool, typer.Option(help="Ask each service whether it serves.")] = True,
    as_json: Json = False,
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

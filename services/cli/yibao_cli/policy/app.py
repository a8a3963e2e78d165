"""The commands of `yibao policy`. Each imports what it needs when it runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from yibao_cli.command_line import App
from yibao_cli.connection import Connection, takes_connection
from yibao_cli.options import SANDBOX, Json

app = App(help="Benefit policies.")

File = Annotated[Path, typer.Argument(help="The policy file, YAML.", metavar="FILE")]
Version = Annotated[
    str, typer.Argument(help="The version: 64 hexadecimal digits.", metavar="VERSION")
]


@app.command()
def check(file: File, as_json: Json = False) -> None:
    """Check a policy file and show every mistake with its line."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.files import run_check
    from yibao_cli.policy.mistakes import mistakes_in_both_languages

    with told_plainly(), mistakes_in_both_languages():
        raise typer.Exit(run_check(out, file))


@app.command()
def show(file: File, as_json: Json = False) -> None:
    """Print the policy in a file in words, row by row."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.files import run_show
    from yibao_cli.policy.mistakes import mistakes_in_both_languages

    with told_plainly(), mistakes_in_both_languages():
        raise typer.Exit(run_show(out, file))


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(help="The policy file before.", metavar="BEFORE")],
    after: Annotated[Path, typer.Argument(help="The policy file after.", metavar="AFTER")],
    as_json: Json = False,
) -> None:
    """Print what two policy files say differently, in words."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.files import run_diff
    from yibao_cli.policy.mistakes import mistakes_in_both_languages

    with told_plainly(), mistakes_in_both_languages():
        raise typer.Exit(run_diff(out, before, after))


@app.command("try")
def try_(
    file: File,
    bills: Annotated[
        Path, typer.Argument(help="Bills: yibao-bills/2, or a sample bill.", metavar="BILLS")
    ],
    as_json: Json = False,
) -> None:
    """Walk bills through a policy file and print each step and who bears what."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.mistakes import mistakes_in_both_languages
    from yibao_cli.policy.tried import run_try

    with told_plainly(), mistakes_in_both_languages():
        raise typer.Exit(run_try(out, file, bills))


@app.command()
def settle(
    bill: Annotated[
        Path,
        typer.Argument(
            help="A sample bill: bill.yaml or bills/NAME.yaml of a region.", metavar="BILL"
        ),
    ],
    folder: Annotated[
        Path, typer.Option(help="The folder of the sandbox that `yibao up` runs.")
    ] = SANDBOX,
    as_json: Json = False,
) -> None:
    """Settle a sample bill at a sandbox that runs, by the policy in force today."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.mistakes import mistakes_in_both_languages
    from yibao_cli.policy.settled import run_settle
    from yibao_cli.running import clock_of

    with told_plainly(), mistakes_in_both_languages():
        raise typer.Exit(run_settle(out, bill, folder, clock=clock_of(folder)))


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(help="A policy file of yibao-policy/1.", metavar="FILE")],
    by_stay: Annotated[
        bool, typer.Option("--by-stay", help="What was of each bill is of each stay.")
    ] = False,
    cap: Annotated[
        list[str] | None,
        typer.Option(
            help="STEP=own or STEP=fund: what a cap of the year counts. Repeatable.",
            metavar="STEP=SCOPE",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print a policy file of yibao-policy/1 in the format yibao-policy/2."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.files import run_convert
    from yibao_cli.policy.mistakes import mistakes_in_both_languages

    with told_plainly(), mistakes_in_both_languages():
        raise typer.Exit(run_convert(out, file, by_stay=by_stay, caps=cap or []))


@app.command()
@takes_connection("settlement")
def submit(
    at: Connection,
    file: File,
    as_json: Json = False,
) -> None:
    """Submit a policy file as a draft."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.calls import run_submit
    from yibao_cli.policy.mistakes import mistakes_in_both_languages

    with told_plainly(), mistakes_in_both_languages():
        raise typer.Exit(run_submit(out, at, file))


@app.command()
@takes_connection("settlement")
def approve(
    at: Connection,
    version: Version,
    as_json: Json = False,
) -> None:
    """Put a draft in force; another operator than the one who submitted it."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.calls import run_approve

    with told_plainly():
        raise typer.Exit(run_approve(out, at, version))


@app.command()
@takes_connection("settlement")
def withdraw(
    at: Connection,
    version: Version,
    as_json: Json = False,
) -> None:
    """Take back a draft, or a policy in force whose first day has not come."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.calls import run_withdraw

    with told_plainly():
        raise typer.Exit(run_withdraw(out, at, version))


@app.command()
@takes_connection("settlement")
def get(
    at: Connection,
    version: Version,
    as_json: Json = False,
) -> None:
    """Write the file of a stored version to standard output, to show it or tell it from another."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.calls import run_get

    with told_plainly():
        raise typer.Exit(run_get(out, at, version))


@app.command("list")
@takes_connection("settlement")
def list_(
    at: Connection,
    insurance_type: Annotated[str, typer.Option(help="Such as 310.", metavar="CODE")] = "",
    state: Annotated[
        Literal["draft", "active", "ended", "withdrawn"] | None,
        typer.Option(help="In this state."),
    ] = None,
    date: Annotated[str, typer.Option(help="A day that they decide.", metavar="DAY")] = "",
    as_json: Json = False,
) -> None:
    """List the policies of a region, the one that begins last first."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.calls import run_list

    with told_plainly():
        raise typer.Exit(
            run_list(out, at, insurance_type=insurance_type, state=state or "", day=date)
        )


@app.command()
@takes_connection("settlement")
def simulate(
    at: Connection,
    policy: Annotated[str, typer.Argument(help="A policy file, or a version.", metavar="POLICY")],
    first: Annotated[str, typer.Option("--from", help="The first service date.", metavar="DAY")],
    last: Annotated[str, typer.Option("--to", help="The last one.", metavar="DAY")],
    as_json: Json = False,
) -> None:
    """Try a policy on settled bills: who would pay what, who would gain and lose."""
    from yibao_cli.console import ends_on_signals, out, told_plainly
    from yibao_cli.policy.calls import run_simulate

    with told_plainly(), ends_on_signals():
        raise typer.Exit(run_simulate(out, at, policy, first=first, last=last))

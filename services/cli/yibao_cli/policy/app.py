"""The commands of `yibao policy`. Each imports what it needs when it runs."""

from pathlib import Path
from typing import Annotated

import typer

from yibao_cli.options import UseProxy

app = typer.Typer(help="Benefit policies.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="The policy file, YAML.")]
Version = Annotated[str, typer.Argument(help="The version: 64 hexadecimal digits.")]
Region = Annotated[str, typer.Option(help="The pooling region.")]
Address = Annotated[str, typer.Option(help="host:port of the settlement service.")]
Ca = Annotated[Path, typer.Option(help="PEM of the CA that certifies the service.")]
Cert = Annotated[Path, typer.Option(help="PEM of the agency's certificate.")]
Key = Annotated[Path, typer.Option(help="PEM of the agency's key.")]


@app.command()
def check(file: File) -> None:
    """Check a policy file and show every mistake with its line."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.files import run_check
    from yibao_cli.policy.mistakes import mistakes_in_both_languages

    with told_plainly(), mistakes_in_both_languages():
        raise typer.Exit(run_check(out, file))


@app.command()
def show(file: File) -> None:
    """Print the policy in a file in words, row by row."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.files import run_show
    from yibao_cli.policy.mistakes import mistakes_in_both_languages

    with told_plainly(), mistakes_in_both_languages():
        raise typer.Exit(run_show(out, file))


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(help="The policy file before.")],
    after: Annotated[Path, typer.Argument(help="The policy file after.")],
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
    bills: Annotated[Path, typer.Argument(help="Bills: yibao-bills/2, or a sample bill.")],
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
        Path, typer.Argument(help="A sample bill: bill.yaml or bills/NAME.yaml of a region.")
    ],
    folder: Annotated[
        Path, typer.Option(help="The folder of the sandbox that `yibao up` runs.")
    ] = Path("var/yibao"),
) -> None:
    """Settle a sample bill at a sandbox that runs, by the policy in force today."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.mistakes import mistakes_in_both_languages
    from yibao_cli.policy.settled import run_settle
    from yibao_common.values.clock import system_clock

    with told_plainly(), mistakes_in_both_languages():
        raise typer.Exit(run_settle(out, bill, folder, clock=system_clock))


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(help="A policy file of yibao-policy/1.")],
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
) -> None:
    """Print a policy file of yibao-policy/1 in the format yibao-policy/2."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.files import run_convert
    from yibao_cli.policy.mistakes import mistakes_in_both_languages

    with told_plainly(), mistakes_in_both_languages():
        raise typer.Exit(run_convert(out, file, by_stay=by_stay, caps=cap or []))


@app.command()
def submit(
    file: File,
    region: Region,
    address: Address,
    ca: Ca,
    cert: Cert,
    key: Key,
    use_proxy: UseProxy = False,
) -> None:
    """Submit a policy file as a draft."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.calls import Service, run_submit
    from yibao_cli.policy.mistakes import mistakes_in_both_languages

    service = Service(region, address, ca, cert, key, use_proxy)
    with told_plainly(), mistakes_in_both_languages():
        raise typer.Exit(run_submit(out, service, file))


@app.command()
def approve(
    version: Version,
    region: Region,
    address: Address,
    ca: Ca,
    cert: Cert,
    key: Key,
    use_proxy: UseProxy = False,
) -> None:
    """Put a draft in force; another operator than the one who submitted it."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.calls import Service, run_approve

    service = Service(region, address, ca, cert, key, use_proxy)
    with told_plainly():
        raise typer.Exit(run_approve(out, service, version))


@app.command()
def withdraw(
    version: Version,
    region: Region,
    address: Address,
    ca: Ca,
    cert: Cert,
    key: Key,
    use_proxy: UseProxy = False,
) -> None:
    """Take back a draft, or a policy in force whose first day has not come."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.calls import Service, run_withdraw

    service = Service(region, address, ca, cert, key, use_proxy)
    with told_plainly():
        raise typer.Exit(run_withdraw(out, service, version))


@app.command()
def get(
    version: Version,
    region: Region,
    address: Address,
    ca: Ca,
    cert: Cert,
    key: Key,
    use_proxy: UseProxy = False,
) -> None:
    """Write the file of a stored version to standard output, to show it or tell it from another."""
    from yibao_cli.console import told_plainly
    from yibao_cli.policy.calls import Service, run_get

    service = Service(region, address, ca, cert, key, use_proxy)
    with told_plainly():
        raise typer.Exit(run_get(service, version))


@app.command("list")
def list_(
    region: Region,
    address: Address,
    ca: Ca,
    cert: Cert,
    key: Key,
    insurance_type: Annotated[str, typer.Option(help="Such as 310.")] = "",
    state: Annotated[str, typer.Option(help="draft, active, ended or withdrawn.")] = "",
    date: Annotated[str, typer.Option(help="A day that they decide.")] = "",
    use_proxy: UseProxy = False,
) -> None:
    """List the policies of a region, the one that begins last first."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.policy.calls import Service, run_list

    service = Service(region, address, ca, cert, key, use_proxy)
    with told_plainly():
        raise typer.Exit(
            run_list(out, service, insurance_type=insurance_type, state=state, day=date)
        )


@app.command()
def simulate(
    policy: Annotated[str, typer.Argument(help="A policy file, or a version.")],
    first: Annotated[str, typer.Option("--from", help="The first service date of the bills.")],
    last: Annotated[str, typer.Option("--to", help="The last one.")],
    region: Region,
    address: Address,
    ca: Ca,
    cert: Cert,
    key: Key,
    use_proxy: UseProxy = False,
) -> None:
    """Try a policy on settled bills: who would pay what, who would gain and lose."""
    from yibao_cli.console import ends_on_signals, out, told_plainly
    from yibao_cli.policy.calls import Service, run_simulate

    service = Service(region, address, ca, cert, key, use_proxy)
    with told_plainly(), ends_on_signals():
        raise typer.Exit(run_simulate(out, service, policy, first=first, last=last))

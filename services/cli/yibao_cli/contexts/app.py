"""The commands of `yibao context`. Each imports what it needs when it runs."""

from pathlib import Path
from typing import Annotated

import typer

from yibao_cli.command_line import App
from yibao_cli.contexts.names import complete_context
from yibao_cli.options import Json

app = App(
    help="Contexts: where services are, who calls them, and for which region, under one name.",
    epilog="A command takes each value from its option, else from the environment, else from the "
    "context: --context NAME, else YIBAO_CONTEXT, else the one in use. The file is "
    "~/.config/yibao/contexts.toml, or what YIBAO_CONTEXTS names.",
)

Name = Annotated[
    str, typer.Argument(help="The context.", metavar="NAME", autocompletion=complete_context)
]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List all contexts; the one in use has a star."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.contexts.commands import run_list

    with told_plainly():
        raise typer.Exit(run_list(out))


@app.command()
def show(
    name: Annotated[
        str,
        typer.Argument(
            help="The context; the one that commands take now if absent.",
            metavar="NAME",
            autocompletion=complete_context,
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Show a context: each value and where it comes from, and what is wrong with its files."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.contexts.commands import run_show

    with told_plainly():
        raise typer.Exit(run_show(out, name))


@app.command()
def use(name: Name, as_json: Json = False) -> None:
    """Have commands take this context where they name none."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.contexts.commands import run_use

    with told_plainly():
        raise typer.Exit(run_use(out, name))


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="A new name.", metavar="NAME")],
    region: Annotated[
        str | None, typer.Option(help="The pooling region.", metavar="REGION")
    ] = None,
    identity: Annotated[
        str | None, typer.Option(help="Address of identity.", metavar="HOST:PORT")
    ] = None,
    settlement: Annotated[
        str | None, typer.Option(help="Address of settlement.", metavar="HOST:PORT")
    ] = None,
    offsite: Annotated[
        str | None, typer.Option(help="Address of offsite.", metavar="HOST:PORT")
    ] = None,
    server_name: Annotated[
        str | None,
        typer.Option(
            help="The name in the services' certificates, where their addresses have another.",
            metavar="NAME",
        ),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(help="PEM of the CA that certifies the services.", metavar="FILE")
    ] = None,
    cert: Annotated[
        Path | None, typer.Option(help="PEM of your certificate.", metavar="FILE")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="PEM of your key.", metavar="FILE")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a context of this name.")
    ] = False,
    use: Annotated[bool, typer.Option("--use", help="Use it from now on.")] = False,
    as_json: Json = False,
) -> None:
    """Add a context; the first one is used from then on. What it lacks, commands ask for."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.contexts.commands import run_add

    values = {
        "region": region,
        "identity_address": identity,
        "settlement_address": settlement,
        "offsite_address": offsite,
        "server_name": server_name,
        # A file is meant from here, wherever the command runs later.
        **{
            key: None if path is None else str(path.absolute())
            for key, path in (("ca_file", ca), ("certificate_file", cert), ("key_file", key))
        },
    }
    with told_plainly():
        raise typer.Exit(run_add(out, name, values, is_replaced=replace, is_used=use))


@app.command()
def remove(name: Name, as_json: Json = False) -> None:
    """Remove a context; its certificate and key stay where they are."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.contexts.commands import run_remove

    with told_plainly():
        raise typer.Exit(run_remove(out, name))

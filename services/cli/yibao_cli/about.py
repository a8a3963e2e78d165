"""Commands about the command: help, version, completion."""

import importlib.metadata
import platform
from typing import Annotated, Any, Literal

import typer

from yibao_cli.command_line import COMPLETE_VARIABLE, PROGRAM
from yibao_cli.options import Json

_PACKAGES = ("grpcio", "protobuf")


def _complete_command(ctx: typer.Context, incomplete: str) -> list[str]:
    command: Any = ctx.find_root().command
    for word in ctx.params.get("command") or ():
        command = getattr(command, "commands", {}).get(word)
    return [each for each in getattr(command, "commands", {}) if each.startswith(incomplete)]


def help_(
    ctx: typer.Context,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            help="Such as policy list.", metavar="COMMAND", autocompletion=_complete_command
        ),
    ] = None,
) -> None:
    """Show the help of a command, or of all."""
    found: Any = ctx.find_root()
    for word in command or ():
        # Tells of a command that there is not as of one that is to run.
        name, inner, _ = _resolve(found, word)
        found = inner.make_context(name, [], parent=found, resilient_parsing=True)
        # Nothing is missing of a command whose help is shown; a wrong name below it is told.
        found.resilient_parsing = False
    typer.echo(found.get_help())


def _resolve(ctx: Any, word: str) -> Any:
    if not hasattr(ctx.command, "resolve_command"):
        raise typer.BadParameter(f"{ctx.command_path} has no commands of its own")
    return ctx.command.resolve_command(ctx, [word])


def version(as_json: Json = False) -> None:
    """Show the versions of the program, of the contract and of what they run on."""
    from yibao_cli.console import out
    from yibao_cli.method_pages import contract_packages
    from yibao_cli.output import is_json, print_document

    found = {
        "version": version_of_server(),
        "contract_version": _version_of("yibao"),
        "contract": contract_packages(),
        "python": platform.python_version(),
        "packages": {name: _version_of(name) for name in _PACKAGES},
    }
    if is_json():
        print_document(out, found)
        return
    typer.echo(f"yibao {found['version']}")
    typer.echo(f"contract {found['contract_version']}: {', '.join(contract_packages())}")
    packages = ", ".join(f"{name} {_version_of(name)}" for name in _PACKAGES)
    typer.echo(f"Python {found['python']}, {packages}")


def version_of_server() -> str:
    """Returns the version of the services and this command; of a bare checkout, that it is one."""
    return _version_of("yibao-server")


def _version_of(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="Whose script.")],
) -> None:
    """Print the script by which a shell completes commands, options, contexts and methods.

    bash: source <(yibao completion bash)

    zsh:  source <(yibao completion zsh), behind compinit

    fish: yibao completion fish | source

    The same line in ~/.bashrc, ~/.zshrc or ~/.config/fish/config.fish keeps it.
    """
    from typer import completion as scripts

    # Typer's own, as all of completion is.
    write = scripts.get_completion_script  # type: ignore[attr-defined]
    typer.echo(write(prog_name=PROGRAM, complete_var=COMPLETE_VARIABLE, shell=shell))

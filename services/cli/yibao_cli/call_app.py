"""`yibao call` and `yibao statement`: commands that call a service once."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from yibao_cli.command_line import Command
from yibao_cli.connection import REGION, Connection, takes_connection
from yibao_cli.options import Json, Timeout
from yibao_cli.output import UnusableError


def _complete_method(incomplete: str) -> list[tuple[str, str]]:
    from yibao_cli.method_pages import short_names

    return [each for each in short_names() if each[0].startswith(incomplete)]


def _service_of(typed: Mapping[str, Any]) -> str:
    """Returns the service whose method was typed, empty where none was.

    Raises:
        UnusableError: there is no such method, or several, or it is not told which service of
            several is asked.
    """
    from yibao_cli.call import CallError, find_method, services_of

    if not typed.get("method"):
        return ""
    try:
        method = find_method(str(typed["method"]))
    except CallError as error:
        raise UnusableError(str(error)) from None
    services, asked = services_of(method), typed.get("service")
    if asked and asked not in services:
        raise UnusableError(f"--service {asked}: {method.name} is answered by {services[0]}")
    if asked or len(services) == 1:
        return str(asked or services[0])
    if typed.get("address"):
        return ""
    raise UnusableError(
        f"{method.name} is answered by {', '.join(services)}: say which by --service or --address"
    )


class CallCommand(Command):
    """`yibao call`, which also tells of methods, without a service."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses what was typed; answers what is asked of methods and ends then."""
        if not ctx.resilient_parsing:
            self._answer(ctx, self.typed(ctx, args))
        return super().parse_args(ctx, args)

    def _answer(self, ctx: Any, typed: Mapping[str, Any]) -> None:
        from yibao_cli.method_pages import show_example, show_list, show_page

        method = str(typed.get("method") or "")
        region = str(typed.get("region") or os.environ.get(REGION[1]) or "")
        if typed.get("list_") and not typed.get("help"):
            show_list()
        elif method and typed.get("help"):
            show_page(method, region=region)
        elif method and typed.get("example"):
            show_example(method, region=region)
        else:
            return
        ctx.exit()


@takes_connection(_service_of, needs_region=False, region="Of a request that names no region.")
def call(
    at: Connection,
    method: Annotated[
        str,
        typer.Argument(
            help="yibao.settlement.v1.VisitService/GetVisit, or its end: GetVisit.",
            metavar="METHOD",
            autocompletion=_complete_method,
        ),
    ],
    request: Annotated[
        str, typer.Argument(help="The request as JSON; - reads stdin.", metavar="REQUEST")
    ],
    list_: Annotated[
        bool, typer.Option("--list", help="List all methods, and who may call them.")
    ] = False,
    example: Annotated[
        bool, typer.Option("--example", help="Print a request of METHOD to fill in.")
    ] = False,
    service: Annotated[
        Literal["identity", "settlement", "offsite"] | None,
        typer.Option(help="Which is asked, of a method that all answer: GetServerInfo."),
    ] = None,
    timeout: Timeout = 10.0,
    as_json: Json = False,
) -> None:
    """Call a method and print the answer as JSON, or why it was refused.

    yibao call METHOD -h tells what a method does and what its request holds.
    """
    from yibao_cli.call import run_call
    from yibao_cli.console import err, out

    raise typer.Exit(run_call(out, err, method, request, at=at, seconds=timeout))


@takes_connection("settlement", region="The pooling region of the settlement.")
def statement(
    at: Connection,
    settlement_id: Annotated[str, typer.Argument(help="The settlement.", metavar="SETTLEMENT_ID")],
    file: Annotated[
        Path, typer.Argument(help="Where it goes: a .pdf, .html or .json.", metavar="FILE")
    ],
    name: Annotated[str, typer.Option(help="The person's name; a line to write on without.")] = "",
    number: Annotated[str, typer.Option(help="The number of the identity document.")] = "",
    copy: Annotated[bool, typer.Option("--copy", help="A copy for others, masked.")] = False,
    large: Annotated[bool, typer.Option("--large", help="In large print.")] = False,
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Print the statement of a settlement into a file, on paper for the person."""
    from yibao_cli.console import err, out
    from yibao_cli.statement import Wish, run_statement

    wish = Wish(settlement_id, at.region, name, number, is_copy=copy, is_large=large)
    raise typer.Exit(run_statement(out, err, wish, file, at=at, seconds=timeout))

"""The commands of `yibao month`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yibao_cli.command_line import App
from yibao_cli.connection import Connection, takes_connection
from yibao_cli.options import Json, Timeout

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from yibao_cli.month import Show

app = App(help="Months of institutions: declared, accepted, deducted from, paid.")
takes_settlement = takes_connection("settlement", region="The pooling region that pays.")

Month = Annotated[str, typer.Argument(help="The month, such as 202611.", metavar="MONTH")]
DeclarationId = Annotated[str, typer.Argument(help="The declaration.", metavar="DECLARATION")]
Institution = Annotated[
    str, typer.Option(help="The institution; an agency names it.", metavar="ID")
]
Reason = Annotated[str, typer.Option(help="Why, in words.", metavar="TEXT")]
RequestId = Annotated[
    str, typer.Option(help="That of a try before, to repeat it; a new one if absent.", metavar="ID")
]


def run(
    at: Connection,
    make: "Callable[[], tuple[Message, Show]]",
    timeout: float,
    *,
    keep: Callable[[Any], None] = lambda answer: None,
) -> None:
    """Sends what is made once everything is imported, and ends with the code; see `run_change`."""
    from yibao_cli.console import ends_on_signals, err, out, told_plainly
    from yibao_cli.month import run_change

    with told_plainly(), ends_on_signals():
        request, show = make()
        code = run_change(out, err, at, request, show, seconds=timeout, keep=keep)
    raise typer.Exit(code)


@app.command()
@takes_settlement
def totals(
    at: Connection,
    month: Month,
    institution: Institution = "",
    csv: Annotated[
        Path | None,
        typer.Option("--csv", help="Where they go as a file that declare reads.", metavar="FILE"),
    ] = None,
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Show what an institution's acts of a month come to: what its declarations would be of."""

    def make() -> "tuple[Message, Show]":
        from yibao.settlement.v1 import declaration_service_pb2 as pb
        from yibao_cli.month import show_totals

        request = pb.GetMonthTotalsRequest(month=month, institution_id=institution)
        return request, show_totals

    def keep(answer: Any) -> None:
        from yibao_cli.month_csv import write_sums

        if csv is not None:
            write_sums(csv, answer.sums)

    run(at, make, timeout, keep=keep)


@app.command()
@takes_settlement
def declare(
    at: Connection,
    file: Annotated[
        Path, typer.Argument(help="The CSV file of the institution's own sums.", metavar="FILE")
    ],
    month: Annotated[str, typer.Option(help="The month, such as 202611.", metavar="MONTH")],
    encoding: Annotated[
        str, typer.Option(help="Of the file, such as gb18030.", metavar="NAME")
    ] = "utf-8-sig",
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Declare a month, a row of the institution's own sums after the other."""
    from yibao_cli.console import ends_on_signals, err, out, told_plainly
    from yibao_cli.month import run_declare
    from yibao_cli.month_csv import read_sums

    with told_plainly(), ends_on_signals():
        sums = read_sums(file, encoding=encoding)
        code = run_declare(out, err, at, month, sums, seconds=timeout)
    raise typer.Exit(code)


@app.command("list")
@takes_settlement
def list_(
    at: Connection,
    month: Annotated[str, typer.Option(help="Of this month alone.", metavar="MONTH")] = "",
    institution: Annotated[str, typer.Option(help="Of this one alone.", metavar="ID")] = "",
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """List declarations, the one declared first at the head."""
    from yibao.settlement.v1 import declaration_service_pb2 as pb
    from yibao_cli.console import ends_on_signals, err, out, told_plainly
    from yibao_cli.month import run_list

    with told_plainly(), ends_on_signals():
        request = pb.ListDeclarationsRequest(month=month, institution_id=institution)
        code = run_list(out, err, at, request, timeout)
    raise typer.Exit(code)


@app.command()
@takes_settlement
def show(
    at: Connection,
    declaration: DeclarationId,
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Show a declaration with what each payer owes for it."""

    def make() -> "tuple[Message, Show]":
        from yibao.settlement.v1 import declaration_service_pb2 as pb
        from yibao_cli.month import show_declaration

        return pb.GetDeclarationRequest(declaration_id=declaration), show_declaration

    run(at, make, timeout)


@app.command()
@takes_settlement
def withdraw(
    at: Connection,
    declaration: DeclarationId,
    request_id: RequestId = "",
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Take back a declaration that is not accepted."""

    def make() -> "tuple[Message, Show]":
        from yibao.settlement.v1 import declaration_service_pb2 as pb
        from yibao_cli.month import show_declaration

        request = pb.WithdrawDeclarationRequest(request_id=request_id, declaration_id=declaration)
        return request, show_declaration

    run(at, make, timeout)


@app.command()
@takes_settlement
def accept(
    at: Connection,
    declaration: DeclarationId,
    request_id: RequestId = "",
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Accept a declaration."""

    def make() -> "tuple[Message, Show]":
        from yibao.settlement.v1 import declaration_service_pb2 as pb
        from yibao_cli.month import show_declaration

        request = pb.AcceptDeclarationRequest(request_id=request_id, declaration_id=declaration)
        return request, show_declaration

    run(at, make, timeout)


@app.command()
@takes_settlement
def reject(
    at: Connection,
    declaration: DeclarationId,
    reason: Reason,
    request_id: RequestId = "",
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Send a declaration back."""

    def make() -> "tuple[Message, Show]":
        from yibao.settlement.v1 import declaration_service_pb2 as pb
        from yibao_cli.month import show_declaration

        request = pb.RejectDeclarationRequest(
            request_id=request_id, declaration_id=declaration, reason=reason
        )
        return request, show_declaration

    run(at, make, timeout)

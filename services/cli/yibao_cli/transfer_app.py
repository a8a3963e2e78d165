"""The commands of `yibao account transfer`."""

from typing import Annotated, Literal

import typer

from yibao_cli.command_line import App
from yibao_cli.connection import Connection, takes_connection
from yibao_cli.options import Json

app = App(help="Accounts that move to another region: requested, recorded out, paid, booked in.")

_REGION = "The pooling region of this end."

TransferId = Annotated[str, typer.Argument(help="The transfer.", metavar="TRANSFER_ID")]
PersonId = Annotated[str, typer.Argument(help="The person, by this region.", metavar="PERSON_ID")]
Other = Annotated[str, typer.Argument(help="The other region.", metavar="OTHER_REGION")]
Number = Annotated[str, typer.Argument(help="The number of both ends.", metavar="NUMBER")]
# No more than the contract has.
AmountFen = Annotated[
    int, typer.Argument(help="In fen.", metavar="AMOUNT_FEN", min=1, max=100_000_000_000)
]
State = Literal["requested", "record_out", "money_out", "in", "cancelled"]


@app.command()
@takes_connection("settlement", region=_REGION)
def request(
    at: Connection,
    person_id: PersonId,
    other_region: Other,
    number: Number,
    reason: Annotated[str, typer.Argument(help="Why.", metavar="REASON")],
    as_json: Json = False,
) -> None:
    """Request that an account moves to another region; another operator records it out."""
    _step(
        at,
        "RequestTransfer",
        person_id=person_id,
        other_region=other_region,
        transfer_number=number,
        reason=reason,
    )


@app.command()
@takes_connection("settlement", region=_REGION)
def record(
    at: Connection, transfer_id: TransferId, amount_fen: AmountFen, as_json: Json = False
) -> None:
    """Take everything out of the account, and close it."""
    _step(at, "RecordTransferOut", transfer_id=transfer_id, amount_fen=amount_fen)


@app.command()
@takes_connection("settlement", region=_REGION)
def pay(
    at: Connection,
    transfer_id: TransferId,
    amount_fen: AmountFen,
    reference: Annotated[
        str, typer.Argument(help="The bank's number of the payment.", metavar="REFERENCE")
    ],
    as_json: Json = False,
) -> None:
    """Tell that the bank paid the other region."""
    _step(
        at,
        "PayTransfer",
        transfer_id=transfer_id,
        amount_fen=amount_fen,
        payment_reference=reference,
    )


@app.command()
@takes_connection("settlement", region=_REGION)
def complete(at: Connection, transfer_id: TransferId, as_json: Json = False) -> None:
    """Tell that the other region booked it in."""
    _step(at, "CompleteTransfer", transfer_id=transfer_id)


@app.command()
@takes_connection("settlement", region=_REGION)
def cancel(at: Connection, transfer_id: TransferId, as_json: Json = False) -> None:
    """Tell that nothing comes of a request."""
    _step(at, "CancelTransfer", transfer_id=transfer_id)


@app.command()
@takes_connection("settlement", region=_REGION)
def receive(
    at: Connection,
    person_id: PersonId,
    other_region: Other,
    number: Number,
    amount_fen: AmountFen,
    as_json: Json = False,
) -> None:
    """Book in what another region sent, once by its number."""
    _step(
        at,
        "ReceiveTransfer",
        person_id=person_id,
        other_region=other_region,
        transfer_number=number,
        amount_fen=amount_fen,
    )


@app.command("list")
@takes_connection("settlement", region=_REGION)
def list_(
    at: Connection,
    state: Annotated[State | None, typer.Option(help="In this state.")] = None,
    stuck: Annotated[
        bool, typer.Option("--stuck", help="Those alone that are behind their working days.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List transfers of both ways, the one requested first at the head."""
    from yibao_cli.account.transfers import run_list
    from yibao_cli.console import err, out

    raise typer.Exit(run_list(out, err, at, state=state or "", is_stuck=stuck))


def _step(at: Connection, method: str, **fields: str | int) -> None:
    from yibao_cli.account.transfers import run_step
    from yibao_cli.console import err, out

    raise typer.Exit(run_step(out, err, at, method, **fields))

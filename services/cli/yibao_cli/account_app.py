"""The commands of `yibao account`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from yibao_cli import transfer_app
from yibao_cli.command_line import App
from yibao_cli.connection import Connection, takes_connection
from yibao_cli.options import Json

app = App(help="Personal accounts, for the agency: credits, corrections, months, pay-outs.")

app.add_typer(transfer_app.app, name="transfer")

_REGION = "The pooling region of the accounts."
# As the contract has it.
AMOUNT_MAX_FEN = 100_000_000_000

PersonId = Annotated[str, typer.Argument(help="The person.", metavar="PERSON_ID")]
OrderId = Annotated[str, typer.Argument(help="The order.", metavar="ORDER_ID")]
AmountFen = Annotated[
    int, typer.Argument(help="In fen.", metavar="AMOUNT_FEN", min=1, max=AMOUNT_MAX_FEN)
]
Reason = Annotated[str, typer.Argument(help="Why.", metavar="REASON")]
InsuranceType = Annotated[
    str, typer.Option(help="The insurance type, such as 310.", metavar="CODE")
]
Month = Annotated[
    int,
    typer.Option(help="The month, such as 202611.", metavar="MONTH", min=199801, max=299912),
]
Kind = Literal["credit", "correction", "pay_out"]
State = Literal["proposed", "carried_out", "rejected"]
Cause = Literal["death", "emigration", "insurance_ended"]


@app.command()
@takes_connection("settlement", region=_REGION)
def show(at: Connection, person_id: PersonId, as_json: Json = False) -> None:
    """Show an account: what it holds, what is held of it, what it owes."""
    from yibao_cli.account.orders import run_show
    from yibao_cli.console import err, out

    raise typer.Exit(run_show(out, err, at, person_id))


@app.command()
@takes_connection("settlement", region=_REGION)
def credits(at: Connection, person_id: PersonId, as_json: Json = False) -> None:
    """List the credits of a person with their business keys, the newest first."""
    from yibao_cli.account.orders import run_credits
    from yibao_cli.console import err, out

    raise typer.Exit(run_credits(out, err, at, person_id))


@app.command()
@takes_connection("settlement", region=_REGION)
def credit(
    at: Connection,
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with person_id, amount_fen, business_key; insurance_type.", metavar="FILE"
        ),
    ],
    source: Annotated[
        Literal["allocation", "recharge"], typer.Option(help="Where the money comes from.")
    ] = "recharge",
    report: Annotated[
        Path | None, typer.Option(help="Where every row's outcome goes, as CSV.", metavar="FILE")
    ] = None,
    as_json: Json = False,
) -> None:
    """Credit the rows of a file, each once by its business key, however often it is sent."""
    from yibao_cli.account.credits import run_credit
    from yibao_cli.console import ends_on_signals, err, out, told_plainly

    with told_plainly(), ends_on_signals():
        code = run_credit(out, err, at, file, source=source, report=report)
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region=_REGION)
def correct(
    at: Connection,
    credit_id: Annotated[str, typer.Argument(help="The credit.", metavar="CREDIT_ID")],
    amount_fen: AmountFen,
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Propose that a wrong credit is taken back; another operator confirms it."""
    from yibao_cli.account.orders import run_correct
    from yibao_cli.console import err, out

    raise typer.Exit(run_correct(out, err, at, credit_id, amount_fen=amount_fen, reason=reason))


@app.command("pay-out")
@takes_connection("settlement", region=_REGION)
def pay_out(
    at: Connection,
    person_id: PersonId,
    amount_fen: AmountFen,
    cause: Annotated[Cause, typer.Argument(help="Why it may be paid out.", metavar="CAUSE")],
    reference: Annotated[
        str, typer.Argument(help="The number of the application.", metavar="REFERENCE")
    ],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Propose that an account is paid out and closed; another operator confirms it."""
    from yibao_cli.account.orders import run_pay_out
    from yibao_cli.console import err, out

    raise typer.Exit(
        run_pay_out(
            *(out, err, at, person_id),
            amount_fen=amount_fen,
            cause=cause,
            reference=reference,
            reason=reason,
        )
    )


@app.command()
@takes_connection("settlement", region=_REGION)
def orders(
    at: Connection,
    state: Annotated[State | None, typer.Option(help="In this state.")] = None,
    as_json: Json = False,
) -> None:
    """List orders that take two operators, the one proposed first at the head."""
    from yibao_cli.account.orders import run_orders
    from yibao_cli.console import err, out

    raise typer.Exit(run_orders(out, err, at, state=state or ""))


@app.command()
@takes_connection("settlement", region=_REGION)
def confirm(
    at: Connection,
    order_id: OrderId,
    kind: Annotated[Kind, typer.Argument(help="What it does, as you read it.", metavar="KIND")],
    amount_fen: AmountFen,
    as_json: Json = False,
) -> None:
    """Confirm what another operator proposed, and post it."""
    from yibao_cli.account.orders import run_confirm
    from yibao_cli.console import err, out

    raise typer.Exit(run_confirm(out, err, at, order_id, kind=kind, amount_fen=amount_fen))


@app.command()
@takes_connection("settlement", region=_REGION)
def reject(at: Connection, order_id: OrderId, reason: Reason, as_json: Json = False) -> None:
    """Reject what another operator proposed."""
    from yibao_cli.account.orders import run_reject
    from yibao_cli.console import err, out

    raise typer.Exit(run_reject(out, err, at, order_id, reason))


@app.command()
@takes_connection("settlement", region=_REGION)
def rules(at: Connection, as_json: Json = False) -> None:
    """List the rules by which months are credited."""
    from yibao_cli.account.allocations import run_rules
    from yibao_cli.console import err, out

    raise typer.Exit(run_rules(out, err, at))


@app.command("submit-rules")
@takes_connection("settlement", region=_REGION)
def submit_rules(
    at: Connection,
    file: Annotated[
        Path, typer.Argument(help="The file of yibao-credit/1.", metavar="FILE", dir_okay=False)
    ],
    insurance_type: InsuranceType,
    start_month: Annotated[
        int,
        typer.Option(
            help="The first month that they decide.", metavar="MONTH", min=199801, max=299912
        ),
    ],
    as_json: Json = False,
) -> None:
    """Submit rules as a draft; another operator approves them."""
    from yibao_cli.account.allocations import run_submit
    from yibao_cli.console import err, out

    raise typer.Exit(
        run_submit(out, err, at, file, insurance_type=insurance_type, start_month=start_month)
    )


@app.command("approve-rules")
@takes_connection("settlement", region=_REGION)
def approve_rules(
    at: Connection,
    version: Annotated[str, typer.Argument(help="SHA-256 of the file.", metavar="VERSION")],
    as_json: Json = False,
) -> None:
    """Approve rules that another operator submitted."""
    from yibao_cli.account.allocations import run_approve
    from yibao_cli.console import err, out

    raise typer.Exit(run_approve(out, err, at, version))


@app.command()
@takes_connection("settlement", region=_REGION)
def contribute(
    at: Connection,
    file: Annotated[Path, typer.Argument(help="CSV with person_id and base_fen.", metavar="FILE")],
    insurance_type: InsuranceType,
    month: Month,
    as_json: Json = False,
) -> None:
    """Tell what the contributions of a month were paid of."""
    from yibao_cli.account.allocations import run_contribute
    from yibao_cli.console import ends_on_signals, err, out, told_plainly

    with told_plainly(), ends_on_signals():
        code = run_contribute(out, err, at, file, insurance_type=insurance_type, month=month)
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region=_REGION)
def allocate(
    at: Connection,
    insurance_type: InsuranceType,
    month: Month,
    follow: Annotated[bool, typer.Option("--follow", help="Wait until it is over.")] = False,
    as_json: Json = False,
) -> None:
    """Begin to credit a month to everybody, each once; the service goes on by itself."""
    from yibao_cli.account.allocations import run_allocate
    from yibao_cli.console import ends_on_signals, err, out, told_plainly

    with told_plainly(), ends_on_signals():
        code = run_allocate(out, err, at, insurance_type=insurance_type, month=month, follow=follow)
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region=_REGION)
def allocations(at: Connection, as_json: Json = False) -> None:
    """List allocations of months, the one begun last at the head."""
    from yibao_cli.account.allocations import run_allocations
    from yibao_cli.console import err, out

    raise typer.Exit(run_allocations(out, err, at))


@app.command()
@takes_connection("settlement", region=_REGION)
def allocation(
    at: Connection,
    allocation_id: Annotated[str, typer.Argument(help="Which.", metavar="ALLOCATION_ID")],
    report: Annotated[
        Path | None,
        typer.Option(help="Where what became of each person goes, as CSV.", metavar="FILE"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show how far an allocation is, and what became of whom."""
    from yibao_cli.account.allocations import run_allocation
    from yibao_cli.console import ends_on_signals, err, out, told_plainly

    with told_plainly(), ends_on_signals():
        code = run_allocation(out, err, at, allocation_id, report=report)
    raise typer.Exit(code)

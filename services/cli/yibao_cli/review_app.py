"""The commands of `yibao review`."""

from typing import Annotated, Literal

import typer

from yibao_cli.command_line import App
from yibao_cli.connection import Connection, takes_connection
from yibao_cli.options import Json

app = App(help="Settlements under review, for the agency.")

_REGION = "The pooling region of the cases."

ReviewId = Annotated[str, typer.Argument(help="The case.", metavar="REVIEW_ID")]
DecisionText = Annotated[
    Literal["confirm", "reverse"],
    typer.Argument(help="Whether the settlement stands.", metavar="DECISION"),
]
Reason = Annotated[str, typer.Argument(help="Why.", metavar="REASON")]
State = Literal["open", "proposed", "confirmed", "reversed", "withdrawn"]
Kind = Literal["same_bill", "lines_again", "stays_overlap", "visit_count", "unapproved_drug"]


@app.command("list")
@takes_connection("settlement", region=_REGION)
def list_(
    at: Connection,
    state: Annotated[State | None, typer.Option(help="In this state; open ones wait.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Opened for this reason.")] = None,
    person: Annotated[str, typer.Option(help="Of this person.", metavar="ID")] = "",
    institution: Annotated[str, typer.Option(help="Of this institution.", metavar="CODE")] = "",
    as_json: Json = False,
) -> None:
    """List cases, the one opened first at the head."""
    from yibao_cli.console import err, out
    from yibao_cli.review import run_list

    raise typer.Exit(
        run_list(
            out,
            err,
            at,
            state=state or "",
            kind=kind or "",
            person_id=person,
            institution_id=institution,
        )
    )


@app.command()
@takes_connection("settlement", region=_REGION)
def show(
    at: Connection,
    review_id: ReviewId,
    as_json: Json = False,
) -> None:
    """Show a case, the settlements that it concerns and what happened to it."""
    from yibao_cli.console import err, out
    from yibao_cli.review import run_show

    raise typer.Exit(run_show(out, err, at, review_id))


@app.command()
@takes_connection("settlement", region=_REGION)
def propose(
    at: Connection,
    review_id: ReviewId,
    decision: DecisionText,
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Propose that the settlement stands or is reversed; another operator confirms it."""
    from yibao_cli.console import err, out
    from yibao_cli.review import run_propose

    raise typer.Exit(run_propose(out, err, at, review_id, decision=decision, reason=reason))


@app.command()
@takes_connection("settlement", region=_REGION)
def confirm(
    at: Connection,
    review_id: ReviewId,
    decision: DecisionText,
    as_json: Json = False,
) -> None:
    """Confirm what another operator proposed, and carry it out."""
    from yibao_cli.console import err, out
    from yibao_cli.review import run_confirm

    raise typer.Exit(run_confirm(out, err, at, review_id, decision=decision))


@app.command()
@takes_connection("settlement", region=_REGION)
def reject(
    at: Connection,
    review_id: ReviewId,
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Send back what another operator proposed."""
    from yibao_cli.console import err, out
    from yibao_cli.review import run_reject

    raise typer.Exit(run_reject(out, err, at, review_id, reason))

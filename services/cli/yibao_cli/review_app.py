"""The commands of `yibao review`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from yibao_cli.options import UseProxy

if TYPE_CHECKING:
    from yibao_cli.review import Service

app = typer.Typer(help="Settlements under review, for the agency.", no_args_is_help=True)

Region = Annotated[str, typer.Option(help="The pooling region of the cases.")]
Address = Annotated[str, typer.Option(help="host:port of the settlement service.")]
CaFile = Annotated[Path, typer.Option("--ca", help="PEM of the CA that certifies the service.")]
CertificateFile = Annotated[Path, typer.Option("--cert", help="PEM of the operator's certificate.")]
KeyFile = Annotated[Path, typer.Option("--key", help="PEM of the operator's key.")]
ReviewId = Annotated[str, typer.Argument(help="The case.")]
DecisionText = Annotated[
    Literal["confirm", "reverse"], typer.Argument(help="Whether the settlement stands.")
]
Reason = Annotated[str, typer.Argument(help="Why.")]
State = Literal["", "open", "proposed", "confirmed", "reversed", "withdrawn"]
Kind = Literal["", "same_bill", "lines_again", "stays_overlap", "visit_count", "unapproved_drug"]

_SECONDS = 30.0


def _service(
    region: str, address: str, ca: Path, cert: Path, key: Path, *, use_proxy: bool
) -> "Service":
    from yibao_cli.review import Service

    return Service(region, address, ca, cert, key, use_proxy, _SECONDS)


@app.command("list")
def list_(
    region: Region,
    address: Address,
    ca: CaFile,
    cert: CertificateFile,
    key: KeyFile,
    state: Annotated[State, typer.Option(help="In this state; open ones wait.")] = "",
    kind: Annotated[Kind, typer.Option(help="Opened for this reason.")] = "",
    person: Annotated[str, typer.Option(help="Of this person.")] = "",
    institution: Annotated[str, typer.Option(help="Of this institution.")] = "",
    use_proxy: UseProxy = False,
) -> None:
    """List cases, the one opened first at the head."""
    from yibao_cli.console import err, out
    from yibao_cli.review import run_list

    service = _service(region, address, ca, cert, key, use_proxy=use_proxy)
    raise typer.Exit(
        run_list(
            out,
            err,
            service,
            state=state,
            kind=kind,
            person_id=person,
            institution_id=institution,
        )
    )


@app.command()
def show(
    review_id: ReviewId,
    region: Region,
    address: Address,
    ca: CaFile,
    cert: CertificateFile,
    key: KeyFile,
    use_proxy: UseProxy = False,
) -> None:
    """Show a case, the settlements that it concerns and what happened to it."""
    from yibao_cli.console import err, out
    from yibao_cli.review import run_show

    service = _service(region, address, ca, cert, key, use_proxy=use_proxy)
    raise typer.Exit(run_show(out, err, service, review_id))


@app.command()
def propose(
    review_id: ReviewId,
    decision: DecisionText,
    reason: Reason,
    region: Region,
    address: Address,
    ca: CaFile,
    cert: CertificateFile,
    key: KeyFile,
    use_proxy: UseProxy = False,
) -> None:
    """Propose that the settlement stands or is reversed; another operator confirms it."""
    from yibao_cli.console import err, out
    from yibao_cli.review import run_propose

    service = _service(region, address, ca, cert, key, use_proxy=use_proxy)
    raise typer.Exit(run_propose(out, err, service, review_id, decision=decision, reason=reason))


@app.command()
def confirm(
    review_id: ReviewId,
    decision: DecisionText,
    region: Region,
    address: Address,
    ca: CaFile,
    cert: CertificateFile,
    key: KeyFile,
    use_proxy: UseProxy = False,
) -> None:
    """Confirm what another operator proposed, and carry it out."""
    from yibao_cli.console import err, out
    from yibao_cli.review import run_confirm

    service = _service(region, address, ca, cert, key, use_proxy=use_proxy)
    raise typer.Exit(run_confirm(out, err, service, review_id, decision=decision))


@app.command()
def reject(
    review_id: ReviewId,
    reason: Reason,
    region: Region,
    address: Address,
    ca: CaFile,
    cert: CertificateFile,
    key: KeyFile,
    use_proxy: UseProxy = False,
) -> None:
    """Send back what another operator proposed."""
    from yibao_cli.console import err, out
    from yibao_cli.review import run_reject

    service = _service(region, address, ca, cert, key, use_proxy=use_proxy)
    raise typer.Exit(run_reject(out, err, service, review_id, reason))

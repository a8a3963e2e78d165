"""The commands of `yibao catalogue`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from yibao_cli.command_line import App
from yibao_cli.connection import Connection, takes_connection
from yibao_cli.options import Json

app = App(help="The catalogue's lists: versions from import to approval, and downloads.")

_REGION = "The pooling region of the lists."

LayerName = Literal[
    "medical",
    "insurance",
    "mapping",
    "ceiling",
    "share",
    "payment-standard",
    "limited-use",
    "channel",
    "diagnosis",
    "operation",
    "chronic-disease",
]
Layer = Annotated[LayerName, typer.Option(help="Which list.")]
VersionId = Annotated[str, typer.Argument(help="The version.", metavar="VERSION_ID")]
_DAYS = ["%Y-%m-%d", "%Y%m%d"]
StartDate = Annotated[
    datetime,
    typer.Option(help="The first day that it decides.", formats=_DAYS, metavar="DAY"),
]
Title = Annotated[str, typer.Option(help="What the version is called.", metavar="TEXT")]


@app.command("import")
@takes_connection("settlement", region=_REGION)
def import_(
    at: Connection,
    file: Annotated[
        Path, typer.Argument(help="CSV, JSON or JSON Lines; see the page.", metavar="FILE")
    ],
    layer: Layer,
    start_date: StartDate,
    whole: Annotated[
        bool, typer.Option("--whole", help="It is the whole list: what it leaves out ends.")
    ] = False,
    title: Title = "",
    authority: Annotated[
        Literal["state", "province", "region"] | None,
        typer.Option(help="Who issued it; of ceilings, shares and payment standards."),
    ] = None,
    document: Annotated[
        str, typer.Option(help="By which document it was issued.", metavar="TEXT")
    ] = "",
    leave_out_refused: Annotated[
        bool, typer.Option("--leave-out-refused", help="Submit it without refused rows.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Where all faults go, as CSV.", metavar="FILE")
    ] = None,
    encoding: Annotated[
        str, typer.Option(help="Of the file, such as gb18030.", metavar="NAME")
    ] = "utf-8-sig",
    resume: Annotated[
        str, typer.Option(help="Go on with this draft, of the same file.", metavar="VERSION_ID")
    ] = "",
    as_json: Json = False,
) -> None:
    """Bring a file as a version of a list and submit it; another operator approves it.

    Ends with 1 where rows are refused: then nothing is submitted, unless they are left out.
    """
    from yibao_cli.catalogue.columns import AUTHORITIES, LAYERS
    from yibao_cli.catalogue.importing import Import, run_import
    from yibao_cli.console import ends_on_signals, out, told_plainly

    asked = Import(
        file,
        LAYERS[layer],
        start_date.date(),
        whole,
        title,
        AUTHORITIES[authority] if authority else 0,
        document,
        encoding,
        resume,
    )
    with told_plainly(), ends_on_signals():
        code = run_import(out, at, asked, report=report, leaves_out=leave_out_refused)
    raise typer.Exit(code)


@app.command("list")
@takes_connection("settlement", region=_REGION)
def list_(
    at: Connection,
    layer: Annotated[LayerName | None, typer.Option(help="Of this list.")] = None,
    state: Annotated[
        Literal["draft", "submitted", "approved", "withdrawn"] | None,
        typer.Option(help="In this state."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List versions, the one begun last first."""
    from yibao_cli.catalogue.calls import run_list
    from yibao_cli.catalogue.columns import LAYERS
    from yibao_cli.console import out, told_plainly

    states = ("", "draft", "submitted", "approved", "withdrawn")
    with told_plainly():
        code = run_list(
            out, at, layer=LAYERS[layer] if layer else 0, state=states.index(state or "")
        )
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region=_REGION)
def diff(at: Connection, version_id: VersionId, as_json: Json = False) -> None:
    """Show how a submitted version differs from what holds; ends with 1 where it does."""
    from yibao_cli.catalogue.calls import run_diff
    from yibao_cli.console import out, told_plainly

    with told_plainly():
        code = run_diff(out, at, version_id)
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region=_REGION)
def approve(
    at: Connection,
    version_id: VersionId,
    past_days: Annotated[
        bool, typer.Option("--past-days", help="It may decide days before today.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put a submitted version in force; not by the operator who brought it."""
    from yibao_cli.catalogue.calls import run_approve
    from yibao_cli.console import out, told_plainly

    with told_plainly():
        code = run_approve(out, at, version_id, past_days=past_days)
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region=_REGION)
def withdraw(at: Connection, version_id: VersionId, as_json: Json = False) -> None:
    """Give up a version that is not approved."""
    from yibao_cli.catalogue.calls import run_withdraw
    from yibao_cli.console import out, told_plainly

    with told_plainly():
        code = run_withdraw(out, at, version_id)
    raise typer.Exit(code)


@app.command("roll-back")
@takes_connection("settlement", region=_REGION)
def roll_back(
    at: Connection,
    version_id: VersionId,
    start_date: StartDate,
    title: Title = "",
    as_json: Json = False,
) -> None:
    """Make a version that says again what held before an approved one; it waits for approval."""
    from yibao_cli.catalogue.calls import run_roll_back
    from yibao_cli.console import out, told_plainly

    with told_plainly():
        code = run_roll_back(out, at, version_id, start=start_date.date(), title=title)
    raise typer.Exit(code)


@app.command()
@takes_connection("settlement", region=_REGION)
def export(
    at: Connection,
    file: Annotated[Path, typer.Argument(help="Where the CSV goes.", metavar="FILE")],
    layer: Layer,
    date: Annotated[
        datetime | None,
        typer.Option(help="What holds on this day.", formats=_DAYS, metavar="DAY"),
    ] = None,
    after: Annotated[
        int, typer.Option(help="What versions after this number say.", min=0, metavar="NUMBER")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Write a list as CSV: what holds on a day, or all that versions said."""
    from yibao_cli.catalogue.calls import run_export
    from yibao_cli.catalogue.columns import LAYERS
    from yibao_cli.console import out, told_plainly

    day = date.date() if date else None
    with told_plainly():
        code = run_export(out, at, file, layer=LAYERS[layer], day=day, after=after)
    raise typer.Exit(code)

"""The commands of `yibao paper`."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal

import typer

from yibao_cli.command_line import App
from yibao_cli.connection import Connection, takes_connection
from yibao_cli.options import Json

app = App(help="Papers and photos of care elsewhere: handed in, looked at, saved to a file.")

_REGION = "The pooling region that insures the person."

PaperId = Annotated[str, typer.Argument(help="The paper.", metavar="PAPER_ID")]
Purpose = Literal["review", "audit", "appeal", "supervision", "own"]


@app.command()
@takes_connection("offsite", region=_REGION)
def upload(
    at: Connection,
    file: Annotated[Path, typer.Argument(help="A PDF, JPEG or PNG.", metavar="FILE")],
    person: Annotated[str, typer.Option(help="The person whom it is about.", metavar="ID")],
    kind: Annotated[str, typer.Option(help="Which paper it is, such as lease.", metavar="KIND")],
    taken: Annotated[
        dt.datetime | None, typer.Option(help="Of a photo: when it was taken; local time.")
    ] = None,
    author: Annotated[str, typer.Option(help="Of a photo: who took it.", metavar="NAME")] = "",
    place: Annotated[str, typer.Option(help="Of a photo: where.", metavar="TEXT")] = "",
    as_json: Json = False,
) -> None:
    """Hand a file in, part by part; what is refused is given up again."""
    from yibao_cli.console import err, out
    from yibao_cli.paper import Photo, run_upload

    photo = None
    if taken is not None or author or place:
        photo = Photo(taken, author, place)
    raise typer.Exit(run_upload(out, err, at, file=file, person_id=person, kind=kind, photo=photo))


@app.command()
@takes_connection("offsite", region=_REGION)
def show(at: Connection, paper_id: PaperId, as_json: Json = False) -> None:
    """Show what is known of a paper, without its contents."""
    from yibao_cli.console import err, out
    from yibao_cli.paper import run_show

    raise typer.Exit(run_show(out, err, at, paper_id))


@app.command()
@takes_connection("offsite", region=_REGION)
def save(
    at: Connection,
    paper_id: PaperId,
    file: Annotated[Path, typer.Argument(help="A file that is not there yet.", metavar="FILE")],
    purpose: Annotated[Purpose, typer.Option(help="For what it is read; goes on record.")],
    as_json: Json = False,
) -> None:
    """Read a paper into a file that its owner alone may read."""
    from yibao_cli.console import err, out
    from yibao_cli.paper import run_save

    raise typer.Exit(run_save(out, err, at, paper_id, file=file, purpose=purpose))

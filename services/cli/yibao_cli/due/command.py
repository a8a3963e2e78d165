"""The command `yibao due`."""

from datetime import datetime
from typing import Annotated

import typer

from yibao_cli.connection import Connection, takes_connection
from yibao_cli.due.kinds import DueKind
from yibao_cli.options import Json, Timeout


@takes_connection("offsite", region="The pooling region of the agency.")
def due(
    at: Connection,
    until: Annotated[
        datetime | None,
        typer.Option(
            help="The last day in Asia/Shanghai; today by the server's clock if absent.",
            formats=["%Y-%m-%d", "%Y%m%d"],
            metavar="DAY",
        ),
    ] = None,
    kind: Annotated[
        list[DueKind] | None,
        typer.Option(help=f"Of this kind alone; repeatable: {', '.join(DueKind)}.", metavar="KIND"),
    ] = None,
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Tell an agency what it has to do by a day about care elsewhere, overdue first.

    Registrations to decide, check or ask about, pre-evaluations and rechecks, tickets,
    qualifications, audits with holds and assistance checks, complaints, and waivers of papers.
    """
    from yibao_cli.console import ends_on_signals, err, out, told_plainly
    from yibao_cli.due.report import run_due

    with told_plainly(), ends_on_signals():
        day = until.date() if until else None
        kinds = kind or list(DueKind)
        code = run_due(out, err, at, until=day, kinds=kinds, seconds=timeout)
    raise typer.Exit(code)

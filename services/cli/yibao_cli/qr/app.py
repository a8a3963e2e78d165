"""The commands of `yibao qr`. Each imports what it needs when it runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from yibao_cli.command_line import App
from yibao_cli.connection import Connection, takes_connection
from yibao_cli.options import Json

app = App(help="QR codes of e-certificates.")


def _asks_for_a_service(typed: Mapping[str, Any]) -> str | None:
    return "identity" if typed.get("watch") else None


@app.command()
@takes_connection(
    _asks_for_a_service, region="With --watch: the pooling region of the holder.", required=False
)
def show(
    at: Connection,
    text: Annotated[
        str | None, typer.Argument(help="The text of the code: MI1-... or MI2-...", metavar="TEXT")
    ] = None,
    png: Annotated[
        Path | None, typer.Option(help="Write a picture instead.", metavar="FILE")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show a live code of a certificate, until Ctrl-C.")
    ] = False,
    certificate_id: Annotated[
        str, typer.Option(help="With --watch: the e-certificate to show.", metavar="ID")
    ] = "",
    audience: Annotated[
        str, typer.Option(help="With --watch: the business type that it is for.", metavar="CODE")
    ] = "01301",
    as_json: Json = False,
) -> None:
    """Draw a code in the terminal, or with --watch a live one that changes each minute.

    A terminal that is too narrow for a code is told so: a torn one cannot be scanned.
    """
    from yibao_cli.console import ends_on_signals, err, out, told_plainly

    if not watch:
        if not text:
            raise typer.BadParameter("give the text of a code, or --watch")
        from yibao_cli.qr.show import run_show

        with told_plainly():
            raise typer.Exit(run_show(out, text, png=png))
    for given, option in ((text, "the text"), (png, "--png"), (as_json, "--json")):
        if given:
            raise typer.BadParameter(f"--watch makes its own codes; leave {option} out")
    missing = [*at.missing(), *([] if certificate_id else ["--certificate-id"])]
    if missing:
        hint = "; a context has them together: yibao context -h" if at.missing() else ""
        raise typer.BadParameter(f"--watch needs {', '.join(missing)}{hint}")
    from yibao_cli.qr.watch import run_watch

    with told_plainly(), ends_on_signals():
        raise typer.Exit(run_watch(out, err, at, certificate_id=certificate_id, audience=audience))


@app.command()
def scan(
    file: Annotated[
        Path,
        typer.Argument(help="The picture, PNG, of at most 4 million pixels.", metavar="FILE"),
    ],
    as_json: Json = False,
) -> None:
    """Read the QR code in a picture and print its text."""
    from yibao_cli.console import err, out
    from yibao_cli.qr.scan import run_scan

    raise typer.Exit(run_scan(out, err, file))


@app.command()
def verify(
    text: Annotated[
        str, typer.Argument(help="The text of the code; - reads stdin.", metavar="TEXT")
    ],
    snapshot: Annotated[Path, typer.Option(help="The trust snapshot, as it was fetched.")],
    root: Annotated[Path, typer.Option(help="The root of trust, as it was installed.")],
    audience: Annotated[
        list[str] | None, typer.Option(help="Accepted business type; repeatable. All if absent.")
    ] = None,
    status_list: Annotated[
        list[Path] | None,
        typer.Option(help="A status list, as it was fetched; repeatable. Codes MI2-... need it."),
    ] = None,
    challenge: Annotated[
        str, typer.Option(help="What the terminal showed to the phone: 16 hexadecimal digits.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Verify a code offline and print what it states."""
    from yibao_cli.console import err, out
    from yibao_cli.qr.verify import run_verify
    from yibao_common.values.clock import system_clock

    raise typer.Exit(
        run_verify(
            out,
            err,
            text,
            snapshot_file=snapshot,
            root_file=root,
            status_list_files=status_list or [],
            audiences=audience or [],
            challenge=challenge,
            clock=system_clock,
        )
    )

"""The commands of `yibao qr`. Each imports what it needs when it runs."""

from pathlib import Path
from typing import Annotated

import typer

from yibao_cli.options import UseProxy

app = typer.Typer(help="QR codes of e-certificates.", no_args_is_help=True)


@app.command()
def show(
    text: Annotated[
        str | None, typer.Argument(help="The text of the code: MI1-... or MI2-...")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show a live code of a certificate, until Ctrl-C.")
    ] = False,
    region: Annotated[str, typer.Option(help="The pooling region of the holder.")] = "",
    certificate_id: Annotated[str, typer.Option(help="The e-certificate to show.")] = "",
    audience: Annotated[str, typer.Option(help="The business type that it is for.")] = "01301",
    address: Annotated[str, typer.Option(help="host:port of the identity service.")] = "",
    ca: Annotated[
        Path | None, typer.Option(help="PEM of the CA that certifies the service.")
    ] = None,
    cert: Annotated[Path | None, typer.Option(help="PEM of the caller's certificate.")] = None,
    key: Annotated[Path | None, typer.Option(help="PEM of the caller's key.")] = None,
    use_proxy: UseProxy = False,
) -> None:
    """Draw a code in the terminal, or with --watch a live one that changes each minute."""
    from yibao_cli.console import ends_on_signals, err, out, told_plainly

    if not watch:
        from yibao_cli.demo.view import code_picture

        if not text:
            raise typer.BadParameter("give the text of a code, or --watch")
        try:
            picture = code_picture(text)
        except ValueError:
            raise typer.BadParameter("the text is too long for a QR code") from None
        out.print(picture)
        return
    if text is not None:
        raise typer.BadParameter("--watch makes its own codes; leave the text out")
    if not (region and certificate_id and address) or ca is None or cert is None or key is None:
        wanted = "--region, --certificate-id, --address, --ca, --cert and --key"
        raise typer.BadParameter(f"--watch needs {wanted}")
    from yibao_cli.qr.watch import IssuerFiles, run_watch

    files = IssuerFiles(address, ca, cert, key, use_proxy)
    with told_plainly(), ends_on_signals():
        raise typer.Exit(
            run_watch(
                out,
                err,
                files,
                region=region,
                certificate_id=certificate_id,
                audience=audience,
            )
        )


@app.command()
def scan(
    file: Annotated[Path, typer.Argument(help="The picture, PNG, of at most 4 million pixels.")],
) -> None:
    """Read the QR code in a picture and print its text."""
    from yibao_cli.console import err, out
    from yibao_cli.qr.scan import run_scan

    raise typer.Exit(run_scan(out, err, file))


@app.command()
def verify(
    text: Annotated[str, typer.Argument(help="The text of the code; - reads stdin.")],
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

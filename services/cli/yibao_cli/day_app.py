"""The commands of `yibao day`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from yibao_cli.options import UseProxy

app = typer.Typer(help="An institution's days, compared with the insurer's.", no_args_is_help=True)


@app.callback()
def _days() -> None:
    """Keeps `close` a command of its own name while it is the only one."""


@app.command()
def close(
    file: Annotated[Path, typer.Argument(help="The CSV file of the institution's own acts.")],
    day: Annotated[
        datetime, typer.Option(help="The day in Asia/Shanghai.", formats=["%Y-%m-%d", "%Y%m%d"])
    ],
    region: Annotated[str, typer.Option(help="The pooling region that pays.")],
    address: Annotated[str, typer.Option(help="host:port of the settlement service.")],
    ca: Annotated[Path, typer.Option(help="PEM of the CA that certifies the service.")],
    cert: Annotated[Path, typer.Option(help="PEM of the institution's certificate.")],
    key: Annotated[Path, typer.Option(help="PEM of the institution's key.")],
    report: Annotated[
        Path | None, typer.Option(help="Where all differences go too, as CSV.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Such as gb18030.")] = "utf-8-sig",
    timeout: Annotated[
        float, typer.Option(help="Seconds to wait for each answer.", min=0.001, max=3_600)
    ] = 30.0,
    use_proxy: UseProxy = False,
) -> None:
    """Compare a day with the insurer: sums beside each other, and every difference.

    Ends with 0 where the day is balanced, 1 where something differs, 2 where it was not compared.
    """
    from yibao_cli.console import ends_on_signals, err, out, told_plainly
    from yibao_cli.day_close import Service, run_close

    service = Service(region, address, ca, cert, key, use_proxy, timeout)
    with told_plainly(), ends_on_signals():
        code = run_close(out, err, service, file, day.date(), report=report, encoding=encoding)
    raise typer.Exit(code)

"""Versions of lists through the real service: its stub, and the commands with files."""

import csv
import datetime as dt
import json
from pathlib import Path

from support.both_services import BothServices
from support.settlement_world import REGION
from typer.testing import CliRunner, Result

from yibao.common.v1.date_pb2 import Date
from yibao.settlement.v1.catalogue_version_service_pb2_grpc import CatalogueVersionServiceStub
from yibao_cli.main import app
from yibao_common.values.calendar import shanghai_day

SINCE = Date(year=2014, month=1, day=1)


def versions(services: BothServices, name: str = "maker") -> CatalogueVersionServiceStub:
    """Returns the service's stub as somebody calls it."""
    return CatalogueVersionServiceStub(services.channel("settlement", name))


def today(services: BothServices) -> dt.date:
    """Returns the services' day."""
    return shanghai_day(services.clock())


def yibao(services: BothServices, name: str, *words: str) -> Result:
    """Runs a command of `yibao catalogue` as somebody."""
    folder = services.files.folder
    return CliRunner().invoke(
        app,
        [
            *("catalogue", *words),
            *("--region", REGION, "--address", f"localhost:{services.ports['settlement']}"),
            *("--ca", str(folder / "ca.pem"), "--cert", str(folder / f"{name}.pem")),
            *("--key", str(folder / f"{name}.key")),
        ],
    )


def document(result: Result, *, exit_code: int = 0) -> dict[str, object]:
    """Returns what a command with `--json` printed."""
    assert result.exit_code == exit_code, result.output
    read: dict[str, object] = json.loads(result.stdout)
    return read


def write(file: Path, columns: tuple[str, ...], *rows: tuple[str, ...]) -> str:
    """Writes a CSV file as spreadsheets do; returns its path."""
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(rows)
    return str(file)


def put(
    services: BothServices, file: str, layer: str, *more: str, start: str = "2014-01-01"
) -> str:
    """Imports and approves a file by the command; returns the version's id."""
    words = ("import", file, "--layer", layer, "--start-date", start, "--json", *more)
    brought = document(yibao(services, "maker", *words))
    version = brought["version"]
    assert isinstance(version, dict)
    version_id = str(version["version_id"])
    document(yibao(services, "checker", "approve", version_id, "--past-days", "--json"))
    return version_id

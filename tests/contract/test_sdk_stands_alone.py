"""What hospitals install: one top-level module, and nothing of the servers."""

import subprocess
import sys
import zipfile
from pathlib import Path

from support.contracts import ROOT

SERVER_ONLY = {
    "yibao_common",
    "yibao_identity",
    "yibao_settlement",
    "yibao_offsite",
    "yibao_cli",
    "sqlalchemy",
    "alembic",
    "psycopg",
    "pydantic",
    "yaml",
    "structlog",
    "prometheus_client",
    "typer",
    "rich",
    "segno",
    "uvloop",
}

IMPORT_EVERYTHING = """
import pkgutil, sys, yibao
for found in pkgutil.walk_packages(yibao.__path__, "yibao."):
    __import__(found.name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_the_wheel_holds_one_top_level_module(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT / "sdk", check=True, capture_output=True)
    (wheel,) = tmp_path.glob("yibao-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"yibao"}
    assert "yibao/py.typed" in names
    assert "yibao/settlement/v1/settlement_service_pb2_grpc.py" in names


def test_importing_all_of_the_sdk_loads_no_server_module() -> None:
    command = [sys.executable, "-c", IMPORT_EVERYTHING]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert {"yibao", "grpc", "google", "cryptography"} <= loaded
    assert loaded & SERVER_ONLY == set()

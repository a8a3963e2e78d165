"""The commands of `protos/README.md` work as they stand, against a service.

Each language is tried where its tools are installed, and skipped where they are not; what CI
always has is never skipped there (`YIBAO_REQUIRED_LANGUAGES`). Blocks marked `sh` are run;
`shell` marks what needs a network that tests do not have.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

import pytest
from support.both_services import ADMISSION, CALL_SECONDS, SETTLE, BothServices, both_services
from support.contracts import ROOT
from support.databases import SqliteDatabases
from support.languages import (
    build_go,
    build_java,
    commands,
    install_node,
    needs,
    ran,
    refused,
    with_protos,
)
from support.settlement_world import REGION

from yibao.identity.v1.certificate_service_pb2 import IssueQrCodeRequest
from yibao_settlement.ledger_check import check_ledger

CODEGEN = ROOT / ".venv-codegen" / "bin" / "python"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BothServices]:
    folder = tmp_path_factory.mktemp("first")
    databases = SqliteDatabases(folder)
    with both_services(folder / "files", databases) as services:
        yield services
    databases.close()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return with_protos(tmp_path)


def address_of(services: BothServices) -> str:
    folder = services.files.folder
    keys = " ".join(str(folder / name) for name in ("ca.pem", "hospital.pem", "hospital.key"))
    return f"localhost:{services.ports['settlement']} {keys}"


def call_of(services: BothServices, item: str) -> str:
    return f"{address_of(services)} {REGION} {item}"


def shim(place: Path, name: str, script: str) -> None:
    file = place / "bin" / name
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(0o755)


def check(place: Path, script: str, services: BothServices, **environment: str) -> None:
    """Checks that the program tells an item's name, and of an unknown one the reason."""
    name = ran(place, script, CALL=call_of(services, "A1"), **environment)
    assert name[-1:] == ["甲类药"]
    last_command = script.strip().splitlines()[-1]
    code, *told = ran(place, last_command, CALL=call_of(services, "NOPE"), **environment)[-3:]
    assert code.replace("_", "").upper() == "INVALIDARGUMENT"
    assert told == ["ERROR_REASON_CATALOGUE_ITEM_UNKNOWN", "项目不在医保目录内"]


def code(services: BothServices, certificate_id: str, audience: str) -> str:
    """Returns a code by the machine's own clock, which is that of the programs."""
    time.sleep(1)  # Codes of one second and holder do not go together (I-01).
    request = IssueQrCodeRequest(region=REGION, certificate_id=certificate_id, audience=audience)
    return services.certificates().IssueQrCode(request, timeout=CALL_SECONDS).qr_text


def check_day(place: Path, command: str, services: BothServices, **environment: str) -> None:
    """Checks that a program takes a patient from the scan to the close of the day.

    It is refused with a code that was shown before, and says so.
    """
    _, certificate_id, _ = services.person()
    admission, payment = (code(services, certificate_id, each) for each in (ADMISSION, SETTLE))
    script = f"{command} {address_of(services)} {quote(admission)} {quote(payment)}"
    told = [line.split(" ", 1) for line in ran(place, script, **environment)]
    day = told.pop()
    assert told == [
        ["patient", "欧***"],
        ["registered", told[1][1]],
        ["uploaded", "3"],
        ["trial", "616760 0 433240"],
        ["outcome", told[4][1]],
        ["found", "true 433240"],
        ["returned", "32980 17020"],
        ["listed", "1"],
    ]
    assert told[1][1].endswith("VISIT_STATE_REGISTERED")
    assert told[4][1].endswith("REQUEST_STATE_BOOKED")
    settled, refunded, total_fen = map(int, day[1].split())
    assert (day[0], settled, total_fen) == ("day", refunded, refunded * 1_000_000)
    said = refused(place, script, **environment).replace("_", "").upper()
    assert "FAILEDPRECONDITION" in said or "ALREADYEXISTS" in said, said
    assert check_ledger(services.database).drifts == []


def test_python(place: Path, running: BothServices) -> None:
    needs("Python", CODEGEN.exists())
    # The generator lives in an environment of its own, and the SDK's stubs must not be seen.
    site = sysconfig.get_path("purelib")
    shim(
        place,
        "python",
        f'[ "$2" = grpc_tools.protoc ] && exec {CODEGEN} "$@"\n'
        f'PYTHONPATH="$PYTHONPATH:{site}" exec {sys.executable} -S "$@"',
    )
    check(place, commands("Python"), running)


@pytest.mark.long
def test_node(place: Path, running: BothServices) -> None:
    install_node(place)
    check(place, commands("Node.js").strip().splitlines()[-1], running)
    check_day(place, "node protos/examples/hospital_day.js", running)


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs" / "coding").glob("*.md")), ids=lambda p: p.name
)
def test_javascript_in_documents_is_javascript(page: Path, tmp_path: Path) -> None:
    for number, block in enumerate(
        re.findall(r"^```js\n(.*?)^```$", page.read_text(), re.M | re.S)
    ):
        needs("Node.js", shutil.which("node"))
        program = tmp_path / f"{number}.js"
        program.write_text(block, encoding="utf-8")
        subprocess.run(["node", "--check", program], check=True)


@pytest.mark.long
def test_java(place: Path, running: BothServices) -> None:
    environment = build_java(place)
    check(place, commands("Java").strip().splitlines()[-1], running, **environment)
    check_day(place, 'java -cp "classes:$CLASSPATH" HospitalDay', running, **environment)


@pytest.mark.long
def test_go(place: Path, running: BothServices) -> None:
    build_go(place)
    check(place, "first_call $CALL", running)
    check_day(place, "hospital_day", running)


def test_dotnet(place: Path, running: BothServices) -> None:
    needs(".NET", shutil.which("dotnet"))
    check(place, commands(".NET"), running)

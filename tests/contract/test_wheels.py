"""What the two wheels hold: our packages, the licence, and nothing of others."""

import email
import email.message
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.contracts import ROOT

PACKAGES = {
    "sdk": {"yibao"},
    ".": {"yibao_common", "yibao_identity", "yibao_settlement", "yibao_offsite", "yibao_cli"},
}


@pytest.fixture(scope="module", params=PACKAGES)
def wheel(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, zipfile.ZipFile]:
    """Builds a distribution as it is released."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT / request.param,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (built,) = folder.glob("*.whl")
    return request.param, zipfile.ZipFile(built)


def metadata(archive: zipfile.ZipFile) -> email.message.Message:
    (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
    return email.message_from_bytes(archive.read(name))


def test_a_wheel_has_the_licence_and_names_it(wheel: tuple[str, zipfile.ZipFile]) -> None:
    _, archive = wheel
    (name,) = [each for each in archive.namelist() if each.endswith("/licenses/LICENSE")]
    assert archive.read(name) == (ROOT / "LICENSE").read_bytes()
    assert metadata(archive)["License-Expression"] == "Apache-2.0"


def test_a_wheel_ships_our_packages_alone(wheel: tuple[str, zipfile.ZipFile]) -> None:
    distribution, archive = wheel
    tops = {Path(name).parts[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES[distribution]


def test_both_copies_of_the_licence_are_one() -> None:
    assert (ROOT / "sdk" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()

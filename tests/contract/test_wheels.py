"""What the two wheels hold: our packages, the licence, examples, and nothing of others.

Installed into an environment of their own, without a network, they work.
"""

import email
import email.message
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.contracts import REGISTRY_HOSTS, ROOT

PACKAGES = {
    "sdk": {"yibao"},
    ".": {"yibao_common", "yibao_identity", "yibao_settlement", "yibao_offsite", "yibao_cli"},
}


EXAMPLES = {
    "sdk": {f"examples/{path.name}" for path in (ROOT / "sdk" / "examples").iterdir()},
    ".": {f"{service}.example.toml" for service in ("identity", "settlement", "offsite")},
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Builds both distributions as `make wheels` does."""
    made = {}
    for distribution in PACKAGES:
        folder = tmp_path_factory.mktemp("wheel")
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
            cwd=ROOT / distribution,
            check=True,
            capture_output=True,
            timeout=120,
        )
        (made[distribution],) = folder.glob("*.whl")
    return made


@pytest.fixture(params=PACKAGES)
def wheel(
    request: pytest.FixtureRequest, built: dict[str, Path]
) -> Iterator[tuple[str, zipfile.ZipFile]]:
    with zipfile.ZipFile(built[request.param]) as archive:
        yield request.param, archive


@pytest.fixture(scope="module")
def installed(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns an environment with both wheels, and what they require, from this one."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    # Of a folder named so nothing is run: the checkout, installed here in place, stays out.
    (packages / "required.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    options = ["--no-index", "--no-deps", "--force-reinstall", "--disable-pip-version-check"]
    subprocess.run([*pip, *options, *map(str, built.values())], check=True, timeout=120)
    return folder


def run(installed: Path, *command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Runs a program of the environment in a folder that is no checkout."""
    program = str(installed / "bin" / command[0])
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [program, *command[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


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
    ours = {top for top in tops if not top.endswith((".dist-info", ".data"))}
    assert ours == PACKAGES[distribution]


def test_a_wheel_brings_its_examples(wheel: tuple[str, zipfile.ZipFile]) -> None:
    distribution, archive = wheel
    shared = (name.partition(".data/data/share/yibao/")[2] for name in archive.namelist())
    assert {name for name in shared if name} == EXAMPLES[distribution]


def test_a_wheel_has_links_and_none_leads_to_an_index(
    wheel: tuple[str, zipfile.ZipFile],
) -> None:
    _, archive = wheel
    links = metadata(archive).get_all("Project-URL") or []
    assert links
    for host in REGISTRY_HOSTS:
        assert not any(host in link for link in links)


def test_installed_without_a_network_the_programs_run(installed: Path, tmp_path: Path) -> None:
    where = "import yibao, yibao_cli, yibao_identity as i; print(yibao_cli.__file__, i.__file__)"
    places = run(installed, "python", "-c", where, folder=tmp_path).stdout.split()
    assert len(places) == 2
    assert all(Path(place).is_relative_to(installed) for place in places)
    assert run(installed, "yibao", "--version", folder=tmp_path).stdout.strip()
    policies = sorted(installed.glob("lib/python*/site-packages/yibao_cli/policies/*/*-*.yaml"))
    checked = run(installed, "yibao", "policy", "check", str(policies[0]), folder=tmp_path)
    assert checked.returncode == 0, checked.stderr
    example = installed / "share" / "yibao" / "offsite.example.toml"
    started = run(installed, "yibao-offsite", "--config", str(example), folder=tmp_path)
    assert started.returncode == 2
    assert "Traceback" not in started.stderr


def test_the_installed_examples_run_as_they_stand(installed: Path, tmp_path: Path) -> None:
    for example in sorted((installed / "share" / "yibao" / "examples").glob("*.py")):
        ended = run(installed, "python", str(example), folder=tmp_path)
        assert ended.returncode == 0, ended.stderr


def test_no_page_installs_by_a_name_that_is_anybodys() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "sdk").glob("*.md")]
    pages += [*(ROOT / "protos").glob("*.md"), *(ROOT / "services").glob("*/*.md")]
    by_name = re.compile(r"pip install +['\"]?yibao(?:-server)?\b(?![\w./-]*\.whl)|PyPI")
    found = [str(path) for path in pages if by_name.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_both_copies_of_the_licence_are_one() -> None:
    assert (ROOT / "sdk" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()

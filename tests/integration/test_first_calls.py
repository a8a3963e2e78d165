"""The commands of `protos/README.md` work as they stand, against a service.

Each language is tried where its tools are installed, and skipped where they are not; what CI
always has is never skipped there (`YIBAO_REQUIRED_LANGUAGES`). Blocks marked `sh` are run;
`shell` marks what needs a network that tests do not have.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import google.rpc  # type: ignore[import-untyped]
import pytest
from support.both_services import BothServices, both_services
from support.contracts import ROOT
from support.databases import SqliteDatabases
from support.settlement_world import REGION

README = (ROOT / "protos" / "README.md").read_text(encoding="utf-8")
DEBIAN_JARS = Path("/usr/share/java")
DEBIAN_GO = Path("/usr/share/gocode")
CODEGEN = ROOT / ".venv-codegen" / "bin" / "python"
# Go keeps there what it has compiled of the libraries, for the next run.
GO_CACHE = ROOT / "var" / "go-cache"
# Some 275,000 lines are compiled once: what optimises for long runs takes longer itself.
BRIEF_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"
SECONDS = 300


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BothServices]:
    folder = tmp_path_factory.mktemp("first")
    databases = SqliteDatabases(folder)
    with both_services(folder / "files", databases) as services:
        yield services
    databases.close()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder that has the protos in it, as the README asks for."""
    shutil.copytree(ROOT / "protos", tmp_path / "protos")
    (tmp_path / "bin").mkdir()
    return tmp_path


def commands(language: str) -> str:
    """Returns what the README tells to run for a language."""
    section = re.search(rf"^### {re.escape(language)}\n(.*?)(?=^### |\Z)", README, re.M | re.S)
    assert section is not None
    return "".join(re.findall(r"^```sh\n(.*?)^```$", section[1], re.M | re.S))


def call_of(services: BothServices, item: str) -> str:
    folder = services.files.folder
    keys = " ".join(str(folder / name) for name in ("ca.pem", "hospital.pem", "hospital.key"))
    return f"localhost:{services.ports['settlement']} {keys} {REGION} {item}"


def needs(language: str, *found: object) -> None:
    if all(found):
        return
    if language in os.environ.get("YIBAO_REQUIRED_LANGUAGES", "").split():
        pytest.fail(f"what {language} needs is not installed")
    pytest.skip(f"what {language} needs is not installed")


def ran(place: Path, script: str, **environment: str) -> list[str]:
    """Runs commands in the folder and returns what they print, line by line."""
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=place,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


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
    needs("Node.js", shutil.which("node"), shutil.which("npm"))
    install, call = commands("Node.js").strip().splitlines()
    try:
        ran(place, install)
    except AssertionError:
        # The libraries cannot be had where there is no network.
        needs("Node.js", False)
    check(place, call, running)


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
def test_java(place: Path) -> None:
    """Generates and compiles: Debian's netty has no ALPN, so its program cannot call."""
    tools = map(shutil.which, ("protoc", "grpc_java_plugin", "javac"))
    jars = (DEBIAN_JARS / f"{name}.jar" for name in ("grpc-protobuf", "grpc-stub", "protobuf"))
    needs("Java", *tools, *(jar.exists() for jar in jars))
    # Debian's library leaves the classes of google.rpc out; everybody else's brings them.
    protos = Path(google.rpc.__path__[0]).parents[1]
    names = [f"google/rpc/{name}.proto" for name in ("status", "error_details", "code")]
    ran(place, f"mkdir gen && protoc -I {protos} --java_out=gen {' '.join(names)}")
    *before, run = commands("Java").strip().splitlines()
    assert run == 'java -cp "classes:$CLASSPATH" FirstCall $CALL'
    script = "\n".join(before)
    ran(place, script, CLASSPATH=f"{DEBIAN_JARS}/*", JAVA_TOOL_OPTIONS=BRIEF_JAVA)
    assert (place / "classes" / "FirstCall.class").exists()


@pytest.mark.long
def test_go(place: Path) -> None:
    """Generates and compiles: Debian's two libraries of protobuf do not run together."""
    tools = map(shutil.which, ("protoc", "protoc-gen-go", "protoc-gen-go-grpc", "go"))
    needs("Go", *tools, (DEBIAN_GO / "src" / "google.golang.org" / "grpc").exists())
    # Debian keeps Go libraries as sources for GOPATH; modules would need a network.
    build = "mkdir -p path/src && ln -s ../../gen/yibao path/src/yibao\n"
    ran(
        place,
        f"{commands('Go')}{build}go vet protos/examples/first_call.go",
        GO111MODULE="off",
        GOFLAGS="",
        GOPATH=f"{place / 'path'}:{DEBIAN_GO}",
        GOCACHE=str(GO_CACHE),
    )


def test_dotnet(place: Path, running: BothServices) -> None:
    needs(".NET", shutil.which("dotnet"))
    check(place, commands(".NET"), running)

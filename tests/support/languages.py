"""Foreign clients: what their tools need, and programs built as `protos/README.md` tells."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import google.rpc  # type: ignore[import-untyped]
import pytest
from support.contracts import ROOT

README = (ROOT / "protos" / "README.md").read_text(encoding="utf-8")
_DEBIAN_JARS = Path("/usr/share/java")
_DEBIAN_GO = Path("/usr/share/gocode")
# Debian's netty has no ALPN: its programs call over the JDK's HTTP/2.
_JDK_CHANNELS = ROOT / "tests" / "support" / "java"
# Go keeps there what it has compiled of the libraries, for the next run.
_GO_CACHE = ROOT / "var" / "go-cache"
# Much is compiled once: what optimises for long runs takes longer itself.
_BRIEF_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"
_SECONDS = 300


def commands(language: str) -> str:
    """Returns what the README tells to run for a language."""
    section = re.search(rf"^### {re.escape(language)}\n(.*?)(?=^### |\Z)", README, re.M | re.S)
    assert section is not None
    return "".join(re.findall(r"^```sh\n(.*?)^```$", section[1], re.M | re.S))


def needs(language: str, *found: object) -> None:
    """Skips a test whose tools are not there; CI names what must be (YIBAO_REQUIRED_LANGUAGES)."""
    if all(found):
        return
    if language in os.environ.get("YIBAO_REQUIRED_LANGUAGES", "").split():
        pytest.fail(f"what {language} needs is not installed")
    pytest.skip(f"what {language} needs is not installed")


def ran(place: Path, script: str, **environment: str) -> list[str]:
    """Runs commands in the folder and returns what they print, line by line."""
    done = _run(place, script, environment)
    assert done.returncode == 0, (done.stderr + done.stdout)[-3000:]
    return done.stdout.splitlines()


def refused(place: Path, script: str, **environment: str) -> str:
    """Runs commands that end with a fault and returns what they say of it."""
    done = _run(place, script, environment)
    assert done.returncode != 0, done.stdout
    return done.stderr


def _run(
    place: Path, script: str, environment: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=place,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )


def with_protos(place: Path) -> Path:
    """Makes a folder that has the protos in it, as the README asks for; returns it."""
    shutil.copytree(ROOT / "protos", place / "protos")
    (place / "bin").mkdir()
    return place


def install_node(place: Path) -> None:
    """Installs the libraries of Node.js; skips where they cannot be had, for want of a network."""
    needs("Node.js", shutil.which("node"), shutil.which("npm"))
    install, _ = commands("Node.js").strip().splitlines()
    try:
        ran(place, install)
    except AssertionError:
        needs("Node.js", False)


def build_java(place: Path) -> dict[str, str]:
    """Compiles the examples; returns the environment in which they run."""
    tools = map(shutil.which, ("protoc", "grpc_java_plugin", "javac"))
    jars = (_DEBIAN_JARS / f"{name}.jar" for name in ("grpc-protobuf", "grpc-stub", "protobuf"))
    needs("Java", *tools, *(jar.exists() for jar in jars))
    # Debian's library leaves the classes of google.rpc out; everybody else's brings them.
    protos = Path(google.rpc.__path__[0]).parents[1]
    names = [f"google/rpc/{name}.proto" for name in ("status", "error_details", "code")]
    ran(place, f"mkdir gen && protoc -I {protos} --java_out=gen {' '.join(names)}")
    *before, run = commands("Java").strip().splitlines()
    assert run == 'java -cp "classes:$CLASSPATH" FirstCall $CALL'
    environment = {"CLASSPATH": f"{_DEBIAN_JARS}/*", "JAVA_TOOL_OPTIONS": _BRIEF_JAVA}
    ran(place, "\n".join(before), **environment)
    services = place / "classes" / "META-INF" / "services"
    services.mkdir(parents=True)
    (services / "io.grpc.ManagedChannelProvider").write_text("support.JdkChannels\n")
    source = f"-sourcepath gen {_JDK_CHANNELS / 'JdkChannels.java'}"
    ran(place, f'javac -nowarn -d classes -cp "classes:$CLASSPATH" {source}', **environment)
    return environment


def build_go(place: Path) -> dict[str, str]:
    """Compiles the examples to `bin`; returns the environment in which they are built."""
    tools = map(shutil.which, ("protoc", "protoc-gen-go", "protoc-gen-go-grpc", "go"))
    # Debian's older library of protobuf compiles, and cannot write what its generator makes.
    protobuf = _DEBIAN_GO / "src" / "github.com" / "golang" / "protobuf" / "proto"
    is_newer = (protobuf / "proto.go").exists()
    needs("Go", *tools, (_DEBIAN_GO / "src" / "google.golang.org" / "grpc").exists(), is_newer)
    environment = {
        # Debian keeps Go libraries as sources for GOPATH; modules would need a network.
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "GOPATH": f"{place / 'path'}:{_DEBIAN_GO}",
        "GOCACHE": str(_GO_CACHE),
    }
    link = "mkdir -p path/src && ln -s ../../gen/yibao path/src/yibao\n"
    built = "".join(
        f"go vet protos/examples/{name}.go && go build -o bin/{name} protos/examples/{name}.go\n"
        for name in ("first_call", "hospital_day")
    )
    ran(place, f"{commands('Go')}{link}{built}", **environment)
    return environment

"""Compiled modules answer what their sources answer, byte for byte, and no others are used."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from support.contracts import ROOT

from compiled.listed import is_current, names_listed
from yibao_common.process import compiled
from yibao_common.process.compiled import MANIFEST, PACKAGE, Compiled, sources_sha256, use_compiled

SOURCES = {
    "yibao_common": "services/common",
    "yibao_settlement": "services/settlement",
    "yibao": "sdk",
}
TELL = (
    "from yibao_common.process.compiled import compiled_modules as c;"
    "import yibao_settlement.rules.pricing as p;"
    "print(c().modules, p.__file__.endswith('.py'), c().problem)"
)


def lacks() -> str:
    """Returns what this machine lacks to compile, nothing where it can."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        return f"no C compiler {compiler}"
    header = Path(sysconfig.get_path("include"), "Python.h")
    return "" if header.exists() else f"no {header}: the headers of Python are not installed"


def run(*arguments: str, path: Path, pure: bool = False) -> str:
    """Runs a program of ours that finds first what lies in `path`; returns what it prints."""
    environment = {**os.environ, "PYTHONPATH": f"{path}{os.pathsep}{ROOT / 'tests'}"}
    environment.pop("YIBAO_PURE_PYTHON")
    if pure:
        environment["YIBAO_PURE_PYTHON"] = "1"
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT / "tests",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout


@pytest.fixture(scope="module")
def made() -> Path:
    """Returns the folder of what was compiled from these sources.

    Compiling takes minutes: `make compiled` does, and runs these tests then.
    """
    if lack := lacks():
        pytest.skip(lack)
    installed = Path(sysconfig.get_path("platlib"), PACKAGE)
    if not is_current(installed):
        pytest.skip("not compiled from these sources: `make compiled` compiles and compares")
    return installed.parent


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_compiled_modules_answer_as_their_sources(made: Path) -> None:
    own = run("-m", "support.compiled_answers", path=made, pure=True)
    theirs = run("-m", "support.compiled_answers", path=made)
    assert own.startswith("0\n")
    assert theirs.partition("\n")[0] == str(len(names_listed()))
    differ = [pair for pair in zip(own.splitlines(), theirs.splitlines(), strict=True)][1:]
    assert [pair for pair in differ if pair[0] != pair[1]] == []
    assert len(differ) > 2_000


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_an_edited_source_is_decided_by_and_not_what_was_compiled(
    made: Path, tmp_path: Path
) -> None:
    assert run("-c", TELL, path=made).split()[1:] == ["False"]
    for package, folder in SOURCES.items():
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder / package, tmp_path / package, ignore=ignore)
    shutil.copytree(made / PACKAGE, tmp_path / PACKAGE)
    assert run("-c", TELL, path=tmp_path).split()[1:] == ["False"]
    with (tmp_path / "yibao_settlement" / "rules" / "pricing.py").open("a") as source:
        source.write("# edited\n")
    told = run("-c", TELL, path=tmp_path).split(maxsplit=2)
    assert told[:2] == ["0", "True"]
    assert "other sources" in told[2]


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Compiled]:
    """Has a package with a manifest looked at, right but for what is said."""
    monkeypatch.setattr(compiled, "_found", Compiled())
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / PACKAGE
    folder.mkdir()
    (folder / "__init__.py").touch()

    def find(*, pure: str = "", text: str | None = None, **said: object) -> Compiled:
        manifest = {
            "python": sys.implementation.cache_tag,
            "sources_sha256": sources_sha256(),
            "files": {"yibao_compiled_group__mypyc": "__init__.py"},
            **said,
        }
        (folder / MANIFEST).write_text(json.dumps(manifest) if text is None else text)
        before = list(sys.meta_path)
        told = use_compiled({"YIBAO_PURE_PYTHON": pure})
        assert (sys.meta_path == before) == (not is_used(told, pure=pure))
        monkeypatch.setattr(sys, "meta_path", before)
        assert compiled.compiled_modules() == told
        return told

    return find


def is_used(told: Compiled, *, pure: str) -> bool:
    return not told.problem and not pure


def test_what_is_of_these_sources_is_used(found: Callable[..., Compiled]) -> None:
    assert found() == Compiled()
    assert found(files={"yibao_none.one": "__init__.py", "of_all": "__init__.py"}).modules == 1


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"sources_sha256": hashlib.sha256(b"others").hexdigest()}, "other sources"),
        ({"python": "cpython-27"}, "for cpython-27"),
        ({"files": {"yibao_none.one": "missing.so"}}, "lacks files"),
        ({"files": {"yibao_common.process.compiled": "__init__.py"}}, "was imported before"),
        ({"text": "{"}, "cannot be read"),
        ({"text": "[]"}, "cannot be read"),
        ({"text": '{"files": {}}'}, "cannot be read"),
    ],
)
def test_nothing_else_is_used_and_why_is_told(
    found: Callable[..., Compiled], said: dict[str, object], problem: str
) -> None:
    told = found(**said)
    assert told.modules == 0
    assert problem in told.problem


def test_the_sources_are_used_where_that_is_asked_for(found: Callable[..., Compiled]) -> None:
    assert found(pure="1", text="{") == Compiled()


def test_the_digest_is_of_every_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "some_package"
    (package / "inner").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(compiled, "SOURCE_PACKAGES", ("some_package",))
    seen = set()
    for file, text in [
        ("__init__.py", ""),
        ("__init__.py", "A = 1\n"),
        ("__init__.py", "A = 2\n"),
        ("inner/types.pyi", "A: int\n"),
        ("inner/other.py", "A: int\n"),
    ]:
        (package / file).write_text(text)
        seen.add(sources_sha256())
    (package / "inner" / "other.py").rename(package / "inner" / "another.py")
    seen.add(sources_sha256())
    assert len(seen) == 6
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "made.py").touch()
    assert sources_sha256() in seen

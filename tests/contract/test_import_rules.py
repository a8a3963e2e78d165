"""The import rules: each fails in a small tree that breaks it, and no module is outside."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.contracts import ROOT
from support.pure_rules import faults, impurities

SERVICES = ("identity", "settlement", "offsite")
LAYERS = ("main", "config", "access", "servicer", "storage", "application", "rules")
# A part of the house with layers of its own.
CHECKER = ("", "/check", "/settlement", "/difference", "/report")
ROOMS = ("rpc", "db", "commands", "keys", "files", "papers", "process", "values")

# A module that breaks a rule, what it holds, and what the report must name.
PLANTED = {
    "yibao_identity/rules/clocked.py": ("import time", "yibao_identity.rules.clocked -> time"),
    "yibao_identity/rules/lucky.py": ("import random", "yibao_identity.rules.lucky -> random"),
    "yibao_offsite/rules/reading.py": (
        "from pathlib import Path",
        "yibao_offsite.rules.reading -> pathlib",
    ),
    "yibao_offsite/rules/told.py": (
        "from google.protobuf import message",
        "yibao_offsite.rules.told -> google",
    ),
    "yibao_settlement/rules/naming.py": (
        "from yibao_common.values.ids import new_id",
        "yibao_settlement.rules.naming -> yibao_common.values.ids",
    ),
    "yibao_settlement/rules/recording.py": (
        "from yibao_common.commands import audit",
        "yibao_settlement.rules.recording -> yibao_common.commands",
    ),
    "yibao_settlement/application/stored.py": (
        "from yibao_common.db import rows",
        "yibao_settlement.application.stored -> yibao_common.db",
    ),
    "yibao_settlement/storage/configured.py": (
        "from yibao_settlement import config",
        "yibao_settlement.storage.configured -> yibao_settlement.config",
    ),
    "yibao_settlement/storage/translated.py": (
        "from yibao_settlement import servicer",
        "yibao_settlement.storage.translated -> yibao_settlement.servicer",
    ),
    "yibao_offsite/storage/sending.py": (
        "from yibao_common import rpc",
        "yibao_offsite.storage.sending -> yibao_common.rpc",
    ),
    "yibao_offsite/servicer/asking.py": (
        "import sqlalchemy",
        "yibao_offsite.servicer.asking -> sqlalchemy",
    ),
    "yibao_settlement/somewhere.py": ("", "yibao_settlement.somewhere"),
    "yibao_settlement/servicer/neighbour.py": (
        "from yibao_identity import rules",
        "yibao_settlement.servicer.neighbour -> yibao_identity.rules",
    ),
    "yibao_common/commands/served.py": (
        "from yibao_common import rpc",
        "yibao_common.commands.served -> yibao_common.rpc",
    ),
    "yibao_common/values/of_a_service.py": (
        "from yibao_offsite import rules",
        "yibao_common.values.of_a_service -> yibao_offsite.rules",
    ),
    "yibao_common/attic.py": ("", "yibao_common.attic"),
    "yibao/serving.py": ("import yibao_common", "yibao.serving -> yibao_common"),
}


def plant(folder: Path, modules: dict[str, str]) -> None:
    """Makes a tree with the packages of ours that the import rules name, and `modules`."""
    packages = [
        "yibao",
        "yibao_cli",
        *(f"yibao_common/{room}" for room in ROOMS),
        *(f"yibao_settlement/ledger_check{part}" for part in CHECKER),
        *(f"yibao_{service}/{layer}" for service in SERVICES for layer in LAYERS),
    ]
    for package in packages:
        (folder / package).mkdir(parents=True)
        for each in (folder / package, (folder / package).parent):
            if each != folder:
                (each / "__init__.py").touch()
    names = ("values/ids.py", "values/clock.py")
    for module, text in {**{f"yibao_common/{name}": "" for name in names}, **modules}.items():
        (folder / module).write_text(text + "\n")
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text(settings[settings.index("[tool.importlinter]") :])


def lint(folder: Path) -> tuple[int, str]:
    """Returns the exit code and the report of the import rules on a tree."""
    ended = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=folder,
        env={**os.environ, "COLUMNS": "500", "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("planted")
    plant(folder, {module: text for module, (text, _) in PLANTED.items()})
    code, found = lint(folder)
    assert code == 1
    return found


@pytest.mark.parametrize("module", PLANTED)
def test_a_module_that_breaks_a_rule_is_named(report: str, module: str) -> None:
    assert PLANTED[module][1] in report


def test_a_tree_without_such_modules_passes(tmp_path: Path) -> None:
    plant(tmp_path, {})
    code, found = lint(tmp_path)
    assert code == 0, found


def test_every_package_that_is_shipped_is_examined() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    shipped = {
        Path(each).name for each in settings["hatch"]["build"]["targets"]["wheel"]["packages"]
    }
    assert set(settings["importlinter"]["root_packages"]) == {"yibao", *shipped}


def test_rules_are_pure() -> None:
    assert faults() == []


@pytest.mark.parametrize(
    "source",
    [
        "import numpy",
        "from yibao_common.rpc import wire",
        "from yibao_other.rules import card",
        "from . import card",
        "import datetime as dt\nbegin = dt.datetime.now(dt.UTC)",
        "from datetime import date\nfactory = date.today",
        "import datetime as dt\nbegin = dt.datetime.utcnow()",
        "rows = open('rows')",
        "print('settled')",
        "name = input()",
        "eval('1')",
    ],
)
def test_a_rule_that_is_not_pure_is_found(source: str) -> None:
    assert list(impurities(source, package="yibao_offsite"))


def test_a_pure_rule_is_left_alone() -> None:
    source = (
        "import datetime as dt\n"
        "from yibao_common.values.errors import RuleError\n"
        "from yibao_offsite.rules.registration import Registration\n"
        "def starts(at: dt.datetime) -> dt.date:\n    return at.date()\n"
    )
    assert list(impurities(source, package="yibao_offsite")) == []


def test_an_impure_file_is_named_with_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "services" / "offsite" / "yibao_offsite" / "rules" / "deep"
    folder.mkdir(parents=True)
    (folder / "told.py").write_text("def told() -> None:\n    print(1)\n")
    assert faults(tmp_path / "services") == [
        "services/offsite/yibao_offsite/rules/deep/told.py:2: a rule uses print"
    ]

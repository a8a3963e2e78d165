"""Storage finds, locks and writes rows: it raises no refusal, asks no rule, words no audit."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.contracts import ROOT

# The services whose application decides.
SERVICES = ("settlement", "offsite")
# Functions of rules that decide nothing, and why storage calls them.
MAKERS = {"new_standing": "makes the value of a row that is not there yet"}
# What a refusal is made of and what stands on record, wherever it comes from.
DECISIONS = {
    *("RuleError", "FieldFault", "Reason", "refuse_faults"),
    *("AuditEntry", "entry_of", "shanghai_day"),
}


def storage_of(service: str) -> Path:
    return ROOT / "services" / service / f"yibao_{service}" / "storage"


def faults(source: str) -> Iterator[str]:
    """Yields what a module of storage imports and must not."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if ".rules" in alias.name]
            yield from (f"line {node.lineno}: {name} as a whole" for name in names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if is_decision(node.module or "", alias.name):
                    yield f"line {node.lineno}: {alias.name}"


def is_decision(module: str, name: str) -> bool:
    if name in DECISIONS:
        return True
    if not (module.endswith(".rules") or ".rules." in module):
        return False
    # Types and constants begin with a capital; functions, and modules as a whole, do not.
    return not name[0].isupper() and name not in MAKERS


MODULES = [path for service in SERVICES for path in sorted(storage_of(service).rglob("*.py"))]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT / "services")))
def test_a_module_of_storage_decides_nothing(path: Path) -> None:
    assert list(faults(path.read_text())) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from yibao_common.values.errors import RuleError", ["line 1: RuleError"]),
        ("from yibao_common.values.errors import TransientError", []),
        ("\nfrom yibao_common.values.reasons import Reason", ["line 2: Reason"]),
        ("def f():\n    from yibao_x.rules.pin import check_pin", ["line 2: check_pin"]),
        ("from yibao_x.rules.pin import Pin, PinState, MAX_TRIES", []),
        ("from yibao_x.rules.standing import Standing, new_standing", []),
        ("from yibao_x.rules import pin", ["line 1: pin"]),
        ("import yibao_x.rules.pin", ["line 1: yibao_x.rules.pin as a whole"]),
        ("from yibao_common.commands.audit import entry_of", ["line 1: entry_of"]),
        ("from yibao_common.db.audit_chain import record_audit", []),
    ],
)
def test_each_breach_is_found(source: str, found: list[str]) -> None:
    assert list(faults(source)) == found

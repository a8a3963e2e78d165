"""The server uses of the SDK what anybody may use, and requires the SDK of its own version."""

import ast
import importlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.contracts import ROOT


def private_names(source: str) -> Iterator[str]:
    """Yields what a module imports of `yibao` that is not public."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules = [each.name for each in node.names]
            yield from (name for name in modules if _is_private(name))
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            if node.module.split(".")[0] != "yibao":
                continue
            for each in node.names:
                name = f"{node.module}.{each.name}"
                if _is_private(name) or each.name not in _public(node.module, each.name):
                    yield name


def _is_private(name: str) -> bool:
    top, *inner = name.split(".")
    return top == "yibao" and any(part.startswith("_") for part in inner)


def _public(module: str, default: str) -> list[str]:
    """Returns the names that a module lists; `default` alone where it lists none."""
    found: list[str] = getattr(importlib.import_module(module), "__all__", [default])
    return found


def test_server_code_imports_public_names_alone() -> None:
    found = {
        str(path.relative_to(ROOT)): names
        for folder in ("services", "bench")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (names := list(private_names(path.read_text(encoding="utf-8"))))
    }
    assert found == {}


def test_a_private_name_is_found_in_every_form_of_import() -> None:
    for source in (
        "import yibao._token",
        "from yibao import _token",
        "from yibao._token import key_id_of",
        "from yibao.trust import _PARTS",
        "from yibao.qr import load_public_key",
    ):
        assert list(private_names(source)), source
    assert not list(private_names("from yibao.issuing import key_id_of\nfrom yibao import qr"))


def project(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    return found


def test_the_server_requires_the_sdk_of_its_own_version() -> None:
    server, sdk = project(ROOT / "pyproject.toml"), project(ROOT / "sdk" / "pyproject.toml")
    assert server["version"] == sdk["version"]
    assert f"yibao=={sdk['version']}" in server["dependencies"]

"""The example configurations are complete and start nothing that is unknown."""

import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from yibao_common.keys.opening import Pkcs11Config
from yibao_common.process.config import Section
from yibao_common.process.config_file import load_config
from yibao_identity.config import IdentityConfig
from yibao_offsite.config import OffsiteConfig
from yibao_settlement.config import SettlementConfig

SERVICES = Path(__file__).parents[2] / "services"
EXAMPLES: list[tuple[str, type[Section]]] = [
    ("identity", IdentityConfig),
    ("offsite", OffsiteConfig),
    ("settlement", SettlementConfig),
]


def _text(service: str) -> str:
    return (SERVICES / service / "config.example.toml").read_text(encoding="utf-8")


def _table(annotation: Any) -> Any:
    """Returns the model of a table, which need not be there."""
    among = [each for each in get_args(annotation) if each is not type(None)]
    return among[0] if among else annotation


def test_every_service_has_an_example_and_a_page_of_its_own() -> None:
    services = {path.parents[1].name for path in SERVICES.glob("*/yibao_*/config.py")}
    assert {service for service, _ in EXAMPLES} == services
    for service in services:
        assert (SERVICES / service / "README.md").is_file(), service


@pytest.mark.parametrize(("service", "model"), EXAMPLES)
def test_the_example_is_a_valid_configuration(service: str, model: type[Section]) -> None:
    path = SERVICES / service / "config.example.toml"
    load_config(model, path=path, environ={})


@pytest.mark.parametrize(("service", "model"), EXAMPLES)
def test_the_example_shows_every_key(service: str, model: type[Section]) -> None:
    text = _text(service)
    for name, field in model.model_fields.items():
        table = re.search(rf"^(?:# \[)?\[{name}\]", text, re.MULTILINE)
        assert table is not None, name
        # Up to the next table of its own; a table inside it belongs to it.
        section = re.split(rf"\n\[(?!{name}\.)", text[table.end() :])[0]
        inner = _table(field.annotation)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            for key in inner.model_fields.keys() - {"insecure"}:
                shown = rf"^(?:# )?(?:{key} = |\[{name}\.{key}\]$)"
                assert re.search(shown, section, re.MULTILINE), f"{name}.{key}"


@pytest.mark.parametrize(("service", "model"), EXAMPLES)
def test_defaults_that_the_example_shows_are_the_defaults(
    service: str, model: type[Section]
) -> None:
    table: type[BaseModel] | None = None
    shown = 0
    for line in _text(service).splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            table = _table(model.model_fields[found[1]].annotation)
        elif line == "# [keys.pkcs11]":
            table = Pkcs11Config
        elif (found := re.fullmatch(r"# (\w+) = (.+)", line)) and table is not None:
            field = table.model_fields.get(found[1])
            assert field is not None, line
            if field.default is not None and not field.is_required():
                assert tomllib.loads(f"value = {found[2]}")["value"] == field.default, line
                shown += 1
    assert shown > 5

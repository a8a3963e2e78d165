"""The example configurations are complete and start nothing that is unknown."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel

from yibao_common.config import Section, load_config
from yibao_identity.config import IdentityConfig, ListedKeyConfig
from yibao_offsite.config import OffsiteConfig

SERVICES = Path(__file__).parents[3] / "services"
EXAMPLES: list[tuple[str, type[Section]]] = [
    ("identity", IdentityConfig),
    ("offsite", OffsiteConfig),
]


def _text(service: str) -> str:
    return (SERVICES / service / "config.example.toml").read_text(encoding="utf-8")


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
        section = text[table.end() :].partition("\n[")[0]
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            for key in inner.model_fields.keys() - {"insecure"}:
                assert re.search(rf"^(?:# )?{key} = ", section, re.MULTILINE), f"{name}.{key}"


@pytest.mark.parametrize(("service", "model"), EXAMPLES)
def test_defaults_that_the_example_shows_are_the_defaults(
    service: str, model: type[Section]
) -> None:
    table: type[BaseModel] | None = None
    shown = 0
    for line in _text(service).splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            annotation = model.model_fields[found[1]].annotation
            assert isinstance(annotation, type)
            table = annotation
        elif line == "# [[listed_keys]]":
            table = ListedKeyConfig
        elif (found := re.fullmatch(r"# (\w+) = (.+)", line)) and table is not None:
            field = table.model_fields.get(found[1])
            assert field is not None, line
            if field.default is not None and not field.is_required():
                assert tomllib.loads(f"value = {found[2]}")["value"] == field.default, line
                shown += 1
    assert shown > 5


def test_a_listed_key_has_the_times_of_its_state() -> None:
    key = {
        "public_key": "00" * 32,
        "regions": ["500100"],
        "start_time": "2026-01-01T00:00:00Z",
        "expire_time": "2027-01-01T00:00:00Z",
    }
    time = "2026-06-01T00:00:00Z"
    for state, killed_time, is_valid in (
        ("next", None, True),
        ("next", time, False),
        ("killed", time, True),
        ("killed", None, False),
        ("active", None, False),
    ):
        values = {**key, "state": state, "killed_time": killed_time}
        assert _is_valid(values) is is_valid
    assert not _is_valid({**key, "state": "next", "expire_time": key["start_time"]})


def _is_valid(values: Mapping[str, object]) -> bool:
    try:
        ListedKeyConfig.model_validate(values, strict=False)
    except ValueError:
        return False
    return True

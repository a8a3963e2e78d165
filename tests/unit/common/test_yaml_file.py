"""YAML files are plain data, and every value knows its line."""

import pytest
import yaml

from yibao_common.files import yaml_file
from yibao_common.files.yaml_file import YamlFile, parse_yaml
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


def parse(contents: str) -> YamlFile:
    return parse_yaml(contents.encode(), name="x.yaml", reason=Reason.FIELDS_INVALID)


@pytest.fixture(params=["CBaseLoader", "BaseLoader"], autouse=True)
def _either_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_file, "_LOADER", getattr(yaml, request.param))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-1", -1),
        ("0", 0),
        ("10_000_000", 10_000_000),
        ("10_00", "10_00"),
        ("01", "01"),
        ("1.5", "1.5"),
        ("0x10", "0x10"),
        ("1e3", "1e3"),
        ("12:30", "12:30"),
        ("2024-01-31", "2024-01-31"),
        ("yes", "yes"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ('"1"', "1"),
        ("'true'", "true"),
        ('""', ""),
        ("医保", "医保"),
    ],
)
def test_a_scalar_is_a_number_a_word_or_text(text: str, value: object) -> None:
    data = parse(f"key: {text}\n").data
    assert isinstance(data, dict)
    assert data["key"] == value
    assert type(data["key"]) is type(value)


def test_values_know_their_lines() -> None:
    file = parse("a: 1\nb:\n  - c: 2\n    d:\n      e: 3\n  - 4\n")
    assert file.data == {"a": 1, "b": [{"c": 2, "d": {"e": 3}}, 4]}
    assert file.fault(("b", 0, "d", "e"), "m").field == "x.yaml:5 b[0].d.e"
    assert file.fault(("b", 1), "m").field == "x.yaml:6 b[1]"
    # What is not there is told at the nearest thing above it.
    assert file.fault(("b", 0, "missing", "x"), "m").field == "x.yaml:3 b[0].missing.x"
    assert file.fault((), "m").field == "x.yaml:1"


def test_keys_are_text_and_merge_keys_mean_nothing() -> None:
    assert parse("1: a\ntrue: b\n<<: c\n").data == {"1": "a", "true": "b", "<<": "c"}


def test_of_a_repeated_key_the_first_value_stands_with_a_fault() -> None:
    file = parse("a: 1\nb: 2\na: {c: 3}\n")
    assert file.data == {"a": 1, "b": 2}
    assert [(fault.field, fault.message) for fault in file.faults] == [
        ("x.yaml:3 a", "key a is repeated; it stands already in line 1")
    ]


@pytest.mark.parametrize(("levels", "is_accepted"), [(20, True), (21, False)])
def test_nesting_has_a_limit(levels: int, is_accepted: bool) -> None:
    contents = "[" * levels + "]" * levels
    if is_accepted:
        assert isinstance(parse(contents).data, list)
        return
    with pytest.raises(RuleError):
        parse(contents)


def test_a_refusal_has_the_reason_that_was_asked_for() -> None:
    with pytest.raises(RuleError) as raised:
        parse("a: *b")
    assert raised.value.reason is Reason.FIELDS_INVALID

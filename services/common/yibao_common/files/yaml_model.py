"""Models of YAML files: pydantic, strict, with messages that say what was expected."""

import datetime as dt
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_core import ErrorDetails, PydanticCustomError

from yibao_common.files.yaml_file import Path, YamlFile
from yibao_common.values.errors import FieldFault
from yibao_common.values.texts import unprintable_in

Model = TypeVar("Model", bound=BaseModel)


class StrictModel(BaseModel):
    """A mapping with exactly the keys of the model's fields."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def shown(value: object) -> str:
    """Returns a value for a message, cut to a sensible length."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value if isinstance(value, int) else str(value)[:60])


def _expected(what: str, value: object) -> PydanticCustomError:
    return PydanticCustomError(
        "expected", "{text}", {"text": f"expected {what}, got {shown(value)}"}
    )


def whole(low: int, high: int) -> BeforeValidator:
    """Returns a check for an integer from `low` to `high`, both included."""

    def check(value: object) -> object:
        if type(value) is not int or not low <= value <= high:
            raise _expected(f"an integer from {low} to {high}", value)
        return value

    return BeforeValidator(check)


def text(max_length: int) -> BeforeValidator:
    """Returns a check for a text that is not empty."""
    return _text_check(
        f"a text of 1 to {max_length} characters",
        lambda value: len(value.strip()) > 0 and len(value) <= max_length,
    )


def printed_text(max_length: int) -> BeforeValidator:
    """Returns a check for a text that is printed, in which nothing is unseen.

    An escape in quotes could turn round what stands beside it. Files that are
    stored as they came keep `text`: what was taken once is read for good.
    """
    return _text_check(
        f"a text of 1 to {max_length} printable characters",
        lambda value: (
            bool(value.strip()) and len(value) <= max_length and unprintable_in(value) is None
        ),
    )


def code(pattern: str, what: str) -> BeforeValidator:
    """Returns a check for a text that `pattern` matches as a whole."""
    compiled = re.compile(pattern)
    return _text_check(what, lambda value: compiled.fullmatch(value) is not None)


def _text_check(what: str, accepts: Callable[[str], bool]) -> BeforeValidator:
    def check(value: object) -> object:
        if type(value) is int:
            raise _expected(f"{what}, in quotes", value)
        if not isinstance(value, str) or not accepts(value):
            raise _expected(what, value)
        return value

    return BeforeValidator(check)


# As in the contract: earlier years are typing mistakes.
_FIRST_YEAR = 1900


def _check_day(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            day = dt.date.fromisoformat(value)
        except ValueError:
            pass
        else:
            if day.year >= _FIRST_YEAR:
                return day
    raise _expected("a day such as 2024-01-31", value)


DAY = BeforeValidator(_check_day)


def read_model(
    model: type[Model], file: YamlFile, data: object, *, at: Path = ()
) -> tuple[Model | None, list[FieldFault]]:
    """Returns `data` (which stands at path `at` of `file`) as a model, or its faults."""
    try:
        return model.model_validate(data), []
    except pydantic.ValidationError as error:
        details = error.errors(include_url=False)
        return None, [_fault(model, file, detail, at) for detail in details]


def _fault(model: type[BaseModel], file: YamlFile, detail: ErrorDetails, at: Path) -> FieldFault:
    path = detail["loc"]
    context: Mapping[str, Any] = detail.get("ctx", {})
    got = shown(detail["input"])
    match detail["type"]:
        case "missing":
            message = "is missing"
        case "extra_forbidden":
            message = f"unknown key; expected one of: {', '.join(_keys_at(model, path[:-1]))}"
        case "model_type" | "dict_type" | "model_attributes_type":
            message = f"expected a mapping (key: value), got {got}"
            if isinstance(detail["input"], str) and "：" in detail["input"]:
                message += "; the full-width sign ： is no colon, expected : and a space"
        case "list_type":
            message = f"expected a list, got {got}"
        case "bool_type":
            message = f"expected true or false, got {got}"
        case "literal_error":
            message = f"expected {context['expected']}, got {got}"
        case "too_short":
            message = f"expected at least {context['min_length']} entries"
        case "too_long":
            message = f"expected at most {context['max_length']} entries"
        case "expected":
            message = detail["msg"]
        case _:
            message = f"cannot be used here, got {got}"
    return file.fault((*at, *path), message)


def _keys_at(model: type[BaseModel], path: Path) -> Sequence[str]:
    """Returns the keys that the model at `path` knows."""
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Returns the model in an annotation such as `list[Row] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(inner) for inner in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)

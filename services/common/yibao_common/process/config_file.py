"""Reads a configuration: a TOML file, overridden by environment variables, checked as a whole.

`YIBAO_SERVER__ADDRESS=…` overrides `address` in `[server]`.
"""

import difflib
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from yibao_common.process.config import ConfigError
from yibao_common.process.plain_file import read_plain_file
from yibao_common.process.text_file import unmarked

T = TypeVar("T", bound=BaseModel)
Location = tuple[str | int, ...]

# Far more than any configuration has: what is longer is another file, or has no end.
_MOST_BYTES = 1_000_000


def load_config(
    model: type[T], *, path: Path | None, environ: Mapping[str, str], prefix: str = "YIBAO"
) -> T:
    """Returns the configuration from the file at `path` and variables of `environ`.

    Variables that begin with `prefix` and contain `__`, or that name a key outside any
    table, override the file. Others with the prefix are left alone: Kubernetes sets
    `YIBAO_…_PORT` for services of such names.

    Raises:
        ConfigError: the file cannot be read, or anything in it or in the variables is
            unknown, missing or of the wrong kind.
    """
    values = {} if path is None else read_tables(path)
    variables: dict[Location, str] = {}
    problems: list[str] = []
    for name, text in sorted(environ.items()):
        if not name.startswith(f"{prefix}_"):
            continue
        keys = tuple(name[len(prefix) + 1 :].lower().split("__"))
        if name.startswith(f"{prefix}__"):
            problems.append(f"{name}: names no table: it is {prefix}_TABLE__KEY")
            continue
        if len(keys) > 1 or keys[0] in model.model_fields:
            variables[keys] = name
            _put(values, keys, _value(text, _kinds(model, keys)))
            if len(keys) > 2 and not _section(_kinds(model, keys[:-1])):
                problems.append(f"{name}: unknown key; {'.'.join(keys[:-1])} is no table")
    try:
        config = model.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        origin = str(path) if path is not None else "configuration"
        problems += [_problem(each, model, origin, variables) for each in _told(found)]
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return config


def _told(found: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leaves out that a list is too short by the items that are refused themselves."""
    return [
        each
        for each in found
        if each["type"] != "too_short"
        or not any(
            len(other["loc"]) > len(each["loc"]) and other["loc"][: len(each["loc"])] == each["loc"]
            for other in found
        )
    ]


def read_tables(path: Path) -> dict[str, Any]:
    """Returns what a TOML file holds.

    Raises:
        ConfigError: it cannot be read, or is no TOML.
    """
    try:
        text = read_plain_file(path, most_bytes=_MOST_BYTES)
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    try:
        text = unmarked(text)
    except ValueError as error:
        raise ConfigError([f"{path}: {error}"]) from None
    try:
        return tomllib.loads(text.decode("utf-8"))
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: is not in UTF-8: save it in that encoding"]) from None
    except ValueError as error:
        raise ConfigError([f"{path}: is not TOML: {error}"]) from None
    except RecursionError:
        raise ConfigError([f"{path}: is not TOML: lists or tables are nested too deeply"]) from None


def _put(values: dict[str, Any], keys: tuple[str, ...], value: object) -> None:
    for key in keys[:-1]:
        table = values.setdefault(key, {})
        if not isinstance(table, dict):
            return  # The file has a value where a table belongs: that is told instead.
        values = table
    values[keys[-1]] = value


def _value(text: str, kinds: set[object]) -> object:
    """Reads the text of a variable as the field wants it; the model judges the result."""
    if kinds & {str, Path}:
        return text
    try:
        read = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        # No TOML, or a number or a nesting that is too long for its reader.
        return text
    # Another line would be another key.
    return read["value"] if len(read) == 1 else text


def _kinds(model: type[BaseModel], keys: tuple[str, ...]) -> set[object]:
    """Returns the types that the field at `keys` may have; none where there is no field."""
    kinds: set[object] = {model}
    for key in keys:
        inner = _section(kinds)
        if inner is None or key not in inner.model_fields:
            return set()
        kinds = _arms(inner.model_fields[key].annotation)
    return kinds


def _section(kinds: set[object]) -> type[BaseModel] | None:
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _arms(annotation: object) -> set[object]:
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _arms(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return set().union(*map(_arms, typing.get_args(annotation)))
    if origin is Literal:
        return {type(value) for value in typing.get_args(annotation)}
    return {annotation}


def _problem(
    error: ErrorDetails, model: type[BaseModel], origin: str, variables: Mapping[Location, str]
) -> str:
    where: Location = error["loc"]
    unknown = error["type"] == "extra_forbidden"
    source = variables.get(where)
    if source is None and unknown:
        # A variable may have brought the whole unknown table.
        inside = (name for keys, name in variables.items() if keys[: len(where)] == where)
        source = next(inside, None)
    if source is None:
        key = ".".join(map(str, where))
        source = f"{origin}: {key}" if key else origin
    if error["type"] == "missing":
        return f"{source}: is missing"
    if error["type"] in {"model_type", "dataclass_type", "dict_type"}:
        return f"{source}: must be a table, with keys of its own"
    if error["type"] in {"tuple_type", "list_type"}:
        return f'{source}: must be a list, written ["one", "another"]'
    if error["type"] == "too_short":
        return f"{source}: must not be empty"
    if not unknown:
        return f"{source}: {error['msg'].removeprefix('Value error, ')}"
    table = _section(_kinds(model, tuple(map(str, where[:-1])))) or model
    known = sorted(table.model_fields)
    near = difflib.get_close_matches(str(where[-1]), known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{source}: unknown key; {hint}known here: {', '.join(known)}"

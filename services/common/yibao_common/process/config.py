"""Configuration: a TOML file, overridden by environment variables, checked as a whole.

`YIBAO_SERVER__ADDRESS=…` overrides `address` in `[server]`. A mistake anywhere keeps the
service from starting, and all mistakes are told at once. Secrets are never values here,
only names of files.
"""

import difflib
import ipaddress
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError, field_validator
from pydantic import model_validator as check_after
from pydantic_core import ErrorDetails

T = TypeVar("T", bound=BaseModel)
Location = tuple[str | int, ...]

# A file name is written as a string; strict validation would ask for a Path.
FileName = Annotated[Path, Strict(False)]


class StartError(Exception):
    """The service cannot start; the text tells the operator why, without a traceback."""


class ConfigError(StartError):
    """The configuration is faulty; `problems` holds one sentence for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        """Keeps the problems; the text of the error lists them line by line."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Section(BaseModel):
    """A table of the configuration file: frozen, strict, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


def split_address(address: str) -> tuple[str, int]:
    """Returns host and port of `host:port`; the host of `[::1]:0` is `::1`.

    Raises:
        ValueError: it has no host or no port from 0 to 65535.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be host:port, such as 127.0.0.1:50051")
    return host.removeprefix("[").removesuffix("]"), int(port)


def is_loopback(host: str) -> bool:
    """Tells whether nothing outside this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class ServerConfig(Section):
    """How a service listens, whom it trusts and what it takes from one caller."""

    address: str = "127.0.0.1:50051"
    certificate_file: FileName | None = None
    key_file: FileName | None = None
    client_ca_file: FileName | None = None
    trust_domain: str = Field(default="yibao.dev", pattern=r"^[a-z0-9._-]+$")
    revoked_serials_file: FileName | None = None
    insecure: bool = False
    reflection: bool = False
    reuse_port: bool = False
    metrics_address: str | None = None
    max_message_bytes: int = Field(default=1_000_000, ge=1_000, le=64_000_000)
    max_deadline_seconds: float = Field(default=30, gt=0, le=3_600)
    drain_seconds: float = Field(default=10, ge=0, le=600)
    # Of each institution, agency or other party, in each process; 0 is no limit.
    rate_per_second: float = Field(default=2_000, ge=0)
    burst: int = Field(default=4_000, ge=1)

    @field_validator("address", "metrics_address")
    @classmethod
    def _is_an_address(cls, address: str | None) -> str | None:
        if address is not None:
            split_address(address)
        return address

    @check_after(mode="after")
    def _is_protected(self) -> "ServerConfig":
        if self.insecure:
            if not is_loopback(split_address(self.address)[0]):
                raise ValueError(
                    "insecure is for development on one machine: address must be loopback, "
                    "such as 127.0.0.1:50051"
                )
            return self
        names = ("certificate_file", "key_file", "client_ca_file")
        missing = [name for name in names if getattr(self, name) is None]
        if missing:
            raise ValueError(f"{', '.join(missing)} must be set for mutual TLS")
        return self


class DatabaseConfig(Section):
    """Where a service stores its rows."""

    url: str = Field(min_length=1)


class BatchConfig(Section):
    """How many commands share one transaction and how long they wait for each other."""

    max_size: int = Field(default=128, ge=1, le=1_024)
    linger_ms: float = Field(default=2, ge=0, le=1_000)
    max_queue: int = Field(default=4_096, ge=1)


class LogConfig(Section):
    """What is logged: `info` refusals, errors, start and stop; `debug` every call."""

    level: Literal["debug", "info", "warning", "error"] = "info"


# How long the documents promise that a request may be repeated.
PROMISED_DAYS = 30


class AnswersConfig(Section):
    """How long answers are kept for repeats of their requests."""

    keep_days: int = Field(default=400, ge=PROMISED_DAYS, le=36_500)


class ServiceConfig(Section):
    """What the configuration of every service holds."""

    server: ServerConfig
    database: DatabaseConfig
    answers: AnswersConfig = AnswersConfig()
    log: LogConfig = LogConfig()


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
    values = {} if path is None else _read(path)
    variables: dict[Location, str] = {}
    for name, text in sorted(environ.items()):
        if not name.startswith(f"{prefix}_"):
            continue
        keys = tuple(name[len(prefix) + 1 :].lower().split("__"))
        if len(keys) > 1 or keys[0] in model.model_fields:
            variables[keys] = name
            _put(values, keys, _value(text, _kinds(model, keys)))
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        origin = str(path) if path is not None else "configuration"
        raise ConfigError([_problem(each, model, origin, variables) for each in found]) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: is not TOML in UTF-8: {error}"]) from None


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
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


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
    if not unknown:
        return f"{source}: {error['msg'].removeprefix('Value error, ')}"
    table = _section(_kinds(model, tuple(map(str, where[:-1])))) or model
    known = sorted(table.model_fields)
    near = difflib.get_close_matches(str(where[-1]), known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{source}: unknown key; {hint}known here: {', '.join(known)}"

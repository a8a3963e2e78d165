"""What a configuration holds: tables, keys and what each may be; `config_file` reads it.

A mistake anywhere keeps the service from starting, and all mistakes are told at once.
Secrets are never values here, only names of files.
"""

import datetime as dt
import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    field_validator,
)
from pydantic import model_validator as check_after

from yibao_common.process.database_url import check_database_url

_REGION = re.compile(r"[1-9][0-9]{5}")
_LEAST_RATE = 0.01
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?\.?")
# A number of thousands of digits is no port, and Python takes none so long for a number.
_PORT = re.compile(r"[0-9]{1,5}")
# gRPC takes such a name before a colon for the kind of address that follows.
_SCHEMES = ("dns", "ipv4", "ipv6", "unix", "unix-abstract", "vsock", "xds")


def _is_file_name(value: object) -> object:
    if isinstance(value, str):
        if not value.strip() or "\0" in value:
            raise ValueError("must name a file")
        # A longer part is an error of its own at each place that looks for the file.
        if any(len(part.encode(errors="replace")) > 255 for part in value.split("/")):
            raise ValueError("must have at most 255 bytes between the slashes")
    return value


def _is_region(region: str) -> str:
    if not _REGION.fullmatch(region):
        raise ValueError("must be the six digits of a pooling region, such as 500112")
    return region


def _are_different(regions: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(regions)) < len(regions):
        raise ValueError("must name each region once")
    return regions


# A file name is written as a string; strict validation would ask for a Path.
FileName = Annotated[Path, Strict(False), BeforeValidator(_is_file_name)]

# A pooling region (统筹区).
Region = Annotated[str, AfterValidator(_is_region)]

# The pooling regions that a service is for.
Regions = Annotated[
    tuple[Region, ...],
    Field(min_length=1, strict=False),
    AfterValidator(_are_different),
]


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

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )


def split_address(address: str) -> tuple[str, int]:
    """Returns host and port of `host:port`; the host of `[::1]:0` is `::1`.

    Raises:
        ValueError: it has no host or no port from 0 to 65535.
    """
    host, colon, port = address.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    name = host[1:-1] if is_bracketed else host
    # Without brackets the last part of an IPv6 address would be taken for the port.
    is_host = _is_ipv6(name) if is_bracketed else _is_host_name(name)
    if not is_host or not colon or not _PORT.fullmatch(port) or int(port) > 65535:
        raise ValueError("must be host:port, such as 127.0.0.1:50051")
    return name, int(port)


def _is_host_name(name: str) -> bool:
    # No longer one has an address, and none with an empty label but behind its last point.
    labels = name.removesuffix(".").split(".")
    is_short = len(name) <= 253 and all(0 < len(label) <= 63 for label in labels)
    return is_short and bool(_HOST.fullmatch(name)) and name.lower() not in _SCHEMES


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    # The zone behind a percent sign may be anything.
    return text.isprintable() and " " not in text


def split_range(address: str) -> tuple[str, range]:
    """Returns host and ports of `host:port` or `host:first-last`, last included.

    Raises:
        ValueError: it is neither.
    """
    rest, _, last = address.rpartition("-")
    try:
        if not _PORT.fullmatch(last) or ":" not in rest:
            host, port = split_address(address)
            return host, range(port, port + 1)
        host, first = split_address(rest)
    except ValueError:
        raise ValueError(
            "must be host:port or host:first-last, such as 127.0.0.1:9101-9108"
        ) from None
    if not 0 < first < int(last) <= 65535:
        raise ValueError("must have a first port and a last one above it, from 1 to 65535")
    return host, range(first, int(last) + 1)


def is_loopback(host: str) -> bool:
    """Tells whether nothing outside this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_an_address(address: str) -> str:
    split_address(address)
    return address


def _is_a_range(address: str) -> str:
    split_range(address)
    return address


def check_peer_address(address: str) -> str:
    """Returns the address of another service.

    Raises:
        ValueError: it is not `host:port`, or the port is 0.
    """
    if split_address(address)[1] == 0:
        raise ValueError("must have the port on which the other service listens")
    return address


def _is_a_server_name(name: str) -> str:
    if not _is_host_name(name):
        raise ValueError("must be the name in the other service's certificate, without a port")
    return name


def _is_a_rate(rate: float) -> float:
    # Who is over a smaller one would be told to come again after years.
    if 0 < rate < _LEAST_RATE:
        raise ValueError(f"must be 0, which is no limit, or at least {_LEAST_RATE:g}")
    return rate


# Where this process listens; port 0 takes a free one.
Address = Annotated[str, AfterValidator(_is_an_address)]
# The same; `127.0.0.1:9101-9108` takes the first of these ports that is free.
MetricsAddress = Annotated[str, AfterValidator(_is_a_range)]
# Where another one listens.
PeerAddress = Annotated[str, AfterValidator(check_peer_address)]
# The name in the certificate of another one, where its address has another.
ServerName = Annotated[str, AfterValidator(_is_a_server_name)]


class FollowedConfig(Section):
    """Where another service is whose feed is followed, and of which regions."""

    address: PeerAddress
    # The name in its server certificate, where it differs from the address.
    server_name: ServerName | None = None
    # Whether it is reached through the proxy that https_proxy or http_proxy names.
    use_environment_proxy: bool = False
    regions: Regions
    # How long a question for news may wait there, 2 s at most, and how long is waited before
    # it is asked again after a failure.
    poll_seconds: float = Field(1.0, ge=0.01, le=3600)
    # How old what was learnt may be before nothing new is decided by it.
    # Less than the other service takes to start again would refuse everything meanwhile.
    max_feed_age_hours: float = Field(default=24, ge=0.1, le=720)

    @property
    def max_feed_age(self) -> dt.timedelta:
        """How old it may be, as a span."""
        return dt.timedelta(hours=self.max_feed_age_hours)


class ServerConfig(Section):
    """How a service listens, whom it trusts and what it takes from one caller."""

    address: Address = "127.0.0.1:50051"
    certificate_file: FileName | None = None
    key_file: FileName | None = None
    client_ca_file: FileName | None = None
    trust_domain: str = Field(default="yibao.dev", pattern=r"^[a-z0-9._-]+$")
    revoked_serials_file: FileName | None = None
    insecure: bool = False
    reflection: bool = False
    reuse_port: bool = False
    metrics_address: MetricsAddress | None = None
    max_message_bytes: int = Field(default=1_000_000, ge=1_000, le=64_000_000)
    # A durable commit alone may take a good part of a second.
    max_deadline_seconds: float = Field(default=30, ge=1, le=3_600)
    drain_seconds: float = Field(default=10, ge=0, le=600)
    # Of each institution, agency or other party, in each process; 0 is no limit.
    rate_per_second: Annotated[float, Field(ge=0), AfterValidator(_is_a_rate)] = 2_000
    burst: int = Field(default=4_000, ge=1)

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

    @check_after(mode="after")
    def _has_a_port_for_each(self) -> "ServerConfig":
        if self.metrics_address is not None:
            own, (host, ports) = split_address(self.address), split_range(self.metrics_address)
            if own[1] and (host, list(ports)) == (own[0], [own[1]]):
                raise ValueError("metrics_address must have another port than address")
        return self


class DatabaseConfig(Section):
    """Where a service stores its rows."""

    url: str

    @field_validator("url")
    @classmethod
    def _is_a_database(cls, url: str) -> str:
        check_database_url(url)
        return url


class BatchConfig(Section):
    """How many commands share one transaction and how long they wait for each other."""

    max_size: int = Field(default=128, ge=1, le=1_024)
    linger_ms: float = Field(default=2, ge=0, le=1_000)
    max_queue: int = Field(default=4_096, ge=1)

    @check_after(mode="after")
    def _holds_a_batch(self) -> "BatchConfig":
        if self.max_queue < self.max_size:
            raise ValueError(f"max_queue must not be below max_size, here {self.max_size}")
        return self


class LogConfig(Section):
    """What is logged: `info` refusals, errors, start and stop; `debug` every call."""

    level: Literal["debug", "info", "warning", "error"] = "info"


# How long the documents promise that a request may be repeated.
PROMISED_DAYS = 30


class AnswersConfig(Section):
    """How long answers are kept for repeats of their requests."""

    keep_days: int = Field(default=400, ge=PROMISED_DAYS, le=36_500)


class SandboxConfig(Section):
    """What `yibao up` says in a sandbox, and nobody else says anywhere."""

    # The folder of the sandbox, with its mark in it; none where it is no sandbox.
    folder: FileName | None = None
    # Whether the time can be moved, by the clock in the folder.
    movable_clock: bool = False


class ServiceConfig(Section):
    """What the configuration of every service holds."""

    server: ServerConfig
    database: DatabaseConfig
    answers: AnswersConfig = AnswersConfig()
    log: LogConfig = LogConfig()
    sandbox: SandboxConfig = SandboxConfig()

"""Configuration files of services: whose they are, and read as that service reads them."""

import os
from dataclasses import dataclass
from pathlib import Path

from yibao_cli.options import SANDBOX
from yibao_cli.parties import SERVICES
from yibao_common.process.config import ConfigError, StartError
from yibao_common.process.config_file import load_config, read_tables
from yibao_identity.config import IdentityConfig
from yibao_offsite.config import OffsiteConfig
from yibao_settlement.config import SettlementConfig

AnyConfig = IdentityConfig | SettlementConfig | OffsiteConfig

_MODELS: dict[str, type[AnyConfig]] = {
    "identity": IdentityConfig,
    "settlement": SettlementConfig,
    "offsite": OffsiteConfig,
}
# Tables that one service alone has.
_MARKS = {"issuer": "identity", "identity": "settlement", "materials": "offsite"}


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """The configuration of a service."""

    service: str
    config: AnyConfig

    @property
    def package(self) -> str:
        """The package of the service, which holds its migrations."""
        return f"yibao_{self.service}"


def find_service(path: Path) -> str:
    """Returns whose configuration a file is: by its name, else by its tables.

    Raises:
        ConfigError: the file cannot be read, or neither tells.
    """
    named = [service for service in SERVICES if service in path.stem]
    if len(named) == 1:
        return named[0]
    tables = read_tables(path)
    marked = {service for table, service in _MARKS.items() if table in tables}
    if len(marked) != 1:
        raise ConfigError([f"{path}: name it after its service ({', '.join(SERVICES)})"])
    return marked.pop()


def read_config(path: Path) -> ServiceConfig:
    """Returns the configuration in a file, overridden by the environment as the service's is.

    Raises:
        ConfigError: see `load_config` and `find_service`.
    """
    service = find_service(path)
    return ServiceConfig(service, load_config(_MODELS[service], path=path, environ=os.environ))


def config_files(given: list[Path], *, sandbox: Path = SANDBOX) -> list[Path]:
    """Returns the files to look at: those given, or the ones of the sandbox.

    Raises:
        StartError: none is given and there is no sandbox.
    """
    if given:
        return given
    found = [sandbox / f"{service}.toml" for service in SERVICES]
    if not all(path.exists() for path in found):
        raise StartError(f"name the files with --config: there is no sandbox in {sandbox}")
    return found

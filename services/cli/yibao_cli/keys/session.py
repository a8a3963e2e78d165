"""Opens a deployment's trust for one command, and tells plainly what is wrong with it."""

import contextlib
import datetime as dt
import getpass
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from yibao_cli.console import out, told_plainly
from yibao_cli.options import IDENTITY_OF_SANDBOX
from yibao_cli.services import read_config
from yibao_common.commands.sandbox import open_sandbox_clock
from yibao_common.keys.key_file import KeyFileError
from yibao_common.process.config import ServiceConfig, StartError
from yibao_common.values.clock import Clock, system_clock
from yibao_identity.application.trust.admin import TrustAdmin
from yibao_identity.config import IdentityConfig
from yibao_identity.trust_setup import open_trust_admin


@contextlib.contextmanager
def session(
    config_file: Path, *, by: str = ""
) -> Iterator[tuple[Console, IdentityConfig, TrustAdmin]]:
    """Gives the console, the configuration and what changes trust."""
    with told_plainly():
        if config_file == IDENTITY_OF_SANDBOX and not config_file.exists():
            raise StartError(
                f"name identity's configuration with --config: there is no sandbox in "
                f"{config_file.parent}"
            )
        config = read_config(config_file).config
        if not isinstance(config, IdentityConfig):
            raise StartError(f"{config_file} is not the configuration of identity")
        with (
            _key_files_told(),
            open_trust_admin(config, clock=clock_of(config), by=by or _user()) as admin,
        ):
            yield out, config, admin


def clock_of(config: ServiceConfig) -> Clock:
    """Returns the clock of a service: the machine's, but in a sandbox whose time can be moved.

    Raises:
        StartError: the configuration names a sandbox, and this is none; or the reverse.
    """
    return open_sandbox_clock(config) or system_clock


def in_utc(typed: dt.datetime) -> dt.datetime:
    """Returns a time that somebody typed, which is in UTC where it names no zone.

    Raises:
        StartError: no calendar has it in UTC.
    """
    if typed.tzinfo is None:
        return typed.replace(tzinfo=dt.UTC)
    try:
        return typed.astimezone(dt.UTC)
    except OverflowError:
        raise StartError(f"--since {typed.isoformat()}: is no time that a key may have") from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        raise StartError("this user has no name: say who changes keys by --by") from None


@contextlib.contextmanager
def _key_files_told() -> Iterator[None]:
    try:
        yield
    except KeyFileError as error:
        raise StartError(str(error)) from None

"""A sandbox that `yibao up` runs, as another command finds it: addresses and certificates."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import grpc

from yibao_cli.inputs import open_channel, read_file
from yibao_cli.parties import SERVICES
from yibao_common.commands.sandbox import CLOCK_FILE, SandboxClock
from yibao_common.process.config import StartError
from yibao_common.values.clock import Clock, system_clock


class Channels(Protocol):
    """Gives each party its channel to a service: a stack, or a sandbox that runs."""

    def channel(self, service: str, party: str) -> grpc.Channel:
        """Returns the channel of a party to a service; whoever made it closes it."""
        ...


class RunningSandbox:
    """Channels to the services that run from a folder; a block closes them."""

    def __init__(self, folder: Path) -> None:
        """Reads where the services are.

        Raises StartError where the folder is no sandbox.
        """
        self._certificates = folder / "certificates"
        self._addresses = {service: _address(folder, service) for service in SERVICES}
        self._channels: dict[tuple[str, str], grpc.Channel] = {}

    def __enter__(self) -> Self:
        """Returns the sandbox; the end of the block closes the channels."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the channels."""
        for channel in self._channels.values():
            channel.close()

    def channel(self, service: str, party: str) -> grpc.Channel:
        """Returns the channel of a party to a service.

        Raises StartError where the sandbox has no certificate of the party.
        """
        key = (service, party)
        if key not in self._channels:
            self._channels[key] = open_channel(
                self._addresses[service],
                ca_file=self._certificates / "ca.pem",
                certificate_file=self._certificates / f"{party}.pem",
                key_file=self._certificates / f"{party}.key",
                use_environment_proxy=False,
            )
        return self._channels[key]


def clock_of(folder: Path) -> Clock:
    """Returns the clock of a sandbox's services: the machine's where it cannot be moved."""
    return SandboxClock(folder) if (folder / CLOCK_FILE).exists() else system_clock


def _address(folder: Path, service: str) -> str:
    path = folder / f"{service}.toml"
    if not path.exists():
        raise StartError(
            f"{folder}: no sandbox of yibao; start one with `yibao up`, or name its --folder\n"
            f"    {folder} 不是沙箱文件夹：请先运行 yibao up，或用 --folder 指明其文件夹"
        )
    tables: Mapping[str, Mapping[str, object]] = tomllib.loads(read_file(path).decode())
    return str(tables["server"]["address"])

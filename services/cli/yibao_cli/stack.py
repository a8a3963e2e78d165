"""All services on this machine as child processes, for the sandbox, tests and measurements.

    with Stack.start(folder) as stack:
        stub = TrustServiceStub(stack.channel("identity", CHANNEL))

They talk mutual TLS with development certificates and run on SQLite, or on the databases
that are given. `import_region` fills in a region.
"""

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import grpc
from grpc_health.v1 import health_pb2

from yibao.client import secure_channel
from yibao.errors import error_of
from yibao_cli.child import Child, LineReader
from yibao_cli.parties import PROBE, SERVICES
from yibao_cli.ports import HOST, choose_ports
from yibao_cli.regions import Region
from yibao_cli.sandbox import Sandbox, Settings, claim_folder, prepare
from yibao_common.process.config import StartError

_START_SECONDS = 30.0
# The services give running calls 10 s; a little more, so that none is killed for that.
_STOP_SECONDS = 15.0
# What each of them serves, and no other one.
_OF_ITS_OWN = {
    "identity": "yibao.identity.v1.PersonService",
    "settlement": "yibao.settlement.v1.SettlementService",
    "offsite": "yibao.offsite.v1.RegistrationService",
}


def _ignore_line(_name: str, _line: str) -> None:
    """Drops a line; each child keeps its last ones."""


class Stack:
    """Running services. Not safe to share between threads, but for its channels."""

    def __init__(
        self,
        sandbox: Sandbox,
        *,
        settings: Settings,
        environment: Mapping[str, Mapping[str, str]],
        modules: Mapping[str, str],
        on_line: LineReader,
        claim: TextIO,
    ) -> None:
        """Keeps the parts; `start` makes them."""
        self.sandbox = sandbox
        self.addresses = settings.addresses
        self._settings = settings
        self._environment = environment
        self._modules = modules
        self._on_line = on_line
        self._claim = claim
        self._children: dict[str, list[Child]] = {service: [] for service in SERVICES}
        self._channels: dict[tuple[str, str], grpc.Channel] = {}

    @classmethod
    def start(
        cls,
        folder: Path,
        regions: Sequence[Region],
        *,
        database_urls: Mapping[str, str] | None = None,
        processes: Mapping[str, int] | None = None,
        ports: Sequence[int | None] = (None, None, None),
        reflection: bool = False,
        keep_data: bool = False,
        poll_seconds: float = 0.2,
        log_level: str = "info",
        environment: Mapping[str, Mapping[str, str]] | None = None,
        modules: Mapping[str, str] | None = None,
        is_to_try: bool = False,
        has_movable_clock: bool = False,
        on_line: LineReader = _ignore_line,
    ) -> "Stack":
        """Starts every service and returns once all of them serve.

        Args:
            folder: Where certificates, keys, configurations and SQLite files lie.
            regions: Whom certificates are made for; `import_region` fills them in.
            database_urls: PostgreSQL for some services, by name; they are migrated.
            processes: How many processes share a service's port; PostgreSQL only.
            ports: For identity, settlement and offsite; any free one where None.
            reflection: Whether tools may ask the services for their contract.
            keep_data: Whether SQLite files of an earlier run are kept.
            poll_seconds: How often settlement asks identity for news.
            log_level: `info` or `debug`.
            environment: Variables for the processes of a service, by its name.
            modules: Started in place of `yibao_<service>.main`, by the service's name.
            is_to_try: Whether the services say that they are a sandbox, and refuse what asks
                for it.
            has_movable_clock: Whether their time can be moved.
            on_line: Gets each line of log; called in other threads.

        Raises:
            StartError: a service did not start; the text holds its last lines.
        """
        folder = Path(os.path.realpath(folder))
        found = choose_ports(ports)
        settings = Settings(
            addresses={name: f"{HOST}:{port}" for name, port in zip(SERVICES, found, strict=True)},
            database_urls=database_urls or {},
            processes={name: (processes or {}).get(name, 1) for name in SERVICES},
            reflection=reflection,
            poll_seconds=poll_seconds,
            log_level=log_level,
            is_to_try=is_to_try,
            has_movable_clock=has_movable_clock,
        )
        with contextlib.ExitStack() as undo:
            claim = undo.enter_context(claim_folder(folder, keep_data=keep_data))
            sandbox = prepare(folder, regions, settings)
            undo.pop_all()
        stack = cls(
            sandbox,
            settings=settings,
            environment=environment or {},
            modules=modules or {},
            on_line=on_line,
            claim=claim,
        )
        stack._begin()
        return stack

    def __enter__(self) -> Self:
        """Returns the stack; the end of the block closes it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the stack."""
        self.close()

    def close(self) -> None:
        """Closes the channels, drains every service and waits until all have ended."""
        self.close_channels()
        # Settlement first: it asks identity for news until it ends.
        for service in ("settlement", "offsite", "identity"):
            self.stop(service)
        self._claim.close()

    def close_channels(self) -> None:
        """Closes the channels that `channel` gave out; it opens new ones when asked again."""
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()

    def channel(self, service: str, party: str) -> grpc.Channel:
        """Returns the channel of a party to a service; the stack closes it."""
        key = (service, party)
        if key not in self._channels:
            self._channels[key] = self._open(service, party)
        return self._channels[key]

    def credentials(self, party: str) -> grpc.ChannelCredentials:
        """Returns the client credentials of a party."""
        files = self.sandbox.certificates.leaves[party]
        return grpc.ssl_channel_credentials(
            self.sandbox.certificates.ca_file.read_bytes(),
            files.key_file.read_bytes(),
            files.certificate_file.read_bytes(),
        )

    def pids(self, service: str) -> tuple[int, ...]:
        """Returns the processes of a service, in the order of their start."""
        return tuple(child.pid for child in self._children[service])

    def ended(self) -> Child | None:
        """Returns a process that ended though nobody asked it to, or None."""
        children = (child for children in self._children.values() for child in children)
        return next((child for child in children if child.exit_code is not None), None)

    def stop(self, service: str) -> None:
        """Drains a service and waits until its processes have ended."""
        children = self._children[service]
        for child in children:
            child.terminate()
        for child in children:
            child.wait(_STOP_SECONDS)
        children.clear()

    def kill(self, service: str, index: int = 0) -> None:
        """Kills one process of a service, without a chance to finish anything."""
        child = self._children[service].pop(index)
        child.kill()
        child.wait(_STOP_SECONDS)

    def restart(self, service: str) -> None:
        """Starts the processes of a service that were stopped or killed, and waits."""
        self._spawn(service)
        self.wait_serving(service)

    def wait_serving(self, service: str, *, seconds: float = _START_SECONDS) -> None:
        """Waits until every process of a service has started and one says so over TLS.

        Raises:
            StartError: one ended or does not answer.
        """
        deadline = time.monotonic() + seconds
        for child in self._children[service]:
            while not child.started.wait(0.02):
                if child.exit_code is not None:
                    child.wait(1)
                    raise StartError(_obituary(child))
                if time.monotonic() > deadline:
                    raise StartError(f"{child.name} did not start within {seconds:g} s")
        with self._open(service, PROBE) as channel:
            check_serving(channel, service, seconds=max(deadline - time.monotonic(), 0.1))

    def _begin(self) -> None:
        """Starts every service and waits; closes all where one does not start."""
        try:
            # Settlement waits itself for the first keys and persons of identity.
            for name in SERVICES:
                self._spawn(name)
            for name in SERVICES:
                self.wait_serving(name)
        except BaseException:
            self.close()
            raise

    def _spawn(self, service: str) -> None:
        """Starts the processes that a service lacks."""
        children = self._children[service]
        wanted = self._settings.processes[service]
        for number in range(len(children), wanted):
            name = service if wanted == 1 else f"{service}.{number + 1}"
            children.append(
                Child(
                    name,
                    module=self._modules.get(service, f"yibao_{service}.main"),
                    config_file=self.sandbox.config_files[service],
                    environment=self._environment.get(service, {}),
                    on_line=self._on_line,
                )
            )

    def _open(self, service: str, party: str) -> grpc.Channel:
        files = self.sandbox.certificates.leaves[party]
        return secure_channel(
            self.addresses[service],
            ca_file=self.sandbox.certificates.ca_file,
            certificate_file=files.certificate_file,
            key_file=files.key_file,
            # A person of a moment ago may be on the way to settlement yet.
            retry=True,
        )


def _obituary(child: Child) -> str:
    lines = "\n".join(f"  {line}" for line in child.tail)
    return f"{child.name} ended with code {child.exit_code}; it wrote:\n{lines or '  nothing'}"


def check_serving(
    channel: grpc.Channel, service: str, *, seconds: float, wait: bool = True
) -> None:
    """Asks a service for its health; may wait until it can be reached.

    Who does not wait asks whether it is this service that answers there, too: one that begins
    tells of itself alone at first.

    Raises:
        StartError: it cannot be reached, refuses the certificate, does not serve or is another
            one.
    """
    asked = health_pb2.HealthCheckRequest(service="" if wait else _OF_ITS_OWN[service])
    check = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        health_pb2.HealthCheckRequest.SerializeToString,
        health_pb2.HealthCheckResponse.FromString,
    )
    try:
        answer = check(asked, timeout=seconds, wait_for_ready=wait)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.NOT_FOUND:
            raise StartError(f"{service} does not answer: another service does") from None
        raise StartError(f"{service} does not answer: {error_of(error).message}") from None
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        raise StartError(f"{service} answers, but does not serve")

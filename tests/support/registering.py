"""The offsite service behind mutual TLS, as those call it who apply and decide."""

import contextlib
import datetime as dt
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.registrations import NOW, REGION
from support.services import run_service
from support.serving import channel_credentials, open_test_log, reason_in

from yibao.offsite.v1 import registration_service_pb2_grpc, rules_service_pb2_grpc
from yibao_common.keys.dev_ca import DevCertificates, Leaf
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.main import OffsiteService

LEAVES = (
    Leaf("server", "service/offsite", is_server=True),
    Leaf("agency", f"agency/{REGION}/wang"),
    Leaf("second", f"agency/{REGION}/li"),
    Leaf("third", f"agency/{REGION}/zhao"),
    Leaf("other-agency", "agency/500100/li"),
    Leaf("channel", "channel/wallet"),
    Leaf("hospital", "institution/H33010000001"),
    Leaf("other-hospital", "institution/H33010000009"),
    Leaf("settlement", "service/settlement"),
)


class SteppingClock:
    """Starts at NOW and goes on by a second at each look."""

    def __init__(self) -> None:
        self._seconds = itertools.count()

    def __call__(self) -> dt.datetime:
        return (NOW + dt.timedelta(seconds=next(self._seconds))).astimezone(dt.UTC)


@dataclass
class Desks:
    """A service that runs, and stubs of it by the name of the caller's certificate."""

    port: int
    folder: Path
    _channels: list[grpc.aio.Channel] = field(default_factory=list)

    def registrations(self, name: str = "agency") -> Any:
        return registration_service_pb2_grpc.RegistrationServiceStub(self._channel(name))

    def rules(self, name: str = "agency") -> Any:
        return rules_service_pb2_grpc.RulesServiceStub(self._channel(name))

    def _channel(self, name: str) -> grpc.aio.Channel:
        credentials = channel_credentials(self.folder, name)
        options = [("grpc.use_local_subchannel_pool", 1)]
        channel = grpc.aio.secure_channel(f"localhost:{self.port}", credentials, options=options)
        self._channels.append(channel)
        return channel

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()


@contextlib.asynccontextmanager
async def serving_desks(issued: DevCertificates, url: str) -> AsyncIterator[Desks]:
    """Serves a database."""
    server = {
        "address": "127.0.0.1:0",
        "certificate_file": issued.leaves["server"].certificate_file,
        "key_file": issued.leaves["server"].key_file,
        "client_ca_file": issued.ca_file,
    }
    config = OffsiteConfig.model_validate({"server": server, "database": {"url": url}})
    log, _ = open_test_log()
    service = OffsiteService(config, log=log, clock=SteppingClock())
    async with run_service(service) as port:
        desks = Desks(port, issued.ca_file.parent)
        try:
            yield desks
        finally:
            await desks.close()


async def refusal_of(call: Any) -> str:
    """Returns the reason with which a call is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return reason_in(caught.value)

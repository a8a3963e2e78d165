"""Clients over channels of the SDK and of the services, blocking ones and others."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import grpc
from support.serving import ID

from yibao.settlement.v1 import settlement_service_pb2 as settlement
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub

REQUEST = settlement.GetSettlementRequest(region="500112", settlement_id=ID)
BACK_SECONDS = 5.0


class Client:
    """A channel of either kind, called from the event loop of the test."""

    def __init__(self, channel: Any, *, is_aio: bool) -> None:
        self.channel = channel
        self._is_aio = is_aio
        self._stub: Any = SettlementServiceStub(channel)

    async def call(self, *, timeout: float = 5, **options: Any) -> Any:
        if self._is_aio:
            return await self._stub.GetSettlement(REQUEST, timeout=timeout, **options)
        return await asyncio.to_thread(
            self._stub.GetSettlement, REQUEST, timeout=timeout, **options
        )

    async def code(self, *, timeout: float = 5) -> grpc.StatusCode:
        try:
            await self.call(timeout=timeout)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
        return grpc.StatusCode.OK

    async def seconds_until_answered(self, *, at_most: float) -> float:
        began = time.monotonic()
        while await self.code(timeout=1) is not grpc.StatusCode.OK:
            assert time.monotonic() < began + at_most, f"no answer within {at_most:g} s"
            await asyncio.sleep(0.1)
        return time.monotonic() - began

    async def close(self) -> None:
        if self._is_aio:
            await self.channel.close()
        else:
            await asyncio.to_thread(self.channel.close)


OpenClient = Callable[..., contextlib.AbstractAsyncContextManager[Client]]

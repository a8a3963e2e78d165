"""A bare echo beside a service: same process, event loop and TLS, no gate, no work.

It is the limit that the service's own RPCs are compared with.
"""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any

import grpc

from yibao_common.process.config import ServerConfig
from yibao_common.process.logs import Log
from yibao_common.rpc.tls import ServerFiles

METHOD = "/bench.Echo/Echo"
ADDRESS_VARIABLE = "BENCH_ECHO_ADDRESS"


async def serve_with_echo(
    service: Coroutine[Any, Any, None], config: ServerConfig, log: Log
) -> None:
    """Serves until `service` ends; the echo listens where the environment says."""

    async def echo(request: bytes, context: object) -> bytes:
        return request

    server = grpc.aio.server(options=[("grpc.so_reuseport", 1)])
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "bench.Echo",
                {"Echo": grpc.unary_unary_rpc_method_handler(echo)},
            ),
        )
    )
    assert config.certificate_file is not None
    assert config.key_file is not None
    assert config.client_ca_file is not None
    files = ServerFiles(config.certificate_file, config.key_file, config.client_ca_file, log=log)
    server.add_secure_port(os.environ[ADDRESS_VARIABLE], files.credentials())
    await server.start()
    try:
        await service
    finally:
        await server.stop(0)
        await asyncio.sleep(0)

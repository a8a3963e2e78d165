"""What is answered to calls of methods that are not served here; gRPC alone would not say why."""

from collections.abc import Collection
from typing import Any, NoReturn

import grpc

from yibao_common.rpc.status import DETAILS_KEY, grpc_code, status_of
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

_SANDBOX = "/yibao.common.v1.SandboxService/"
# Whose methods a package of the contract holds: `yibao.identity.v1` is identity's.
_SERVICES = ("identity", "settlement", "offsite")


def unserved(method: str, *, packages: Collection[str]) -> "grpc.RpcMethodHandler[Any, Any]":
    """Returns a handler that answers UNIMPLEMENTED and names the service that has `method`.

    `packages` are those of the services that are served here.
    """
    if method.startswith(_SANDBOX):
        return _no_sandbox()
    told = _why(method, packages)

    async def refuse(_requests: object, context: "grpc.aio.ServicerContext[Any, Any]") -> NoReturn:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, told)

    # A call of one message is to the wire a stream of one, so this answers calls of any kind.
    return grpc.stream_stream_rpc_method_handler(refuse)


def _no_sandbox() -> "grpc.RpcMethodHandler[Any, Any]":
    error = RuleError(
        Reason.NOT_A_SANDBOX, "this is no sandbox whose time can be moved: see `yibao up --clock`"
    )
    details = ((DETAILS_KEY, status_of(error).SerializeToString()),)

    async def refuse(_requests: object, context: "grpc.aio.ServicerContext[Any, Any]") -> NoReturn:
        await context.abort(grpc_code(error.reason), error.message, details)

    return grpc.stream_stream_rpc_method_handler(refuse)


def _why(method: str, packages: Collection[str]) -> str:
    package = method.lstrip("/").partition("/")[0].rpartition(".")[0]
    here = ", ".join(sorted(packages))
    if package in packages:
        return f"{package} has no such method here: it is misspelt, or of another version"
    root, _, rest = package.partition(".")
    service = rest.partition(".")[0]
    if root == "yibao" and service in _SERVICES:
        return f"{package} is served by {service}; this address serves {here}: call {service}'s"
    return f"there is no such method; this address serves {here}"

"""Loopback ports: the usual ones where they are free, else any."""

import socket
from collections.abc import Mapping, Sequence

from yibao_common.process.config import StartError

HOST = "127.0.0.1"
# What gRPC's own examples listen on; easy to remember.
USUAL_PORTS = (50051, 50052, 50053)


def choose_ports(wanted: Sequence[int | None]) -> tuple[int, ...]:
    """Returns a free port for each wanted one: that one if it is free, else any.

    Free when asked, that is: somebody may take it before the service does, which then
    says so and does not start.
    """
    held: list[socket.socket] = []
    try:
        # All are held until the last is chosen, so that none is chosen twice.
        for port in wanted:
            held.append(_bind(port or 0) or _bind_any())
        return tuple(each.getsockname()[1] for each in held)
    finally:
        for each in held:
            each.close()


def wanted_ports(fixed: Mapping[str, int | None]) -> tuple[int | None, ...]:
    """Returns what to ask `choose_ports` for: a fixed port, else the usual one of a service.

    Raises:
        StartError: a fixed port is taken, or is that of two services.
    """
    given = [port for port in fixed.values() if port is not None]
    for service, port in fixed.items():
        if port is None:
            continue
        if given.count(port) > 1:
            raise StartError(f"--{service}-port {port}: each service has a port of its own")
        if (held := _bind(port)) is None:
            raise StartError(
                f"--{service}-port {port}: is taken by another program, or not open to this user"
            )
        held.close()
    return tuple(
        port or (usual if usual not in given else None)
        for port, usual in zip(fixed.values(), USUAL_PORTS, strict=True)
    )


def _bind_any() -> socket.socket:
    found = _bind(0)
    assert found is not None, "the system hands out a free port"
    return found


def _bind(port: int) -> socket.socket | None:
    attempt = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # A port whose last connections are still dying is free, as it is for gRPC.
    attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        attempt.bind((HOST, port))
        # Binding alone would pass beside a listener that also reuses addresses.
        attempt.listen(1)
    except OSError:
        attempt.close()
        return None
    return attempt

"""Why an address cannot be listened at, which gRPC does not tell."""

import errno
import socket

from yibao_common.process.config import split_address


def why_not(address: str) -> str:
    """Returns why nobody can listen at `host:port`, found by an attempt, and what to do."""
    host, port = split_address(address)
    try:
        family, kind, _, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind(place)
            attempt.listen(1)
    except socket.gaierror:
        return "there is no such host: name an address of this machine"
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return "the port is in use: end who listens there, or choose another"
        if error.errno == errno.EADDRNOTAVAIL:
            return "it is no address of this machine: name one, or 0.0.0.0 for all"
        if error.errno == errno.EACCES:
            return "this user may not listen there: choose a port above 1023"
        return error.strerror or type(error).__name__
    return "the port is in use no longer: try again"

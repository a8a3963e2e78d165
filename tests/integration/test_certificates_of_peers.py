"""A peer whose certificate nobody takes is told of at once, with what is wrong."""

import contextlib
import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.both_services import both_services
from support.databases import SqliteDatabases

from yibao_common.keys.dev_ca import Leaf, issue_dev_certificates
from yibao_common.process.config import ServerConfig, StartError
from yibao_common.rpc.channels import Peer
from yibao_common.rpc.own_certificate import check_own_certificates
from yibao_common.rpc.peer_certificate import peer_problem
from yibao_common.values.clock import system_clock

LEAVES = (Leaf("server", "service/identity", is_server=True),)
DAY = dt.timedelta(days=1)


def files_of(folder: Path, *, from_now: dt.timedelta = dt.timedelta(0)) -> ServerConfig:
    """Returns certificates that hold for 30 days from a time on."""
    issued = issue_dev_certificates(folder, LEAVES, clock=lambda: system_clock() + from_now)
    return ServerConfig(
        certificate_file=issued.leaves["server"].certificate_file,
        key_file=issued.leaves["server"].key_file,
        client_ca_file=issued.ca_file,
    )


@contextlib.contextmanager
def shaking_hands(files: ServerConfig) -> Iterator[int]:
    """Gives the port of a server that makes protected connections and says nothing more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert files.certificate_file is not None
    context.load_cert_chain(files.certificate_file, files.key_file)
    context.set_alpn_protocols(["h2"])
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True):
                pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.mark.parametrize(
    ("from_now", "told"),
    [
        (2 * DAY, "holds from "),
        (-60 * DAY, "ended on "),
        (dt.timedelta(0), "is not taken: "),
    ],
    ids=["to come", "ended", "of another CA"],
)
def test_what_is_wrong_with_a_peers_certificate_is_told(
    tmp_path: Path, from_now: dt.timedelta, told: str
) -> None:
    own = files_of(tmp_path / "own")
    with shaking_hands(files_of(tmp_path / "peer", from_now=from_now)) as port:
        problem = peer_problem(Peer(f"localhost:{port}"), own=own, clock=system_clock)
        assert problem.startswith(f"the certificate of localhost:{port}")
        assert told in problem


def test_a_certificate_of_another_host_is_told(tmp_path: Path) -> None:
    own = files_of(tmp_path)
    with shaking_hands(own) as port:
        peer = Peer(f"localhost:{port}", server_name="identity.example")
        assert "identity.example" in peer_problem(peer, own=own, clock=system_clock)


def test_a_good_one_and_nobody_are_no_problem_of_certificates(tmp_path: Path) -> None:
    own = files_of(tmp_path)
    with shaking_hands(own) as port:
        peer = Peer(f"localhost:{port}")
        assert peer_problem(peer, own=own, clock=system_clock) == ""
    assert peer_problem(peer, own=own, clock=system_clock) == ""
    insecure = ServerConfig(insecure=True)
    assert peer_problem(peer, own=insecure, clock=system_clock) == ""


def test_settlement_tells_of_identitys_certificate_as_it_starts(tmp_path: Path) -> None:
    databases = SqliteDatabases(tmp_path)
    with (
        shaking_hands(files_of(tmp_path / "peer", from_now=2 * DAY)) as port,
        both_services(tmp_path / "files", databases, reach=lambda _: port) as services,
    ):
        assert '"event": "certificate of a peer refused"' in services.lines.getvalue()
        assert "holds from " in services.lines.getvalue()
    databases.close()


def test_the_issuer_in_ones_own_file_has_to_hold(tmp_path: Path) -> None:
    good = files_of(tmp_path)
    assert good.certificate_file is not None
    assert good.client_ca_file is not None
    late = files_of(tmp_path / "late", from_now=2 * DAY)
    assert late.client_ca_file is not None
    leaf = good.certificate_file.read_bytes()
    good.certificate_file.write_bytes(leaf + good.client_ca_file.read_bytes())
    check_own_certificates(good, now=system_clock())
    good.certificate_file.write_bytes(leaf + late.client_ca_file.read_bytes())
    with pytest.raises(StartError, match=r"its issuer .* holds from"):
        check_own_certificates(good, now=system_clock())

"""PEM as people put it together: what is read of a file is what connections are made with."""

import io
from collections.abc import Callable
from concurrent import futures
from pathlib import Path

import grpc
import pytest

from yibao.client import secure_channel
from yibao_common.keys.dev_ca import Leaf, issue_dev_certificates
from yibao_common.process.config import LogConfig
from yibao_common.process.logs import open_log
from yibao_common.rpc.tls import ServerFiles
from yibao_common.values.clock import system_clock

IN_TIME = 5.0
Form = Callable[[bytes], bytes]


FORMS: dict[str, Form] = {
    "indented": lambda pem: b"  " + pem.replace(b"\n", b"\n  "),
    "line ends of CR alone": lambda pem: pem.replace(b"\n", b"\r"),
    "behind a word": lambda pem: b"certificate:" + pem,
    "behind a NUL": lambda pem: b"\0\n" + pem,
}


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pem")
    leaves = [
        Leaf("server", "service/x", is_server=True),
        Leaf("client", "institution/H50011200001"),
    ]
    issue_dev_certificates(folder, leaves)
    issue_dev_certificates(folder / "other", [])
    return folder


@pytest.fixture
def names(issued: Path, tmp_path: Path) -> Path:
    for name in ("server.pem", "server.key", "client.pem", "client.key", "ca.pem"):
        (tmp_path / name).write_bytes((issued / name).read_bytes())
    return tmp_path


def connects(folder: Path) -> bool:
    """Tells whether a client and a server with the files of a folder come together."""
    log = open_log(LogConfig(), service="test", clock=system_clock, stream=io.StringIO())
    own = (folder / name for name in ("server.pem", "server.key", "ca.pem"))
    server = grpc.server(futures.ThreadPoolExecutor(1))
    port = server.add_secure_port("127.0.0.1:0", ServerFiles(*own, log=log).credentials())
    server.start()
    try:
        with secure_channel(
            f"localhost:{port}",
            ca_file=folder / "ca.pem",
            certificate_file=folder / "client.pem",
            key_file=folder / "client.key",
        ) as channel:
            call = channel.unary_unary("/none/None", bytes, bytes)
            with pytest.raises(grpc.RpcError) as caught:
                call(b"", timeout=IN_TIME, wait_for_ready=True)
            # The server was reached, which knows no such method.
            return bool(caught.value.code() is grpc.StatusCode.UNIMPLEMENTED)
    finally:
        server.stop(None)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("name", ["server.pem", "server.key", "client.pem", "client.key", "ca.pem"])
def test_what_is_read_in_any_form_is_used(names: Path, name: str, form: Form) -> None:
    path = names / name
    path.write_bytes(form(path.read_bytes()))
    assert connects(names)


@pytest.mark.parametrize("is_first", [False, True])
def test_two_cas_need_no_line_between_them(names: Path, issued: Path, is_first: bool) -> None:
    """`cat` makes such a file of two whose last line has no end, while a CA is changed."""
    own, other = ((issued / name).read_bytes() for name in ("ca.pem", "other/ca.pem"))
    pair = (own, other) if is_first else (other, own)
    (names / "ca.pem").write_bytes(b"".join(each.rstrip() for each in pair))
    assert connects(names)


def test_a_chain_needs_no_line_within(names: Path) -> None:
    for name in ("server.pem", "client.pem"):
        path = names / name
        path.write_bytes(path.read_bytes().rstrip() + (names / "ca.pem").read_bytes())
    assert connects(names)

"""`yibao qr show --watch` calls the identity service as the holder or a channel does."""

import contextlib
import io
import signal
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from rich.console import Console
from support.short_certificates import shorten
from support.token_minting import Message, payload

from yibao.identity.v1 import certificate_service_pb2 as pb
from yibao_cli.connection import Connection
from yibao_cli.qr import watch
from yibao_common.keys.dev_ca import DevCertificates, Leaf, issue_dev_certificates
from yibao_common.values.clock import system_clock

CODE = Message(payload()).text()
SERVICE = pb.DESCRIPTOR.services_by_name["CertificateService"].full_name
HOLDER = "00000000-0000-4000-8000-000000000001"


class Issuer:
    """Issues one code, then refuses, as if the certificate was suspended."""

    def __init__(self) -> None:
        self.asked: list[pb.IssueQrCodeRequest] = []

    def answer(self, request: pb.IssueQrCodeRequest, context: Any) -> pb.IssueQrCodeResponse:
        self.asked.append(request)
        if len(self.asked) > 1:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the certificate is suspended")
        return pb.IssueQrCodeResponse(qr_text=CODE)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> DevCertificates:
    leaves = (Leaf("server", "service/identity", is_server=True), Leaf("channel", "channel/app"))
    return issue_dev_certificates(tmp_path_factory.mktemp("tls"), leaves)


@pytest.fixture
def issuer(certificates: DevCertificates) -> Iterator[tuple[Issuer, str]]:
    servicer = Issuer()
    with serving(servicer, certificates) as address:
        yield servicer, address


@contextlib.contextmanager
def serving(servicer: Issuer, certificates: DevCertificates) -> Iterator[str]:
    """Gives the address of an issuer, which asks for a new handshake each half second."""
    files = certificates.leaves["server"]
    pair = (files.key_file.read_bytes(), files.certificate_file.read_bytes())
    credentials = grpc.ssl_server_credentials(
        [pair], certificates.ca_file.read_bytes(), require_client_auth=True
    )
    options = [("grpc.max_connection_age_ms", 500)]
    server = grpc.server(futures.ThreadPoolExecutor(2), options=options)
    handler = grpc.unary_unary_rpc_method_handler(
        servicer.answer,
        request_deserializer=pb.IssueQrCodeRequest.FromString,
        response_serializer=pb.IssueQrCodeResponse.SerializeToString,
    )
    generic = grpc.method_handlers_generic_handler(SERVICE, {"IssueQrCode": handler})
    server.add_generic_rpc_handlers((generic,))
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    yield f"localhost:{port}"
    server.stop(None).wait()


def run(files: Connection) -> tuple[int, str, str]:
    out, err = (Console(file=io.StringIO(), width=120) for _ in range(2))
    code = watch.run_watch(out, err, files, certificate_id=HOLDER, audience="01301")
    assert isinstance(out.file, io.StringIO)
    assert isinstance(err.file, io.StringIO)
    return code, out.file.getvalue(), err.file.getvalue()


def files_of(certificates: DevCertificates, address: str) -> Connection:
    channel = certificates.leaves["channel"]
    return Connection(
        "330100", address, certificates.ca_file, channel.certificate_file, channel.key_file
    )


def test_codes_are_shown_until_the_service_refuses(
    issuer: tuple[Issuer, str], certificates: DevCertificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    servicer, address = issuer
    monkeypatch.setattr(watch, "REDRAW_SECONDS", 0)
    code, shown, told = run(files_of(certificates, address))
    assert code == 1
    assert "█▀▀▀▀▀█" in shown
    assert "the certificate is suspended" in told
    asked = pb.IssueQrCodeRequest(region="330100", certificate_id=HOLDER, audience="01301")
    assert servicer.asked == [asked, asked]


def test_a_missing_file_is_told_in_a_sentence(certificates: DevCertificates) -> None:
    channel = certificates.leaves["channel"]
    missing = Path("missing.pem")
    files = Connection("330100", "localhost:1", missing, channel.certificate_file, channel.key_file)
    code, shown, told = run(files)
    assert (code, shown) == (2, "")
    assert "missing.pem" in told


class PatientIssuer(Issuer):
    """Gives codes until it may refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.was_asked = threading.Event()
        self.may_refuse = threading.Event()

    def answer(self, request: pb.IssueQrCodeRequest, context: Any) -> pb.IssueQrCodeResponse:
        self.was_asked.set()
        if self.may_refuse.is_set():
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "it is over")
        return pb.IssueQrCodeResponse(qr_text=CODE)


def test_codes_come_on_after_the_end_of_a_certificate_that_was_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaves = (Leaf("server", "service/identity", is_server=True), Leaf("channel", "channel/app"))
    certificates = issue_dev_certificates(tmp_path, leaves)
    end = shorten(tmp_path, "channel", seconds=4)
    servicer = PatientIssuer()
    ended = threading.Event()

    def renew() -> None:
        servicer.was_asked.wait()
        issue_dev_certificates(tmp_path, leaves)
        time.sleep((end - system_clock()).total_seconds() + 1)
        servicer.may_refuse.set()
        if not ended.wait(15):
            # As a person would who sees no code.
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(watch, "REDRAW_SECONDS", 0.2)
    thread = threading.Thread(target=renew)
    with serving(servicer, certificates) as address:
        thread.start()
        code, _, told = run(files_of(certificates, address))
        ended.set()
        thread.join()
    assert (code, "it is over" in told) == (1, True)

"""`yibao qr show --watch`: a live code in the terminal, as a phone shows it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import grpc
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from yibao.errors import error_of
from yibao.identity.v1 import certificate_service_pb2 as pb
from yibao.identity.v1.certificate_service_pb2_grpc import CertificateServiceStub
from yibao_cli.call import show_refusal
from yibao_cli.demo.view import code_picture
from yibao_cli.inputs import open_channel
from yibao_common.process.config import StartError

# A code lives 60 seconds; the next one is drawn before, so that a scanner always has time.
REDRAW_SECONDS = 50
LIFE_SECONDS = 60
RETRY_SECONDS = 2
CALL_SECONDS = 5.0

# What a lost network looks like; anything else is the service's refusal.
_UNREACHABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)

Issue = Callable[[], str]


class UnreachableError(Exception):
    """The service cannot be reached now."""


@dataclass(frozen=True, slots=True)
class IssuerFiles:
    """Where the identity service is, and who calls it."""

    address: str
    ca_file: Path
    certificate_file: Path
    key_file: Path
    use_environment_proxy: bool = False


def run_watch(
    out: Console,
    err: Console,
    files: IssuerFiles,
    *,
    region: str,
    certificate_id: str,
    audience: str,
) -> int:
    """Shows codes until Ctrl-C; returns 0 then, 1 where the service refuses, 2 on bad files."""
    request = pb.IssueQrCodeRequest(region=region, certificate_id=certificate_id, audience=audience)
    try:
        channel = open_channel(
            files.address,
            ca_file=files.ca_file,
            certificate_file=files.certificate_file,
            key_file=files.key_file,
            use_environment_proxy=files.use_environment_proxy,
        )
    except StartError as error:
        err.print(str(error), style="red", markup=False, soft_wrap=True)
        return 2
    with channel:
        stub = CertificateServiceStub(channel)

        def issue() -> str:
            try:
                return stub.IssueQrCode(request, timeout=CALL_SECONDS).qr_text
            except grpc.RpcError as error:
                if error_of(error).code in _UNREACHABLE:
                    raise UnreachableError from error
                raise

        try:
            watch(out, issue, audience=audience)
        except KeyboardInterrupt:
            return 0
        except grpc.RpcError as error:
            show_refusal(err, error_of(error))
            return 1


def watch(
    out: Console,
    issue: Issue,
    *,
    audience: str,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> NoReturn:
    """Draws a code with a countdown each second, and a new code every 50 seconds, for ever.

    Without the service the code drawn last stays while it lives; then none is shown.
    """
    qr_text, drawn_at, next_at = "", 0.0, monotonic()
    is_reachable = True
    with Live(console=out, auto_refresh=False) as live:
        while True:
            now = monotonic()
            if now >= next_at:
                try:
                    qr_text = issue()
                    drawn_at, is_reachable = monotonic(), True
                    next_at = drawn_at + REDRAW_SECONDS
                except UnreachableError:
                    is_reachable = False
                    next_at = monotonic() + RETRY_SECONDS
            now = monotonic()
            lives = bool(qr_text) and now < drawn_at + LIFE_SECONDS
            end = next_at if is_reachable else drawn_at + LIFE_SECONDS
            view = _view(qr_text if lives else "", round(end - now), audience, is_reachable)
            live.update(view, refresh=True)
            sleep(min(1.0, max(0.0, next_at - now)))


def _view(qr_text: str, seconds: int, audience: str, is_reachable: bool) -> RenderableType:
    if not qr_text:
        return Text("No code: the identity service cannot be reached. Trying again …", "red")
    if is_reachable:
        line = Text(f"For {audience}. A new code in {seconds} s.", "dim")
    else:
        line = Text(f"The service cannot be reached; this code ends in {seconds} s.", "yellow")
    return Group(code_picture(qr_text), line)

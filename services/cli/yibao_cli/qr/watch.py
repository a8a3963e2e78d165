"""`yibao qr show --watch`: a live code in the terminal, as a phone shows it."""

import time
from collections.abc import Callable
from typing import NoReturn

import grpc
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from yibao.errors import error_of
from yibao.identity.v1 import certificate_service_pb2 as pb
from yibao.identity.v1.certificate_service_pb2_grpc import CertificateServiceStub
from yibao_cli.call import show_refusal
from yibao_cli.connection import Connection
from yibao_cli.output import tell_unusable
from yibao_cli.qr.drawing import draw, misfit
from yibao_common.process.config import StartError

# A code lives 60 seconds; the next one is drawn before, so that a scanner always has time.
REDRAW_SECONDS = 50
LIFE_SECONDS = 60
RETRY_SECONDS = 2
CALL_SECONDS = 5.0
# The countdown below the code, and the line that the cursor takes.
_MORE_ROWS = 2

# What a lost network looks like; anything else is the service's refusal.
_UNREACHABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)

Issue = Callable[[], str]


class NoRoomError(Exception):
    """The terminal cannot show the first code whole; the text says what to do."""


class UnreachableError(Exception):
    """The service cannot be reached now."""


def run_watch(
    out: Console, err: Console, at: Connection, *, certificate_id: str, audience: str
) -> int:
    """Shows codes until Ctrl-C; returns 0 then, 1 where the service refuses.

    Returns 2 on bad files, or where the terminal cannot show a code whole.
    """
    request = pb.IssueQrCodeRequest(
        region=at.region, certificate_id=certificate_id, audience=audience
    )
    try:
        channel = at.open()
    except StartError as error:
        tell_unusable(str(error), err)
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
        except NoRoomError as problem:
            tell_unusable(str(problem), err)
            return 2
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

    Without the service the code drawn last stays while it lives; then none is shown. A window
    that is made smaller later is told so in place of a torn code.

    Raises:
        NoRoomError: the terminal has no room for the first code.
    """
    qr_text, drawn_at, next_at = "", 0.0, monotonic()
    is_reachable, is_first = True, True
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
            problem = misfit(draw(qr_text), out, more_rows=_MORE_ROWS) if lives else ""
            if problem and is_first:
                raise NoRoomError(problem)
            is_first = is_first and not lives
            view: RenderableType = Text(f"Not shown: {problem}.", "red")
            if not problem:
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
    return Group(draw(qr_text).text, line)

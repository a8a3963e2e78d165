"""`yibao clock`: the time of a sandbox, and where it is moved to."""

import datetime as dt
import re
from pathlib import Path

import grpc
from rich.console import Console

from yibao.common.v1 import sandbox_service_pb2, server_service_pb2
from yibao.common.v1.sandbox_service_pb2_grpc import SandboxServiceStub
from yibao.common.v1.server_service_pb2_grpc import ServerServiceStub
from yibao_cli.loading import new_request_id
from yibao_cli.output import is_json, print_document
from yibao_cli.parties import PROBE
from yibao_cli.running import RunningSandbox
from yibao_common.process.config import StartError
from yibao_common.rpc.wire import from_instant, to_instant
from yibao_common.values.calendar import SHANGHAI, add_months

# What a service learns anew after a move, it learns within seconds.
_MOVE_SECONDS = 20.0
_MOST_MONTHS = 1_200
_BY = re.compile(r"\+([0-9]{1,4})(s|min|h|d|w|mo|y)")
_SPANS = {
    "s": dt.timedelta(seconds=1),
    "min": dt.timedelta(minutes=1),
    "h": dt.timedelta(hours=1),
    "d": dt.timedelta(days=1),
    "w": dt.timedelta(weeks=1),
}
FORMS = "+1mo (s, min, h, d, w, mo, y), 2026-12-31 or 2026-12-31T23:59, in Asia/Shanghai"


def target_time(text: str, *, now: dt.datetime) -> dt.datetime:
    """Returns the instant that a text names, seen from `now`: aware, in UTC.

    Months and years keep the day and the time of day in Asia/Shanghai; of a month that has no
    such day it is the last one. A time without a zone is of Asia/Shanghai.

    Raises:
        StartError: it is of no such form.
    """
    if found := _BY.fullmatch(text):
        count, unit = int(found[1]), found[2]
        if unit in _SPANS:
            return now + count * _SPANS[unit]
        return _months_later(now, count if unit == "mo" else 12 * count)
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise StartError(f"{text!r} is no time: write {FORMS}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=SHANGHAI)
    return moment.astimezone(dt.UTC)


def run_clock(out: Console, err: Console, folder: Path, to: str | None, *, seconds: float) -> int:
    """Shows the time of a sandbox, or moves it to what `to` names; returns the exit code.

    1 where a service does not know all that it must as of the new time.

    Raises:
        StartError: `to` is no time, or this is no sandbox whose time can be moved.
        grpc.RpcError: the services cannot be asked, or refuse it.
    """
    with RunningSandbox(folder) as sandbox:
        # Settlement answers once it has learnt from identity again.
        channel = sandbox.channel("settlement", PROBE)
        info = server_info(channel, seconds=seconds)
        if not info.sandbox.has_movable_clock:
            raise StartError(
                "the time of this sandbox cannot be moved: start it with `yibao up --clock`\n"
                "    该沙箱的时间不可调整：请用 yibao up --clock 启动"
            )
        problem = ""
        if to is not None:
            target = target_time(to, now=to_instant(info.server_time))
            problem = move_clock(channel, target, seconds=seconds)
            info = server_info(channel, seconds=seconds)
    _show(out, info, is_moved=to is not None, problem=problem)
    if problem and not is_json():
        err.print(f"[yellow]not all is known yet:[/yellow] {problem}", soft_wrap=True)
    return 1 if problem else 0


def server_info(
    channel: grpc.Channel, *, seconds: float
) -> server_service_pb2.GetServerInfoResponse:
    """Returns what a server tells of itself. Raises grpc.RpcError."""
    request = server_service_pb2.GetServerInfoRequest()
    return ServerServiceStub(channel).GetServerInfo(request, timeout=seconds)


def move_clock(channel: grpc.Channel, to: dt.datetime, *, seconds: float) -> str:
    """Moves the time of a sandbox; returns what the service does not know yet as of then.

    Raises grpc.RpcError.
    """
    request = sandbox_service_pb2.MoveClockRequest(
        request_id=new_request_id(), to_time=from_instant(to)
    )
    timeout = max(seconds, _MOVE_SECONDS)
    return SandboxServiceStub(channel).MoveClock(request, timeout=timeout).problem


def _show(
    out: Console,
    info: server_service_pb2.GetServerInfoResponse,
    *,
    is_moved: bool,
    problem: str,
) -> None:
    local = to_instant(info.server_time).astimezone(SHANGHAI)
    ahead = info.sandbox.clock_ahead_seconds
    if is_json():
        document = {
            "time": local.isoformat(timespec="seconds"),
            "ahead_seconds": ahead,
            "is_moved": is_moved,
            "problem": problem,
        }
        print_document(out, document)
    else:
        out.print(f"{local:%Y-%m-%d %H:%M:%S} in Asia/Shanghai, {ahead / 86_400:.1f} days ahead")


def _months_later(now: dt.datetime, months: int) -> dt.datetime:
    if months > _MOST_MONTHS:
        raise StartError(f"{months} months are more than a sandbox lives")
    local = now.astimezone(SHANGHAI)
    day = add_months(local.date(), months)
    return dt.datetime.combine(day, local.timetz()).astimezone(dt.UTC)

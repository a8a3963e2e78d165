"""One stream of changes: where it begins, what it sends, when it ends."""

import asyncio
import contextlib
import datetime as dt
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from yibao.settlement.v1 import change_service_pb2 as pb
from yibao_common.rpc.pages import page_token, place_after
from yibao_common.rpc.wire import from_instant, to_instant
from yibao_common.values.errors import FieldFault, RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.change import Change, ChangePlace, ChangeWish
from yibao_settlement.servicer.change.messages import (
    change_message,
    instant_of,
    place_of,
    place_text,
)
from yibao_settlement.servicer.change.watch import ChangeWatch, Follower

# So much of a stream is in memory at a time: who does not read keeps it at that.
_PAGE_SIZE = 100
# A call without a deadline is cut off after 600 s, without a word of where to go on.
_MOST_SECONDS = 570.0
# So long before the caller's own deadline a stream says that it ends.
_BEFORE_DEADLINE_SECONDS = 0.5


@dataclass(slots=True)
class Begin:
    """Where a stream goes on: behind a change, or with the first one since an instant."""

    since: dt.datetime
    after: ChangePlace | None = None


def begin_of(request: pb.WatchSettlementChangesRequest) -> Begin:
    """Returns where the caller wants to begin.

    Raises:
        RuleError: FIELD_REQUIRED, neither says it; FIELD_MALFORMED, the token is of other
            arguments.
    """
    if request.resume_token:
        begin = place_after(_bound(request), request.resume_token, _begin_of, field="resume_token")
        assert begin is not None, "there is a token"
        return begin
    if request.HasField("change_start_time"):
        return Begin(to_instant(request.change_start_time))
    message = "or resume_token is required"
    fault = FieldFault("change_start_time", Reason.FIELD_REQUIRED, message)
    raise RuleError(Reason.FIELD_REQUIRED, f"change_start_time: {message}", faults=[fault])


async def responses(
    watch: ChangeWatch,
    follower: Follower,
    request: pb.WatchSettlementChangesRequest,
    begin: Begin,
    *,
    deadline_seconds: float | None,
) -> AsyncIterator[pb.WatchSettlementChangesResponse]:
    """Yields what a stream sends, its end last.

    Each response is made once the one before was taken.
    """
    ends_at = time.monotonic() + _life_seconds(deadline_seconds)
    arguments = _bound(request)

    def response(place: str) -> pb.WatchSettlementChangesResponse:
        return pb.WatchSettlementChangesResponse(resume_token=page_token(arguments, place))

    while True:
        follower.woken.clear()
        before = watch.looked
        # All that is looked at from here on wakes it again.
        while before is not None and not _is_over(watch, ends_at):
            wish = ChangeWish(follower.institution_id, begin.since, before, request.only_by_others)
            found = await watch.read(request.region, wish, after=begin.after, limit=_PAGE_SIZE + 1)
            page = found[:_PAGE_SIZE]
            is_last = len(found) <= _PAGE_SIZE
            begin = _behind(begin, page, before if is_last else None)
            if page:
                message = response(_text_of(begin))
                message.changes.extend(map(change_message, page))
                if is_last:
                    message.told_before_time.CopyFrom(from_instant(begin.since))
                yield message
            if is_last:
                follower.told_before = begin.since
                break
        left_seconds = ends_at - time.monotonic()
        is_woken = await _woken(follower, min(watch.heartbeat_seconds, left_seconds))
        if _is_over(watch, ends_at):
            message = response(_text_of(begin))
            stops = watch.is_released
            message.end = (
                pb.SETTLEMENT_WATCH_END_SERVER_STOPS
                if stops
                else pb.SETTLEMENT_WATCH_END_TIME_LIMIT
            )
            yield message
            return
        if not is_woken:
            if follower.told_before is not None:
                # Nobody woke it, so there was nothing of its in what was looked at meanwhile.
                begin = Begin(max(begin.since, follower.told_before))
            message = response(_text_of(begin))
            if follower.told_before is not None:
                # Where the caller begins in the future, that is not told yet.
                message.told_before_time.CopyFrom(from_instant(follower.told_before))
            yield message


def _behind(begin: Begin, page: list[Change], before: dt.datetime | None) -> Begin:
    """Returns where it goes on behind a page; `before` where all before it was told."""
    if before is not None:
        return Begin(max(begin.since, before))
    return Begin(begin.since, page[-1].place)


async def _woken(follower: Follower, seconds: float) -> bool:
    follower.is_waiting = True
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(seconds, 0)):
            await follower.woken.wait()
    follower.is_waiting = False
    return follower.woken.is_set()


def _is_over(watch: ChangeWatch, ends_at: float) -> bool:
    return watch.is_released or time.monotonic() >= ends_at


def _life_seconds(deadline_seconds: float | None) -> float:
    if deadline_seconds is None:
        return _MOST_SECONDS
    return min(_MOST_SECONDS, deadline_seconds - _BEFORE_DEADLINE_SECONDS)


def _bound(request: pb.WatchSettlementChangesRequest) -> pb.WatchSettlementChangesRequest:
    """Returns the arguments that a token belongs to."""
    return pb.WatchSettlementChangesRequest(
        region=request.region, only_by_others=request.only_by_others
    )


def _text_of(begin: Begin) -> str:
    return begin.since.isoformat() if begin.after is None else place_text(begin.after)


def _begin_of(text: str) -> Begin:
    """Raises ValueError where the text is not as `_text_of` writes it."""
    if "/" not in text:
        return Begin(instant_of(text))
    place = place_of(text)
    return Begin(place.change_time, place)

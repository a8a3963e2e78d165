"""Comparing a part of a day: the lines of a range of request ids with the acts in it."""

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from yibao_settlement.application.day.rows import DayRows
from yibao_settlement.application.outcome.state import AskedRequest
from yibao_settlement.rules.day.act import DayAct, DayLine, DaySpan, span_of
from yibao_settlement.rules.day.compare import (
    ComparedRequest,
    DayDifference,
    DayDifferenceKind,
    DaySide,
    compare,
)

# Acts that are read for a part, and differences that are told of one: where there are more, it is
# compared up to a request id and the rest is asked for again.
MOST_ACTS = 10_000
MOST_DIFFERENCES = 1_000


class DayOutcome(enum.IntEnum):
    """What is known of a request that the insurer has no act of, by the numbers of the contract."""

    NOT_BOOKED = 1
    FENCED = 2
    OTHER_DAY = 3
    REVERSED = 4
    NO_ACT = 5


class DayPart(NamedTuple):
    """Lines of a day in the order of their request ids, and the range that they are all of.

    Behind `after_request_id`, up to and with `until_request_id`; empty: from the first, and to
    the last.
    """

    day: dt.date
    after_request_id: str
    until_request_id: str
    lines: Sequence[DayLine]


class ToldDifference(NamedTuple):
    """A difference; of an act that the insurer has not, what became of its request."""

    difference: DayDifference
    outcome: DayOutcome | None = None
    outcome_time: dt.datetime | None = None
    outcome_method: str = ""


class ComparedPart(NamedTuple):
    """How a part differs; `until_request_id` is empty where all of it was compared."""

    snapshot_time: dt.datetime
    differences: Sequence[ToldDifference]
    until_request_id: str
    insurer: DaySide
    institution: DaySide


def compare_part(
    rows: DayRows, institution_id: str, part: DayPart, snapshot_time: dt.datetime
) -> ComparedPart:
    """Returns how a part of a day differs from the acts before a snapshot.

    Nothing is told that became known after the snapshot, so that the answer stays the same.
    """
    span = span_of(part.day, snapshot_time)
    acts = rows.acts(
        institution_id,
        span,
        after=part.after_request_id,
        until=part.until_request_id,
        limit=MOST_ACTS + 1,
    )
    end = ""
    if len(acts) > MOST_ACTS:
        # All acts of a request are compared together: those of the last one may not all be here.
        whole = [each for each in acts if each.request_id != acts[-1].request_id]
        assert whole, "no request does so many acts"
        acts, end = whole, whole[-1].request_id
    compared: list[ComparedRequest] = []
    count = 0
    for each in compare([line for line in part.lines if not end or line.request_id <= end], acts):
        reached = compared[-1].request_id if compared else ""
        # Acts whose request is not known have no place to go on from.
        if reached and count + len(each.differences) > MOST_DIFFERENCES:
            end = reached
            break
        compared.append(each)
        count += len(each.differences)
    return _told(rows, institution_id, span, snapshot_time, compared, end)


def _told(
    rows: DayRows,
    institution_id: str,
    span: DaySpan,
    snapshot_time: dt.datetime,
    compared: Sequence[ComparedRequest],
    end: str,
) -> ComparedPart:
    found = [each for request in compared for each in request.differences]
    missing = [
        each.line
        for each in found
        if each.line is not None and each.kind is DayDifferenceKind.MISSING_AT_INSURER
    ]
    asked: Mapping[str, AskedRequest] = {}
    elsewhere: Mapping[str, Sequence[DayAct]] = {}
    if missing:
        asked = rows.asked(institution_id, {line.request_id for line in missing}, snapshot_time)
        elsewhere = _by_settlement(rows, institution_id, span, missing)
    told = []
    again: list[DayLine] = []
    for each in found:
        line = each.line
        if each.kind is not DayDifferenceKind.MISSING_AT_INSURER or line is None:
            told.append(ToldDifference(each))
            continue
        twin = _twin(line, elsewhere)
        if twin is not None:
            # The same act under the id of another request.
            kind = DayDifferenceKind.DUPLICATE
            told.append(ToldDifference(each._replace(kind=kind, act=twin)))
            again.append(line)
            continue
        known = asked.get(line.request_id)
        outcome, time, method = _outcome(known, institution_id, snapshot_time)
        told.append(ToldDifference(each, outcome, time, method))
    counted = [line for request in compared for line in request.counted]
    for line in again:
        counted.remove(line)
    return ComparedPart(
        snapshot_time,
        told,
        end,
        DaySide().with_each(act.amounts for request in compared for act in request.acts),
        DaySide().with_each(line.amounts for line in counted),
    )


def _by_settlement(
    rows: DayRows, institution_id: str, span: DaySpan, missing: Sequence[DayLine]
) -> Mapping[str, Sequence[DayAct]]:
    """Returns acts of the day that concern settlements which lines name, by settlement."""
    ids = {line.settlement_id for line in missing if line.settlement_id}
    found: dict[str, list[DayAct]] = {}
    for act in rows.acts_of_settlements(institution_id, span, ids) if ids else ():
        found.setdefault(act.settlement_id, []).append(act)
    return found


def _twin(line: DayLine, acts: Mapping[str, Sequence[DayAct]]) -> DayAct | None:
    """Returns the act that a line tells under the id of another request, or None.

    Lines of a settlement may be returned many times: each of these is another act.
    """
    of_settlement = acts.get(line.settlement_id, ())
    of_kind = [act for act in of_settlement if act.kind is line.kind]
    return of_kind[0] if len(of_kind) == 1 and of_kind[0].amounts == line.amounts else None


def _outcome(
    known: AskedRequest | None, institution_id: str, snapshot_time: dt.datetime
) -> tuple[DayOutcome, dt.datetime | None, str]:
    """Returns what became of a request by the snapshot: when, and which method it was."""
    if known is None or known.institution_id not in (None, institution_id):
        # What became of another party's request is not told.
        return DayOutcome.NOT_BOOKED, None, ""
    if known.is_fence:
        return DayOutcome.FENCED, known.answer_time, ""
    if not known.acts:
        return DayOutcome.NO_ACT, known.answer_time, known.method
    reverse_time = known.acts[0].reverse_time
    if reverse_time is not None and reverse_time < snapshot_time:
        return DayOutcome.REVERSED, reverse_time, known.method
    return DayOutcome.OTHER_DAY, known.answer_time, known.method

"""Comparing an institution's acts of a day with the insurer's, request by request."""

import enum
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from yibao_settlement.rules.day.act import DayAct, DayAmounts, DayLine


class DayDifferenceKind(enum.IntEnum):
    """What differs, by the numbers of the contract."""

    MISSING_AT_INSURER = 1
    MISSING_AT_INSTITUTION = 2
    AMOUNT = 3
    STATE = 4
    DUPLICATE = 5


class DayDifference(NamedTuple):
    """A difference; `line` or `act` is None where the institution or the insurer has none."""

    kind: DayDifferenceKind
    request_id: str
    line: DayLine | None
    act: DayAct | None


class DaySide(NamedTuple):
    """What one side's acts come to."""

    act_count: int = 0
    amounts: DayAmounts = DayAmounts()

    def with_each(self, amounts: Iterable[DayAmounts]) -> "DaySide":
        """Returns it with more acts."""
        count, total = self
        for each in amounts:
            count, total = count + 1, total.plus(each)
        return DaySide(count, total)


class ComparedRequest(NamedTuple):
    """What one request id comes to on both sides; `counted` are lines that are no duplicates."""

    request_id: str
    differences: Sequence[DayDifference]
    counted: Sequence[DayLine]
    acts: Sequence[DayAct]


def compare(lines: Iterable[DayLine], acts: Iterable[DayAct]) -> Iterator[ComparedRequest]:
    """Yields what each request id comes to, in their order; both come in that order."""
    lines, acts = list(lines), list(acts)
    at_line = at_act = 0
    while at_line < len(lines) or at_act < len(acts):
        heads = [
            each[at].request_id for each, at in ((lines, at_line), (acts, at_act)) if at < len(each)
        ]
        request_id = min(heads)
        end_line = _end(lines, at_line, request_id)
        end_act = _end(acts, at_act, request_id)
        yield _compared(request_id, lines[at_line:end_line], acts[at_act:end_act])
        at_line, at_act = end_line, end_act


def _end(each: Sequence[DayLine] | Sequence[DayAct], at: int, request_id: str) -> int:
    while at < len(each) and each[at].request_id == request_id:
        at += 1
    return at


def _compared(request_id: str, lines: Sequence[DayLine], acts: Sequence[DayAct]) -> ComparedRequest:
    """Compares the lines of a request id with its acts.

    A request does several acts where later bills are restated with it: settlement and bill tell
    them apart. A line that names no act of those left is compared with the first of them.
    """
    free, found, rest = list(acts), [], []
    for line in lines:
        act = next((each for each in free if _is_named(line, each)), None)
        if act is None:
            rest.append(line)
        else:
            free.remove(act)
            found.append((line, act))
    differences = [each for pair in found for each in _between(*pair)]
    counted = [line for line, _ in found]
    for line in rest:
        again = next((act for _, act in found if _is_named(line, act)), None)
        if again is not None or _is_again(line, counted) or (acts and not free):
            twin = again or next((act for _, act in found), None)
            kind = DayDifferenceKind.DUPLICATE
            differences.append(DayDifference(kind, request_id, line, twin))
            continue
        counted.append(line)
        if free:
            act = free.pop(0)
            found.append((line, act))
            differences += _between(line, act)
        else:
            kind = DayDifferenceKind.MISSING_AT_INSURER
            differences.append(DayDifference(kind, request_id, line, None))
    differences += [
        DayDifference(DayDifferenceKind.MISSING_AT_INSTITUTION, request_id, None, act)
        for act in free
    ]
    return ComparedRequest(request_id, differences, counted, acts)


def _is_named(line: DayLine, act: DayAct) -> bool:
    if line.settlement_id:
        return line.settlement_id == act.settlement_id
    return line.kind is act.kind and line.bill_number in ("", act.bill_number)


def _is_again(line: DayLine, counted: Iterable[DayLine]) -> bool:
    """Tells whether a line is of the same act as one before: amounts do not matter."""
    return any(each._replace(amounts=line.amounts) == line for each in counted)


def _between(line: DayLine, act: DayAct) -> Iterator[DayDifference]:
    is_same = (
        line.kind is act.kind
        and line.settlement_id in ("", act.settlement_id)
        and line.bill_number in ("", act.bill_number)
    )
    if not is_same:
        yield DayDifference(DayDifferenceKind.STATE, line.request_id, line, act)
    if line.amounts != act.amounts:
        yield DayDifference(DayDifferenceKind.AMOUNT, line.request_id, line, act)

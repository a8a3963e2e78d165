"""What is due, in which order it is told, and in which words."""

import datetime as dt
import enum
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yibao_cli.due.kinds import PLURALS, DueKind


class Standing(enum.IntEnum):
    """How something stands on a day, the most urgent first."""

    OVERDUE = 1
    DUE = 2
    WAITS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DueItem:
    """Something that an agency has to do.

    `day` is of Asia/Shanghai: the last one to do it on, or, of what only `waits` because the
    service sets no such day, the one since which it does. `methods` deal with it, and `call` with
    the fields `request` is what to call next: a reading of it, or a method that is refused
    without more fields. Persons are told by their ids alone.
    """

    kind: DueKind
    day: dt.date
    what: str
    methods: tuple[str, ...]
    id: str
    call: str
    request: Mapping[str, str]
    person_id: str = ""
    waits: bool = False

    def standing(self, today: dt.date) -> Standing:
        """Returns how it stands on a day: overdue from the day after its last one on."""
        if self.waits:
            return Standing.WAITS
        return Standing.OVERDUE if self.day < today else Standing.DUE

    def lines(self, today: dt.date) -> tuple[str, str]:
        """Returns what is told of it: how it stands and what deals with it, and the call."""
        standing = self.standing(today)
        word = "OVERDUE" if standing is Standing.OVERDUE else standing.name.lower()
        day = f"{'from' if self.waits else 'by':<5}{self.day}"
        told = f"{word:<9}{day}  {self.kind:<15}{self.what}: {one_of(self.methods)}"
        request = json.dumps(self.request)
        return told, f"{'':<9}yibao call {self.call} '{request}'"

    def document(self, today: dt.date) -> dict[str, Any]:
        """Returns it for programs."""
        return {
            "standing": self.standing(today).name,
            "date": str(self.day),
            "kind": self.kind.value,
            "what": self.what,
            "id": self.id,
            "person_id": self.person_id,
            "methods": list(self.methods),
            "call": {"method": self.call, "request": dict(self.request)},
        }


def in_order(found: Iterable[DueItem], today: dt.date) -> list[DueItem]:
    """Returns what is overdue, then what is due, then what waits; each by day, kind and id."""
    kinds = list(DueKind)
    return sorted(
        found,
        key=lambda each: (each.standing(today), each.day, kinds.index(each.kind), each.id),
    )


def summary(
    found: Sequence[DueItem], asked: Collection[DueKind], *, until: dt.date, today: dt.date
) -> str:
    """Returns a line of how much there is, and of which kinds asked for there is nothing."""
    counts = {standing: 0 for standing in Standing}
    for each in found:
        counts[each.standing(today)] += 1
    overdue, waiting = counts[Standing.OVERDUE], counts[Standing.WAITS]
    told = f"{overdue + counts[Standing.DUE]} due by {until}"
    told += f", {overdue} of them overdue" if overdue else ""
    told += f", {waiting} waiting" if waiting else ""
    nothing = ", ".join(PLURALS[kind] for kind in nothing_of(found, asked))
    return f"{told}; nothing of {nothing}" if nothing else told


def nothing_of(found: Iterable[DueItem], asked: Collection[DueKind]) -> list[DueKind]:
    """Returns the kinds asked for of which there is nothing, in their order."""
    there = {each.kind for each in found}
    return [kind for kind in DueKind if kind in asked and kind not in there]


def one_of(methods: Sequence[str]) -> str:
    """Returns methods of which one is called: `A, B or C`."""
    *others, last = methods
    return f"{', '.join(others)} or {last}" if others else last

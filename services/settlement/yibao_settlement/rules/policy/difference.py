"""What two versions of a policy say differently, row by row, in words."""

import enum
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.told import Told, tell_policy


class Change(enum.IntEnum):
    """What became of a row."""

    ADDED = 1
    REMOVED = 2
    CHANGED = 3


class Difference(NamedTuple):
    """A row that one version has and the other has not, or has otherwise."""

    change: Change
    before: Told | None
    after: Told | None

    @property
    def owner(self) -> str:
        """The step or counter that it is of, empty for the policy itself."""
        told = self.after or self.before
        assert told is not None
        return told.owner


def differences(before: AnyPolicy, after: AnyPolicy) -> Iterator[Difference]:
    """Yields what differs, in the order of `after`; what only `before` has stands last of
    its step, and steps that only `before` has stand last.

    A row is the same one if step and condition are; rows whose condition was altered are
    told as changed where a step has as many new ones as it lost, and a dated amount where it
    got other days. How a clause is cited makes no difference.
    """
    old, new = _by_owner(tell_policy(before)), _by_owner(tell_policy(after))
    for owner in dict.fromkeys((*new, *old)):
        yield from _of_owner(old.get(owner, {}), new.get(owner, {}))


_Rows = dict[tuple[str, int], Told]


def _by_owner(rows: Sequence[Told]) -> dict[str, _Rows]:
    found: dict[str, _Rows] = {}
    for row in rows:
        of_owner = found.setdefault(row.owner, {})
        # Rows of one table may ask for the same in words: they are told apart by their order.
        number = sum(key == row.key for key, _ in of_owner)
        of_owner[row.key, number] = row
    return found


def _of_owner(old: _Rows, new: _Rows) -> Iterator[Difference]:
    lost = [row for key, row in old.items() if key not in new]
    gained = [row for key, row in new.items() if key not in old]
    pairs = dict(_pairs(gained, lost))
    for key, row in new.items():
        former = old.get(key) or pairs.get(row)
        if former is None:
            yield Difference(Change.ADDED, None, row)
        elif (former.text_zh, former.text_en) != (row.text_zh, row.text_en):
            yield Difference(Change.CHANGED, former, row)
    changed = pairs.values()
    yield from (Difference(Change.REMOVED, row, None) for row in lost if row not in changed)


def _pairs(gained: Sequence[Told], lost: Sequence[Told]) -> Iterator[tuple[Told, Told]]:
    """Yields rows that took the place of others.

    What a policy says of itself has names, and one with another name is another thing; a dated
    amount is told from its others by a day behind the name.
    """
    names = dict.fromkeys(_name(row) for row in gained)
    for name in names:
        new, old = ([row for row in rows if _name(row) == name] for rows in (gained, lost))
        if len(new) == len(old):
            yield from zip(new, old, strict=True)


def _name(row: Told) -> str:
    """Returns what rows that may take each other's place have in common."""
    return "" if row.owner else row.key.partition(" ")[0]

"""Bills of two records that became one person's: they interleave, and are decided again so.

The bills of each record are taken off its own windows, newest first, which restores what each
of them found. What is left of both is put together, and the bills are decided on it in the
order of their places. Those that stand before the first one of the other record stay.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from yibao_common.values.errors import InvariantError
from yibao_settlement.application.settlement.fold import Fold, PolicyOf, places_of
from yibao_settlement.application.settlement.record import Effective, SettlementRecord
from yibao_settlement.rules.account import Accumulators, accumulate
from yibao_settlement.rules.benefit.keeping import KeptPlace, is_set

# A year, a month, or the visit that began a stay.
Key = TypeVar("Key", int, str)


class BillPlace(NamedTuple):
    """A bill that stands, where it stands, and who held its person's account so far."""

    settlement_id: str
    place: str
    holder_id: str


class Windows(NamedTuple):
    """What a person's years, months and stays hold; stays as far as they were read."""

    person_id: str
    years: Mapping[int, Accumulators]
    months: Mapping[str, Accumulators]
    stays: Mapping[str, Accumulators] = {}

    def row(self, place: KeptPlace) -> Accumulators:
        """Returns what a year or a scope holds."""
        if place.year:
            return self.years.get(place.year, {})
        return (self.months if _is_month(place) else self.stays).get(_key(place), {})

    def after(self, changes: Mapping[KeptPlace, Mapping[str, int]]) -> "Windows":
        """Returns the windows with changes added.

        Raises InvariantError where something falls below zero.
        """
        years, months, stays = dict(self.years), dict(self.months), dict(self.stays)
        for place, added in changes.items():
            row = accumulate(self.row(place), added.items())
            if place.year:
                years[place.year] = row
            else:
                (months if _is_month(place) else stays)[_key(place)] = row
        return Windows(self.person_id, years, months, stays)

    def with_those_of(self, other: "Windows") -> "Windows":
        """Returns what both used up, each year, month and stay by itself, as this person's.

        Of what is set and not added to, this person's goes on.
        """
        return Windows(
            self.person_id,
            _united(self.years, other.years),
            _united(self.months, other.months),
            _united(self.stays, other.stays),
        )


def _is_month(place: KeptPlace) -> bool:
    # A stay is kept under a visit's id.
    return "/" in place.scope


def _key(place: KeptPlace) -> str:
    return place.scope.rpartition("/")[2]


def _united(
    first: Mapping[Key, Accumulators], second: Mapping[Key, Accumulators]
) -> dict[Key, Accumulators]:
    united: dict[Key, Accumulators] = {}
    for key in first.keys() | second.keys():
        own = first.get(key, {})
        added = [each for each in second.get(key, {}).items() if not _goes_on(own, each[0])]
        united[key] = accumulate(own, added)
    return united


def _goes_on(own: Accumulators, name: str) -> bool:
    return name in own and is_set(name)


class BillsOfOne(NamedTuple):
    """A record's windows, and its last bills in the order of their places."""

    windows: Windows
    bills: Sequence[SettlementRecord]

    def without_bills(self, policy_of: PolicyOf) -> Windows:
        """Returns the windows as the first of the bills found them."""
        fold = Fold(self.windows.row, policy_of, holder_id=self.windows.person_id)
        fold.take_off(self.bills)
        return self.windows.after(fold.result().changes)


class DecidedAsOne(NamedTuple):
    """What the windows of both hold then, and the bills that cost somebody else by it."""

    windows: Windows
    revised: tuple[tuple[SettlementRecord, Effective], ...]


def behind_both(first: Iterable[BillPlace], second: Iterable[BillPlace]) -> list[BillPlace]:
    """Returns the bills of two records from where they can concern each other, in their order.

    None where one of them has no bills.
    """
    own, others = list(first), list(second)
    if not own or not others:
        return []
    begin = max(min(each.place for each in own), min(each.place for each in others))
    found = [each for each in (*own, *others) if each.place >= begin]
    return sorted(found, key=lambda each: each.place)


def decided_as_one(survivor: BillsOfOne, retired: BillsOfOne, policy_of: PolicyOf) -> DecidedAsOne:
    """Returns what becomes of two records' bills when they are one person's, the survivor's.

    Raises RuleError READJUDICATION_FAILED where a policy cannot decide a bill so, and
    InvariantError where windows do not hold what their bills added.
    """
    if survivor.windows.stays.keys() & retired.windows.stays.keys():
        raise InvariantError("bills of two persons are of one stay")
    windows = survivor.without_bills(policy_of).with_those_of(retired.without_bills(policy_of))
    fold = Fold(windows.row, policy_of, holder_id=windows.person_id)
    bills = (*survivor.bills, *retired.bills)
    fold.decide(sorted(bills, key=lambda record: record.place))
    folded = fold.result()
    return DecidedAsOne(windows.after(folded.changes), folded.revised)


def stays_of(
    records: Iterable[SettlementRecord], policy_of: PolicyOf, *, holder_id: str
) -> set[str]:
    """Returns the stays that bills found or add to, or would ask for anew."""
    return {
        place.scope
        for record in records
        for place in places_of(record, policy_of(record.in_effect), holder_id=holder_id)
        if place.scope and not _is_month(place)
    }

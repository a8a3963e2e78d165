"""Deciding all bills of a person again, from the first one and from nothing."""

from collections.abc import Mapping
from typing import NamedTuple

from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.settlement.fold import Fold
from yibao_settlement.application.settlement.folded import Folded
from yibao_settlement.application.settlement.moved import Moved, each_moved, sums_of
from yibao_settlement.rules.account import Accumulators
from yibao_settlement.rules.benefit.keeping import KeptPlace
from yibao_settlement.rules.repair import nothing_to_repair


class Mended(NamedTuple):
    """What becomes of a person's bills, years and windows."""

    folded: Folded
    moved: tuple[Moved, ...]

    @property
    def sums(self) -> tuple[int, int, int, int]:
        """What it moves, as `Repair.sums`."""
        return sums_of(self.moved)


def mended(working_set: WorkingSet, person_id: str, first_settlement_id: str) -> Mended:
    """Returns what a repair of a person would do; nothing is booked.

    The first bill is one that a command said may leave, so that the later ones are known.

    Raises RuleError NOTHING_TO_REPAIR, too where the first bill left by now, or
    READJUDICATION_FAILED.
    """
    first = working_set.settlements.get(first_settlement_id)
    if (
        first is None
        or first.reversal is not None
        or working_set.holder_of(first.person_id) != person_id
    ):
        raise nothing_to_repair(person_id)
    held = [hold.record for hold in working_set.holds.of(person_id)]
    earlier = sorted(
        [each for each in held if each.place < first.place], key=lambda each: each.place
    )
    records = [*earlier, first, *working_set.later_bills(first)]
    fold = Fold(_nothing, working_set.policy_of, holder_id=person_id)
    fold.decide(records)
    result = fold.result()
    places = {place for record in records for place in working_set.places_of(record)}
    changes: dict[KeptPlace, Mapping[str, int]] = {}
    for place in sorted(places | result.changes.keys()):
        change = _between(working_set.kept(person_id, place), result.changes.get(place, {}))
        if change:
            changes[place] = change
    folded = Folded(changes, result.revised)
    if not changes and not folded.revised:
        raise nothing_to_repair(person_id)
    return Mended(folded, tuple(each_moved(folded.moved)))


def _nothing(_: KeptPlace) -> Accumulators:
    """Returns what a year or a scope holds before the first bill."""
    return {}


def _between(now: Accumulators, then: Accumulators) -> dict[str, int]:
    return {
        name: then.get(name, 0) - now.get(name, 0)
        for name in sorted({*now, *then})
        if then.get(name, 0) != now.get(name, 0)
    }

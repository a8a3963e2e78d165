"""Whose accounts a batch moves beside those of the persons it names: relatives who pay."""

from collections.abc import Iterator

from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.family.state import MoreToLockError
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.storage.batch.loading import Wanted
from yibao_settlement.storage.hold.loading import may_leave


def check_locked(working_set: WorkingSet, wanted: Wanted) -> None:
    """Raises MoreToLockError where the batch may move the account of a relative who is not locked.

    Told by what is read anyway: persons that have relatives who pay, and bills of which some paid.
    """
    givers = {
        giver.giver_id
        for person_id in _billed(working_set, wanted)
        for giver in working_set.family.givers.get(person_id, ())
    }
    for record in _giving_back(working_set, wanted):
        givers.update(part.giver_id for part in record.family)
    missing = {each for each in givers if not _is_locked(each, working_set, wanted)}
    if missing:
        raise MoreToLockError(missing)


def _is_locked(giver_id: str, working_set: WorkingSet, wanted: Wanted) -> bool:
    """Tells whether the account is locked of who stands in a giver's place now.

    A command may be of the merged one itself, whose survivor it does not ask for.
    """
    if giver_id not in wanted.person_ids:
        return False
    is_merged = working_set.standings[giver_id].merged_into is not None
    return not is_merged or working_set.holder_of(giver_id) != giver_id


def _billed(working_set: WorkingSet, wanted: Wanted) -> Iterator[str]:
    """Yields whose accounts are asked to pay, and who is told what may pay."""
    if not working_set.family.givers:
        return
    for visit_id in wanted.needs.family_visit_ids:
        visit = working_set.visits.get(visit_id)
        if visit is not None:
            yield working_set.holder_of(visit.person_id)
    if wanted.needs.described_subjects:
        yield from wanted.holders.values()


def _giving_back(working_set: WorkingSet, wanted: Wanted) -> Iterator[SettlementRecord]:
    """Yields the bills that may give back, or be settled anew in their places."""
    needs = wanted.needs
    if needs.restating_settlement_ids or needs.due_person_ids:
        yield from working_set.settlements.values()
    else:
        for settlement_id in needs.settlement_ids:
            if settlement_id in working_set.settlements:
                yield working_set.settlements[settlement_id]
    if working_set.holds:
        for hold in may_leave(working_set, wanted):
            yield hold.record

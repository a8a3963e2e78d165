"""What is read for bills that may leave: the person's later bills, and their windows.

Only for those: a bill that is settled needs the windows alone. Holds are in the batch already
(`storage.hold.loading`), and stand with the settlements.
"""

import functools
from collections.abc import Callable, Collection

import sqlalchemy as sa

from yibao_common.db.rows import execute
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.repricing.places import places_by_now
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.storage.account import read_years
from yibao_settlement.storage.batch.loading import Wanted
from yibao_settlement.storage.charge import keep_charges, select_taken
from yibao_settlement.storage.hold.loading import may_leave
from yibao_settlement.storage.merge import one_person
from yibao_settlement.storage.reference import ReferenceCache
from yibao_settlement.storage.review.record import keep_reviews, select_reviews
from yibao_settlement.storage.settlement.sequence import read_records, standing_places
from yibao_settlement.storage.settlement.window import select_windows, windows_from


class LongHistoriesError(Exception):
    """More bills stand behind some that may leave than others can wait for."""

    def __init__(self, ids: Collection[str]) -> None:
        """Takes which settlements and holds may leave before so many."""
        super().__init__("many bills are decided again")
        self.ids = frozenset(ids)


def read_histories(
    connection: sa.Connection,
    working_set: WorkingSet,
    wanted: Wanted,
    cache: ReferenceCache,
    *,
    most_later: int | None = None,
) -> Collection[str]:
    """Reads the bills behind those that may leave, under the persons' locks.

    Returns which settlements were read with their years and windows.

    Raises LongHistoriesError where there are more than `most_later` of a person.
    """
    region = working_set.region
    held = [hold.record for hold in may_leave(working_set, wanted)]
    leaving = [
        working_set.settlements[each]
        for each in wanted.needs.leaving_settlement_ids
        if each in working_set.settlements
    ]
    standing = [record for record in leaving if record.reversal is None]
    concerned = {record.settlement_id: record for record in standing}
    survivors = dict(working_set.survivors)
    later: set[str] = set()
    long: set[str] = set()
    # Of several bills of a person the first one that may leave has all later ones behind it.
    for holder_id, record in _first_of_each([*standing, *held], working_set).items():
        person_ids = one_person(connection, region, record.person_id)
        survivors.update(dict.fromkeys(person_ids, holder_id))
        places = standing_places(connection, region, person_ids)
        behind = [each for each, place, _ in places if place > record.place]
        later.update(behind)
        if most_later is not None and len(behind) > most_later:
            long.add(holder_id)
    if long:
        before = [*standing, *held]
        raise LongHistoriesError(
            [each.settlement_id for each in before if _holder_of(each, working_set) in long]
        )
    concerned = read_records(connection, region, concerned, later)
    if not (concerned or held):
        return ()
    working_set.survivors = survivors
    working_set.settlements.update(concerned)
    if wanted.needs.restating_settlement_ids:
        _read_restated(connection, working_set, sorted(later))
    # Whatever is held may be decided again, too.
    records = [*concerned.values(), *(hold.record for hold in working_set.holds.held())]
    policy_of = functools.partial(cache.policy_version, connection, region)
    working_set.policies = _policies(records, policy_of)
    _read_places(connection, working_set, wanted, records)
    return concerned.keys()


def _read_restated(
    connection: sa.Connection, working_set: WorkingSet, settlement_ids: list[str]
) -> None:
    """Reads lines and cases of bills that may be restated."""
    region = working_set.region
    lines, cases = execute(
        connection, [select_taken(region, settlement_ids), select_reviews(region, settlement_ids)]
    )
    keep_charges(working_set, lines)
    keep_reviews(working_set, cases)


def _first_of_each(
    records: Collection[SettlementRecord], working_set: WorkingSet
) -> dict[str, SettlementRecord]:
    """Returns the first bill of each person, by who was not merged of a person's records."""
    found: dict[str, SettlementRecord] = {}
    for record in sorted(records, key=lambda each: each.place):
        found.setdefault(_holder_of(record, working_set), record)
    return found


def _holder_of(record: SettlementRecord, working_set: WorkingSet) -> str:
    """Returns who holds the account of a bill's person by now."""
    hold = working_set.holds.by_id.get(record.settlement_id)
    return working_set.holder_of(record.person_id) if hold is None else hold.holder_id


def _policies(
    records: Collection[SettlementRecord], policy_of: Callable[[str], AnyPolicy | None]
) -> dict[str, AnyPolicy]:
    """Returns the policies that decided bills, or do by now, as far as they are stored."""
    versions = {each.policy_version for each in records}
    versions |= {each.in_effect.policy_version for each in records}
    found = {version: policy_of(version) for version in versions}
    return {version: policy for version, policy in found.items() if policy is not None}


def _read_places(
    connection: sa.Connection,
    working_set: WorkingSet,
    wanted: Wanted,
    records: Collection[SettlementRecord],
) -> None:
    """Reads the years and windows that the bills found, or would ask for anew."""
    years: set[str] = set()
    scopes: set[str] = set()
    for record in records:
        holder_id = working_set.holder_of(record.person_id)
        places = working_set.places_of(record)
        if record.settlement_id in wanted.needs.repriced_settlement_ids:
            places |= places_by_now(record, working_set)
        for place in places:
            if place.scope:
                scopes.add(place.scope)
            elif place.year != working_set.standing(holder_id).benefit_year:
                years.add(holder_id)
    read = read_years(wanted, sorted(years))
    windows = select_windows(working_set.region, scopes)
    of_years, of_windows = execute(connection, [read.select, windows])
    read.keep(working_set, of_years)
    found = windows_from(of_windows)
    working_set.windows.update(found)
    working_set.stored_windows.update(found)

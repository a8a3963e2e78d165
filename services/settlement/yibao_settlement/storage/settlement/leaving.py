"""What is read for bills that may leave: the person's later bills, and their windows.

Only for those: a bill that is settled needs the windows alone. Holds are in the batch already
(`storage.hold.loading`), and stand with the settlements.
"""

import collections
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

# A bill costs as much more for each so many of its lines.
_LINES_A_BILL = 20
# All persons of a batch together are given so many times what one of them is.
_PERSONS = 4


class LongHistoriesError(Exception):
    """More is decided again, with some bills that may leave, than others can wait for."""

    def __init__(self, ids: Collection[str]) -> None:
        """Takes which settlements and holds these are."""
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

    Raises LongHistoriesError where there are more than `most_later` of a person, or four times
    as many of all persons: a bill of many lines counts for several.
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
    costs: collections.Counter[str] = collections.Counter()
    # Of several bills of a person the first one that may leave has all later ones behind it.
    for holder_id, record in _first_of_each([*standing, *held], working_set).items():
        person_ids = one_person(connection, region, record.person_id)
        survivors.update(dict.fromkeys(person_ids, holder_id))
        places = standing_places(connection, region, person_ids)
        behind = [each for each in places if each.place > record.place]
        later.update([each.settlement_id for each in behind])
        costs[holder_id] = len(behind) + sum([_further(each.line_count) for each in behind])
    if most_later is not None:
        _check_costs([*standing, *held], costs, working_set, most_later)
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


def _check_costs(
    leaving: Collection[SettlementRecord],
    costs: "collections.Counter[str]",
    working_set: WorkingSet,
    most: int,
) -> None:
    """Refuses whoever costs more than `most`; of those who do so together, who costs the most."""
    for record in leaving:
        costs[_holder_of(record, working_set)] += _further(len(record.lines))
    left, long = _PERSONS * most, set()
    for holder_id, cost in sorted(costs.items(), key=lambda each: each[1]):
        left -= cost
        if cost > most or left < 0:
            long.add(holder_id)
    if long:
        raise LongHistoriesError(
            [each.settlement_id for each in leaving if _holder_of(each, working_set) in long]
        )


def _further(line_count: int) -> int:
    """Returns for how many bills more one counts that has so many lines."""
    return line_count // _LINES_A_BILL


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

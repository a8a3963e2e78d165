"""Accounts, years and bills of persons, as the move of a merge finds, locks and writes them."""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Update, execute, insert_rows, select_rows
from yibao_settlement.application.merge.account import PersonAccount
from yibao_settlement.application.merge.bills import BillPlace
from yibao_settlement.application.merge.rows import MergePosting, Moved
from yibao_settlement.application.settlement.record import Adjustment, SettlementRecord
from yibao_settlement.rules.account import Accumulators
from yibao_settlement.rules.period.month import PostingFence
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.storage import tables
from yibao_settlement.storage.account import amounts_from, amounts_json
from yibao_settlement.storage.hold.merge import MergedHolds
from yibao_settlement.storage.reference import ReferenceCache
from yibao_settlement.storage.settlement.adjustment import insert_adjustments
from yibao_settlement.storage.settlement.sequence import records_of, standing_places


class StoredMerges:
    """See `application.merge.MergeRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._region = region
        self._holds = MergedHolds(connection, region)
        # Of merges of persons who both have bills alone, and of one transaction.
        self._policies = ReferenceCache()

    def survivors_of(self, person_ids: Collection[str]) -> dict[str, str]:
        """Returns, for those who were merged, who stands in their place now."""
        return survivors_of(self._connection, self._region, person_ids)

    def lock(self, person_ids: Collection[str]) -> dict[str, PersonAccount]:
        """Locks the standings of `person_ids`, made where they are missing, and reads them."""
        ordered = sorted(person_ids)
        columns = (
            *("person_id", "balance_fen", "benefit_year", "accumulators", "merged_into"),
            *("carried_fen", "account_year", "newest_settlement_id"),
        )
        insert_rows(
            self._connection,
            tables.person_standing,
            ("region", *columns, "newest_codes"),
            [
                (self._region, person_id, 0, 0, "{}", None, 0, 0, None, "{}")
                for person_id in ordered
            ],
            skip_existing=True,
        )
        standings = select_rows(
            self._connection,
            tables.person_standing,
            columns,
            region=self._region,
            key="person_id",
            among=ordered,
            order_by=("person_id",),
            for_update=True,
        )
        closed = select_rows(
            self._connection,
            tables.closed_year,
            ("person_id", "benefit_year", "accumulators"),
            region=self._region,
            key="person_id",
            among=ordered,
        )
        years: dict[str, dict[int, Accumulators]] = {person_id: {} for person_id in ordered}
        for person_id, _, benefit_year, accumulators, *_ in standings:
            if benefit_year:
                years[person_id][benefit_year] = amounts_from(accumulators)
        for person_id, benefit_year, accumulators in closed:
            years[person_id][benefit_year] = amounts_from(accumulators)
        months = {person_id: self._months(person_id) for person_id in ordered}
        return {
            person_id: PersonAccount(
                person_id, balance_fen, years[person_id], merged_into, months[person_id], *rest
            )
            for person_id, balance_fen, _, _, merged_into, *rest in standings
        }

    def posting_fence(self) -> PostingFence:
        """Returns what every posting must lie behind."""
        fence = tables.posting_fence.c
        found = self._connection.execute(
            sa.select(fence.posting_id, fence.ended_month).where(fence.region == self._region)
        ).one_or_none()
        return PostingFence() if found is None else PostingFence._make(found)

    def standing_bills(self, person_id: str) -> list[BillPlace]:
        """Returns the bills that stand, held too, of every record that was merged into one."""
        person_ids = one_person(self._connection, self._region, person_id)
        rows = select_rows(
            self._connection,
            tables.person_standing,
            ("person_id", "merged_into"),
            region=self._region,
            key="person_id",
            among=person_ids,
        )
        # What the feed tells by now, the standings do once this transaction has stored them.
        into = {each: taken_over_by for each, taken_over_by in rows if taken_over_by}
        settled = standing_places(self._connection, self._region, person_ids)
        held = self._holds.of(person_ids)
        return [
            BillPlace(bill_id, place, _last(into, holder_id))
            for bill_id, place, holder_id in (
                *[each[:3] for each in settled],
                *((each, each, of) for each, of in held),
            )
        ]

    def bills(self, settlement_ids: Collection[str]) -> dict[str, SettlementRecord]:
        """Returns bills by id, as what is left of them and with what moved of them since."""
        held = self._holds.among(settlement_ids)
        settled = records_of(self._connection, self._region, set(settlement_ids) - held.keys())
        return settled | held

    def stays(self, visit_ids: Collection[str]) -> dict[str, Accumulators]:
        """Returns what windows of stays hold, by the visit that began each."""
        rows = select_rows(
            self._connection,
            tables.benefit_window,
            ("scope", "amounts"),
            region=self._region,
            key="scope",
            among=sorted(visit_ids),
        )
        return {scope: amounts_from(amounts) for scope, amounts in rows}

    def policy(self, policy_version: str) -> AnyPolicy | None:
        """Returns a policy as it is stored, whatever its state."""
        return self._policies.policy_version(self._connection, self._region, policy_version)

    def _months(self, person_id: str) -> dict[str, Accumulators]:
        """Returns what windows of days and months of a person hold, by month."""
        window = tables.benefit_window.c
        rows = self._connection.execute(
            sa.select(window.scope, window.amounts).where(*self._own_windows(person_id))
        )
        return {row.scope.rpartition("/")[2]: amounts_from(row.amounts) for row in rows}

    def _own_windows(self, person_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        window = tables.benefit_window.c
        # A range reads the primary key in order. '0' follows '/'.
        return (
            window.region == self._region,
            window.scope >= f"{person_id}/",
            window.scope < f"{person_id}0",
        )

    def store(self, moved: Moved) -> None:
        """Stores the accounts, each one's newest year in its standing, bills and postings."""
        closed = tables.closed_year
        person_ids = [account.person_id for account in moved.accounts]
        self._connection.execute(
            sa.delete(closed).where(
                closed.c.region == self._region, closed.c.person_id.in_(person_ids)
            )
        )
        held, settled = self._apart(moved.adjustments)
        standings: list[Row] = []
        years: list[Row] = []
        windows = self._replaced_stays(moved.stays)
        for account in moved.accounts:
            self._connection.execute(
                sa.delete(tables.benefit_window).where(*self._own_windows(account.person_id))
            )
            windows += [
                (self._region, f"{account.person_id}/{month}", amounts_json(amounts))
                for month, amounts in sorted(account.months.items())
            ]
            key = (self._region, account.person_id)
            newest = max(account.years, default=0)
            current = amounts_json(account.years.get(newest, {}))
            standings.append(
                (
                    *(*key, account.balance_fen, newest, current, account.merged_into),
                    *(account.carried_fen, account.account_year, account.newest_settlement_id),
                )
            )
            years += [
                (*key, year, amounts_json(accumulators))
                for year, accumulators in sorted(account.years.items())
                if year != newest
            ]
        execute(
            self._connection,
            [
                Update(
                    tables.person_standing,
                    ("region", "person_id"),
                    (
                        *("balance_fen", "benefit_year", "accumulators", "merged_into"),
                        *("carried_fen", "account_year", "newest_settlement_id"),
                    ),
                    standings,
                ),
                Insert(closed, ("region", "person_id", "benefit_year", "accumulators"), years),
                Insert(tables.benefit_window, ("region", "scope", "amounts"), windows),
                insert_adjustments(self._region, settled),
                Insert(
                    tables.posting,
                    (*_POSTING, "feed_sequence", "post_time", "posted_by"),
                    [_posting_row(self._region, each) for each in moved.postings],
                ),
                Insert(
                    tables.entry,
                    (*_POSTING, "account_id", "amount_fen", "month", "original_month"),
                    [
                        (*_posting_key(self._region, each), *entry, *each.months)
                        for each in moved.postings
                        for entry in each.entries
                    ],
                ),
            ],
        )
        self._holds.store(held, moved.merged)

    def _apart(
        self, adjustments: Sequence[Adjustment]
    ) -> tuple[list[Adjustment], list[Adjustment]]:
        """Returns what moved of held bills, and of settled ones."""
        among = self._holds.among([each.settlement_id for each in adjustments])
        held = [each for each in adjustments if each.settlement_id in among]
        return held, [each for each in adjustments if each.settlement_id not in among]

    def _replaced_stays(self, stays: Mapping[str, Accumulators]) -> list[Row]:
        """Takes away what windows of stays held, and returns the rows in their place."""
        window = tables.benefit_window.c
        if stays:
            self._connection.execute(
                sa.delete(tables.benefit_window).where(
                    window.region == self._region, window.scope.in_(sorted(stays))
                )
            )
        return [
            (self._region, visit_id, amounts_json(row)) for visit_id, row in sorted(stays.items())
        ]


_POSTING = ("region", "posting_id", "kind")


def _posting_key(region: str, posting: MergePosting) -> tuple[str, str, int]:
    return (region, posting.posting_id, posting.kind.value)


def _posting_row(region: str, posting: MergePosting) -> Row:
    # Nobody asked for it: identity's feed tells of merges.
    return (*_posting_key(region, posting), posting.feed_sequence, posting.post_time, "")


def survivors_of(
    connection: sa.Connection, region: str, person_ids: Collection[str]
) -> dict[str, str]:
    """Returns, for those of `person_ids` who were merged, who stands in their place now.

    A survivor may have been merged in turn: the last one of each chain is told.
    """
    into: dict[str, str] = {}
    asked = set(person_ids)
    while asked:
        rows = select_rows(
            connection,
            tables.person,
            ("person_id", "merged_into"),
            region=region,
            key="person_id",
            among=sorted(asked),
        )
        into.update({person_id: survivor for person_id, survivor in rows if survivor})
        asked = {survivor for _, survivor in rows if survivor} - into.keys()
    return {person_id: _last(into, person_id) for person_id in person_ids if person_id in into}


def one_person(connection: sa.Connection, region: str, person_id: str) -> list[str]:
    """Returns every id that the person of `person_id` has or had, merged records included."""
    columns = ("person_id", "merged_into")
    own, retired = execute(
        connection,
        [
            Select(tables.person, columns, region, "person_id", (person_id,)),
            Select(tables.person, columns, region, "merged_into", (person_id,)),
        ],
    )
    if not any(into for _, into in own) and not retired:
        # Next to nobody was merged.
        return [person_id]
    newest = [survivors_of(connection, region, (person_id,)).get(person_id, person_id)]
    found = set(newest)
    while newest:
        (rows,) = execute(
            connection, [Select(tables.person, columns, region, "merged_into", tuple(newest))]
        )
        newest = [each for each, _ in rows if each not in found]
        found.update(newest)
    return sorted(found)


def _last(into: Mapping[str, str], person_id: str) -> str:
    steps = 0
    while person_id in into:
        person_id = into[person_id]
        steps += 1
        assert steps <= len(into), "persons are merged in a circle"
    return person_id

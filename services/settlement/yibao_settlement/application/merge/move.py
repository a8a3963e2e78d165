"""Merged persons: their accounts, years and bills become those of who stands in their place.

Identity decides a merge; the feed tells of it. Here the account moves once, by a posting of
its own, and the bills of both are decided again as one person's, in the order of their
places. Visits, settlements and used codes stay under the id they were made with.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.ids import Ids
from yibao_settlement.application.merge.account import (
    PersonAccount,
    carry_over,
    in_year,
    later,
)
from yibao_settlement.application.merge.bills import (
    BillPlace,
    BillsOfOne,
    DecidedAsOne,
    Windows,
    behind_both,
    decided_as_one,
    stays_of,
)
from yibao_settlement.application.merge.rows import (
    MergePosting,
    MergeRows,
    Moved,
    UndecidedMerge,
)
from yibao_settlement.application.settlement.adjusting import Because, adjustment_of, moved_of
from yibao_settlement.application.settlement.record import Adjustment, SettlementRecord
from yibao_settlement.rules.account import Accumulators
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.ledger import Entry, PostingKind, merge_entries
from yibao_settlement.rules.policy.any_policy import AnyPolicy


class Merges:
    """The merges of one transaction, carried out one after the other."""

    def __init__(
        self,
        rows: MergeRows,
        accounts: Mapping[str, PersonAccount],
        *,
        now: dt.datetime,
        ids: Ids,
    ) -> None:
        """Takes the accounts, under their locks."""
        self._rows = rows
        self._accounts = dict(accounts)
        self._now = now
        self._ids = ids
        self._changed: set[str] = set()
        self._postings: list[MergePosting] = []
        self._bills = _Bills(rows)
        self._adjustments: list[Adjustment] = []
        self._undecided: list[UndecidedMerge] = []

    def move(self, survivors: Mapping[str, str], *, sequences: Mapping[str, int]) -> Moved:
        """Moves account and bills of each merged person to the survivor; what moved stays so.

        `sequences` tell the change of the feed that each merge came with. The mark on the
        retired person's account is what makes the move happen once.
        """
        for retired_id, survivor_id in sorted(survivors.items()):
            if self._accounts[retired_id].merged_into is not None:
                continue
            if self._accounts[survivor_id].merged_into is not None:
                raise InvariantError(f"the account of {survivor_id} was taken over before")
            self._move(retired_id, survivor_id, sequences[retired_id])
        return Moved(
            tuple(self._accounts[each] for each in sorted(self._changed)),
            tuple(self._postings),
            self._bills.changed_stays,
            tuple(self._adjustments),
            tuple(self._undecided),
        )

    def _move(self, retired_id: str, survivor_id: str, sequence: int) -> None:
        windows = self._windows(retired_id, survivor_id, sequence)
        self._move_balance(retired_id, survivor_id, sequence)
        retired, survivor = self._accounts[retired_id], self._accounts[survivor_id]
        self._accounts[survivor_id] = PersonAccount(
            survivor_id,
            survivor.balance_fen + retired.balance_fen,
            windows.years,
            None,
            windows.months,
            survivor.carried_fen + retired.carried_fen,
            survivor.account_year,
            later(survivor.newest_settlement_id, retired.newest_settlement_id),
        )
        self._accounts[retired_id] = PersonAccount(retired_id, 0, {}, survivor_id)
        self._changed |= {retired_id, survivor_id}

    def _move_balance(self, retired_id: str, survivor_id: str, sequence: int) -> None:
        """Posts what the retired person's account holds to the survivor's."""
        retired, survivor = self._accounts[retired_id], self._accounts[survivor_id]
        if not retired.balance_fen:
            return
        year = shanghai_day(self._now).year
        # Each purse goes to its like, so both accounts have to be of one year.
        for account in (retired, survivor):
            over = carry_over(account, year)
            if over:
                self._post(sequence, over, PostingKind.CARRY_OVER)
            self._accounts[account.person_id] = in_year(account, year)
        entries = merge_entries(
            retired_id=retired_id,
            survivor_id=survivor_id,
            amount_fen=retired.balance_fen,
            carried_fen=self._accounts[retired_id].carried_fen,
        )
        self._post(sequence, entries, PostingKind.MERGE)

    def _windows(self, retired_id: str, survivor_id: str, sequence: int) -> Windows:
        """Returns the survivor's windows with all bills decided as one person's, if they can be.

        A bill that its policy cannot decide any more keeps those of both as they were: a merge
        is never refused, and the feed of the region goes on.
        """
        retired, survivor = self._accounts[retired_id], self._accounts[survivor_id]
        if retired.has_bills and survivor.has_bills:
            try:
                decided = self._bills.decided(survivor, retired)
                adjusted = [] if decided is None else self._adjusted(decided, retired_id)
            except (RuleError, InvariantError) as error:
                told = error.metadata if isinstance(error, RuleError) else {}
                settlement_id = told.get("settlement_id", "")
                self._undecided.append(UndecidedMerge(retired_id, survivor_id, settlement_id))
            else:
                if decided is not None:
                    self._book(decided, adjusted, retired_id, sequence)
                    return decided.windows
        self._bills.unite(retired_id, survivor_id)
        return survivor.windows.with_those_of(retired.windows)

    def _adjusted(
        self, decided: DecidedAsOne, retired_id: str
    ) -> list[tuple[Adjustment, tuple[Entry, ...]]]:
        """Returns what becomes of bills, with what it posts: payables stay as they are."""
        # A record is merged once, so that its id tells the merge.
        because = Because(Cause.MERGE, retired_id)
        return [
            (moved_of(record, effective, because, now_time=self._now), ())
            if record.is_held
            else adjustment_of(
                record,
                record,
                effective,
                because,
                holder_id=decided.windows.person_id,
                now_time=self._now,
                ids=self._ids,
            )
            for record, effective in decided.revised
        ]

    def _book(
        self,
        decided: DecidedAsOne,
        adjusted: Sequence[tuple[Adjustment, tuple[Entry, ...]]],
        retired_id: str,
        sequence: int,
    ) -> None:
        settled = {record.settlement_id: record.settle_time for record, _ in decided.revised}
        for adjustment, entries in adjusted:
            self._adjustments.append(adjustment)
            if adjustment.posting_id is not None:
                self._post(
                    sequence,
                    entries,
                    PostingKind.ADJUSTMENT,
                    adjustment.posting_id,
                    changed_time=settled[adjustment.settlement_id],
                )
        survivor_id, stays = decided.windows.person_id, decided.windows.stays
        self._bills.unite(retired_id, survivor_id, [each for each, _ in adjusted], stays)

    def _post(
        self,
        sequence: int,
        entries: tuple[Entry, ...],
        kind: PostingKind,
        posting_id: str | None = None,
        *,
        changed_time: dt.datetime | None = None,
    ) -> None:
        posting_id = posting_id or self._ids()
        self._postings.append(
            MergePosting(posting_id, sequence, self._now, entries, kind, changed_time)
        )


class _Bills:
    """Bills of merged persons, read where they are needed, as earlier merges left them."""

    def __init__(self, rows: MergeRows) -> None:
        self._rows = rows
        self._records: dict[str, SettlementRecord] = {}
        self._stays: dict[str, Accumulators] = {}
        # Retired persons of this transaction to their survivors.
        self._survivors: dict[str, str] = {}
        self._places: dict[str, Sequence[BillPlace]] = {}
        self.changed_stays: dict[str, Accumulators] = {}

    def decided(self, survivor: PersonAccount, retired: PersonAccount) -> DecidedAsOne | None:
        """Returns what becomes of two persons' bills as one's, None where one has none.

        Raises RuleError and InvariantError as `decided_as_one`.
        """
        survivor_id, retired_id = survivor.person_id, retired.person_id
        if survivor_id not in self._places:
            self._places[survivor_id] = self._rows.standing_bills(survivor_id)
        places = self._places[survivor_id]
        of_survivor = [each for each in places if self._holder(each) == survivor_id]
        of_retired = [each for each in places if self._holder(each) == retired_id]
        concerned = behind_both(of_survivor, of_retired)
        if not concerned:
            return None
        self._read([each.settlement_id for each in concerned])
        return decided_as_one(
            self._of_one(survivor, concerned), self._of_one(retired, concerned), self._policy_of
        )

    def unite(
        self,
        retired_id: str,
        survivor_id: str,
        adjustments: Iterable[Adjustment] = (),
        stays: Mapping[str, Accumulators] | None = None,
    ) -> None:
        """Keeps that two persons' bills are one's, and what became of them and their stays."""
        self._survivors[retired_id] = survivor_id
        for each in adjustments:
            record = self._records[each.settlement_id]
            self._records[each.settlement_id] = record._replace(adjustment=each)
        for visit_id, row in (stays or {}).items():
            if row != self._stays.get(visit_id, {}):
                self._stays[visit_id] = self.changed_stays[visit_id] = row

    def _holder(self, bill: BillPlace) -> str:
        return self._survivors.get(bill.holder_id, bill.holder_id)

    def _read(self, settlement_ids: Collection[str]) -> None:
        self._records.update(self._rows.bills(set(settlement_ids) - self._records.keys()))

    def _policy_of(self, record: SettlementRecord) -> AnyPolicy | None:
        return self._rows.policy(record.policy_version)

    def _of_one(self, account: PersonAccount, concerned: Sequence[BillPlace]) -> BillsOfOne:
        person_id = account.person_id
        records = [
            self._records[each.settlement_id]
            for each in concerned
            if self._holder(each) == person_id
        ]
        visit_ids = stays_of(records, self._policy_of, holder_id=person_id)
        self._stays.update(self._rows.stays(visit_ids - self._stays.keys()))
        stays = {each: self._stays[each] for each in visit_ids if each in self._stays}
        return BillsOfOne(account.windows._replace(stays=stays), records)

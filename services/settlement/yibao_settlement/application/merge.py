"""Merged persons: the move of their accounts and years to who stands in their place.

Identity decides a merge; the feed tells of it. Here the account moves once, by a posting
of its own, and what the years used up is added to the survivor's. Visits, settlements and
used codes stay under the id they were made with.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import InvariantError
from yibao_common.values.ids import Ids
from yibao_settlement.rules.account import Accumulators, accumulate
from yibao_settlement.rules.benefit.keeping import is_set
from yibao_settlement.rules.ledger import (
    Entry,
    PostingKind,
    carry_over_entries,
    merge_entries,
)

# A year, or a month.
Key = TypeVar("Key", int, str)


@dataclass(frozen=True, slots=True)
class PersonAccount:
    """What a person holds, under the lock of the standing.

    `years` are what each benefit year used up, by year, `months` what windows of days and
    months hold, by month as in `2026-11`; `merged_into` is who took the account over.
    Windows of stays are kept with their visits, and stay there. Of the balance, `carried_fen`
    is of years before `account_year`, as in `Standing`, and so is `newest_settlement_id`.
    """

    person_id: str
    balance_fen: int
    years: Mapping[int, Accumulators]
    merged_into: str | None
    months: Mapping[str, Accumulators] = field(default_factory=dict)
    carried_fen: int = 0
    account_year: int = 0
    newest_settlement_id: str | None = None


@dataclass(frozen=True, slots=True)
class MergePosting:
    """What moves a balance or carries it over, and the change of the feed that it is for."""

    posting_id: str
    feed_sequence: int
    post_time: dt.datetime
    entries: tuple[Entry, ...]
    kind: PostingKind = PostingKind.MERGE


@dataclass(frozen=True, slots=True)
class Moved:
    """The accounts that changed, in the order of their ids, and the postings between them."""

    accounts: tuple[PersonAccount, ...]
    postings: tuple[MergePosting, ...]


class MergeRows(Protocol):
    """Accounts and years of persons, as the transaction that applies the feed moves them."""

    def survivors_of(self, person_ids: Collection[str]) -> Mapping[str, str]:
        """Returns, for those who were merged, who stands in their place now.

        A survivor may have been merged in turn: the last one of each chain is told.
        """
        ...

    def lock(self, person_ids: Collection[str]) -> Mapping[str, PersonAccount]:
        """Locks the persons' standings in the order of their ids, and returns all accounts."""
        ...

    def store(self, moved: Moved) -> None:
        """Stores accounts that were locked, and the postings."""
        ...


def move_accounts(
    accounts: Mapping[str, PersonAccount],
    survivors: Mapping[str, str],
    *,
    sequences: Mapping[str, int],
    now: dt.datetime,
    ids: Ids,
) -> Moved:
    """Moves account and years of each merged person to the survivor; what moved stays so.

    `sequences` tell the change of the feed that each merge came with. The mark on the
    retired person's account is what makes the move happen once.
    """
    after = dict(accounts)
    changed: set[str] = set()
    postings: list[MergePosting] = []
    year = shanghai_day(now).year
    for retired_id, survivor_id in sorted(survivors.items()):
        retired, survivor = after[retired_id], after[survivor_id]
        if retired.merged_into is not None:
            continue
        if survivor.merged_into is not None:
            raise InvariantError(f"the account of {survivor_id} was taken over before")
        if retired.balance_fen:
            # Each purse goes to its like, so both accounts have to be of one year.
            for account in (retired, survivor):
                over = _carry_over(account, year)
                if over:
                    kind = PostingKind.CARRY_OVER
                    postings.append(MergePosting(ids(), sequences[retired_id], now, over, kind))
            retired, survivor = _in_year(retired, year), _in_year(survivor, year)
            entries = merge_entries(
                retired_id=retired_id,
                survivor_id=survivor_id,
                amount_fen=retired.balance_fen,
                carried_fen=retired.carried_fen,
            )
            postings.append(MergePosting(ids(), sequences[retired_id], now, entries))
        after[survivor_id] = PersonAccount(
            survivor_id,
            survivor.balance_fen + retired.balance_fen,
            _united(survivor.years, retired.years),
            None,
            _united(survivor.months, retired.months),
            survivor.carried_fen + retired.carried_fen,
            survivor.account_year,
            _later(survivor.newest_settlement_id, retired.newest_settlement_id),
        )
        after[retired_id] = PersonAccount(retired_id, 0, {}, survivor_id)
        changed |= {retired_id, survivor_id}
    return Moved(tuple(after[each] for each in sorted(changed)), tuple(postings))


def _in_year(account: PersonAccount, year: int) -> PersonAccount:
    """Returns the account in a calendar year: what is left of one before is carried over."""
    if account.account_year >= year:
        return account
    return replace(account, carried_fen=account.balance_fen, account_year=year)


def _carry_over(account: PersonAccount, year: int) -> tuple[Entry, ...]:
    """Returns the entries by which an account comes to a calendar year; perhaps none."""
    left_fen = _in_year(account, year).carried_fen - account.carried_fen
    if not left_fen:
        return ()
    return carry_over_entries(person_id=account.person_id, amount_fen=left_fen)


def _later(first: str | None, second: str | None) -> str | None:
    """Returns the later of two ids: the next bill of who is one person now stands behind both."""
    return max(first or "", second or "") or None


def _united(
    first: Mapping[Key, Accumulators], second: Mapping[Key, Accumulators]
) -> dict[Key, Accumulators]:
    """Returns what the years or months of both used up, each by itself.

    Of what is set and not added to, that of the survivor, who is the first, goes on.
    """
    united: dict[Key, Accumulators] = {}
    for key in first.keys() | second.keys():
        own = first.get(key, {})
        added = [each for each in second.get(key, {}).items() if not _goes_on(own, each[0])]
        united[key] = accumulate(own, added)
    return united


def _goes_on(own: Accumulators, name: str) -> bool:
    return name in own and is_set(name)

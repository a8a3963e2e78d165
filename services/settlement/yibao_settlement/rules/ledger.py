"""Double entry: what a settlement, its reversal, a credit and a merge post.

An entry is (account, fen): negative leaves the account, positive enters it; the entries
of a posting sum to zero. What the person pays in cash passes no account of the insurer
and is not posted.
"""

import enum
from collections.abc import Mapping
from typing import NamedTuple

from yibao_common.values.errors import InvariantError


class PostingKind(enum.IntEnum):
    """What made a posting; stored with each of its entries."""

    SETTLEMENT = 1
    REVERSAL = 2
    CREDIT = 3
    MERGE = 4


class Entry(NamedTuple):
    """One entry of a posting."""

    account_id: str
    amount_fen: int


def fund_account(fund_type: str) -> str:
    """Names the account of a fund; its balance falls by what the fund pays."""
    return f"fund:{fund_type}"


def person_account(person_id: str) -> str:
    """Names a personal medical account."""
    return f"person:{person_id}"


def payable_account(institution_id: str) -> str:
    """Names what the insurer owes an institution until it is cleared (T-04)."""
    return f"payable:{institution_id}"


def settlement_entries(
    fund_amounts: Mapping[str, int], *, person_id: str, account_fen: int, institution_id: str
) -> tuple[Entry, ...]:
    """Returns the entries of a settlement; none where nothing is owed.

    `fund_amounts` maps fund types to what they pay in fen.
    """
    entries = [
        Entry(fund_account(fund_type), -amount_fen)
        for fund_type, amount_fen in fund_amounts.items()
        if amount_fen
    ]
    if account_fen:
        entries.append(Entry(person_account(person_id), -account_fen))
    owed_fen = sum(fund_amounts.values()) + account_fen
    if owed_fen:
        entries.append(Entry(payable_account(institution_id), owed_fen))
    return balanced(entries)


def opposite(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Returns the entries that undo `entries`."""
    return balanced([Entry(entry.account_id, -entry.amount_fen) for entry in entries])


def credit_entries(*, source: str, person_id: str, amount_fen: int) -> tuple[Entry, ...]:
    """Returns the entries of a credit to a personal account from a source of funds.

    Raises InvariantError where the amount is not positive.
    """
    _check_positive(amount_fen)
    return balanced(
        [Entry(f"source:{source}", -amount_fen), Entry(person_account(person_id), amount_fen)]
    )


def merge_entries(*, retired_id: str, survivor_id: str, amount_fen: int) -> tuple[Entry, ...]:
    """Returns the entries that move what a merged person's account holds to the survivor.

    Raises InvariantError where the amount is not positive.
    """
    _check_positive(amount_fen)
    return balanced(
        [
            Entry(person_account(retired_id), -amount_fen),
            Entry(person_account(survivor_id), amount_fen),
        ]
    )


def balanced(entries: list[Entry]) -> tuple[Entry, ...]:
    """Returns the entries of a posting.

    Raises InvariantError unless they sum to zero, one an account: a check that `python -O`
    must not take away.
    """
    if sum([entry.amount_fen for entry in entries]) != 0:
        raise InvariantError(f"entries do not sum to zero: {entries}")
    if len({entry.account_id for entry in entries}) != len(entries):
        raise InvariantError(f"two entries of one account: {entries}")
    return tuple(entries)


def _check_positive(amount_fen: int) -> None:
    if amount_fen <= 0:
        raise InvariantError(f"{amount_fen} fen are nothing to post")

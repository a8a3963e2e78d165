"""Double entry: what a settlement, its reversal, a credit, a merge and a carry-over post.

What is posted when a settled bill is decided again is in `rules.difference`, and what settles
a difference in `rules.difference_order`.

An entry is (account, fen): negative leaves the account, positive enters it; the entries
of a posting sum to zero. What the person pays in cash passes no account of the insurer
and is not posted.
"""

import enum
from collections.abc import Mapping
from typing import NamedTuple

from yibao_common.values.errors import InvariantError

# Where interest of accounts comes from, as the ledger names it.
INTEREST_SOURCE = "interest"


class PostingKind(enum.IntEnum):
    """What made a posting; stored with each of its entries."""

    SETTLEMENT = 1
    REVERSAL = 2
    CREDIT = 3
    MERGE = 4
    CARRY_OVER = 5
    ADJUSTMENT = 6
    MOVE = 7
    DIFFERENCE_PAID = 8
    DIFFERENCE_COLLECTED = 9
    DIFFERENCE_WRITTEN_OFF = 10
    REFUND = 11
    INTEREST = 20
    # Of declared months of institutions; numbers between are kept for what is of persons.
    DEDUCTION = 40
    DEPOSIT_WITHHELD = 41
    DEPOSIT_RELEASED = 42
    DEPOSIT_FORFEITED = 43
    INSTITUTION_PAID = 44


# What an institution is owed is cleared by these: they are no part of what its month came to.
CLEARING_KINDS = (
    *(PostingKind.DEDUCTION, PostingKind.DEPOSIT_WITHHELD, PostingKind.DEPOSIT_RELEASED),
    *(PostingKind.DEPOSIT_FORFEITED, PostingKind.INSTITUTION_PAID),
)


class Entry(NamedTuple):
    """One entry of a posting."""

    account_id: str
    amount_fen: int


def fund_account(fund_type: str) -> str:
    """Names the account of a fund; its balance falls by what the fund pays."""
    return f"fund:{fund_type}"


def person_account(person_id: str) -> str:
    """Names a personal medical account: what it holds of this year's money."""
    return f"person:{person_id}"


def carried_account(person_id: str) -> str:
    """Names what a personal medical account holds of earlier years' money."""
    return f"carried:{person_id}"


def payable_account(institution_id: str) -> str:
    """Names what the insurer owes an institution until it is cleared (T-04)."""
    return f"payable:{institution_id}"


def deposit_account(institution_id: str, fund_type: str) -> str:
    """Names what is withheld from an institution of a fund's part, as deposit or reserve."""
    return f"deposit:{institution_id}:{fund_type}"


def prepaid_account(institution_id: str) -> str:
    """Names a prepayment to an institution; offsets raise what was taken back of it."""
    return f"prepaid:{institution_id}"


def bearer_account(bearer: str) -> str:
    """Names the account of an employer or a treasury, which pays as a fund does."""
    return f"bearer:{bearer}"


def difference_account(person_id: str) -> str:
    """Names what is owed to a person for earlier bills; no institution takes part in it."""
    return f"difference:{person_id}"


def due_account(person_id: str) -> str:
    """Names what is owed to a person's account, and goes nowhere else."""
    return f"due:{person_id}"


def payment_account(order_id: str) -> str:
    """Names what the bank paid or took by an order of an agency."""
    return f"payment:{order_id}"


def write_off_account(fund_type: str) -> str:
    """Names what a fund bears of what persons owed and will not pay."""
    return f"writeoff:{fund_type}"


def source_account(source: str) -> str:
    """Names where credits of personal accounts come from."""
    return f"source:{source}"


class Payers(NamedTuple):
    """What payers owe beside the funds' parts of a bill, in fen.

    `bearers` pay parts of it; `arrears` of funds and `bearer_arrears` are owed to the person
    for earlier bills.
    """

    bearers: Mapping[str, int]
    arrears: Mapping[str, int]
    bearer_arrears: Mapping[str, int]


def settlement_entries(
    fund_amounts: Mapping[str, int],
    *,
    person_id: str,
    account_fen: int,
    institution_id: str,
    carried_fen: int = 0,
    others: Payers | None = None,
) -> tuple[Entry, ...]:
    """Returns the entries of a settlement; none where nothing is owed.

    `fund_amounts` maps fund types to what they pay in fen; `carried_fen` is what the account
    pays of `account_fen` from earlier years' money.
    """
    entries = [
        Entry(fund_account(fund_type), -amount_fen)
        for fund_type, amount_fen in fund_amounts.items()
        if amount_fen
    ]
    if account_fen > carried_fen:
        entries.append(Entry(person_account(person_id), carried_fen - account_fen))
    if carried_fen:
        entries.append(Entry(carried_account(person_id), -carried_fen))
    owed_fen = sum(fund_amounts.values()) + account_fen
    if others is not None:
        entries, owed_fen = _with_others(entries, owed_fen, others, person_id=person_id)
    if owed_fen:
        entries.append(Entry(payable_account(institution_id), owed_fen))
    return balanced(entries)


def _with_others(
    entries: list[Entry], owed_fen: int, others: Payers, *, person_id: str
) -> tuple[list[Entry], int]:
    """Returns the entries with what other payers owe, one an account, and the payable."""
    amounts = {entry.account_id: entry.amount_fen for entry in entries}
    for account, paid, late in (
        (fund_account, {}, others.arrears),
        (bearer_account, others.bearers, others.bearer_arrears),
    ):
        for payer in (*paid, *(each for each in late if each not in paid)):
            fen = paid.get(payer, 0) + late.get(payer, 0)
            amounts[account(payer)] = amounts.get(account(payer), 0) - fen
    arrears_fen = sum(others.arrears.values()) + sum(others.bearer_arrears.values())
    amounts[difference_account(person_id)] = arrears_fen
    made = [Entry(account_id, fen) for account_id, fen in amounts.items() if fen]
    return made, owed_fen + sum(others.bearers.values())


def opposite(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Returns the entries that undo `entries`."""
    return balanced([Entry(entry.account_id, -entry.amount_fen) for entry in entries])


def credit_entries(*, source: str, account_id: str, amount_fen: int) -> tuple[Entry, ...]:
    """Returns the entries of a credit to a purse of a personal account from a source of funds.

    Raises InvariantError where the amount is not positive.
    """
    _check_positive(amount_fen)
    return balanced([Entry(source_account(source), -amount_fen), Entry(account_id, amount_fen)])


def carry_over_entries(*, person_id: str, amount_fen: int) -> tuple[Entry, ...]:
    """Returns the entries that make what is left of a year earlier years' money.

    Raises InvariantError where the amount is not positive.
    """
    _check_positive(amount_fen)
    return balanced(
        [
            Entry(person_account(person_id), -amount_fen),
            Entry(carried_account(person_id), amount_fen),
        ]
    )


def merge_entries(
    *, retired_id: str, survivor_id: str, amount_fen: int, carried_fen: int = 0
) -> tuple[Entry, ...]:
    """Returns the entries that move what a merged person's account holds to the survivor.

    `carried_fen` is what of `amount_fen` is of earlier years. Raises InvariantError where the
    amount is not positive.
    """
    _check_positive(amount_fen)
    return balanced(
        [
            Entry(account(person_id), fen)
            for account, moved_fen in (
                (person_account, amount_fen - carried_fen),
                (carried_account, carried_fen),
            )
            if moved_fen
            for person_id, fen in ((retired_id, -moved_fen), (survivor_id, moved_fen))
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

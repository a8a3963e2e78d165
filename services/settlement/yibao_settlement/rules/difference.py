"""What moves between funds, purses and a person when a settled bill is decided again.

A settlement is told in two columns. The counter's is what its institution showed, took and
is owed; only that institution's acts move it. The effective one is what the bill costs whom
now, after the bills before it that stand. What lies between them is owed by funds to the
person or by the person to funds; no institution takes part in it.
"""

import enum
from collections.abc import Mapping
from typing import NamedTuple

from yibao_settlement.rules.ledger import Entry, balanced, difference_account, due_account


class Cause(enum.IntEnum):
    """Why a settlement's effective column moved; stored with each adjustment."""

    # An earlier bill, or the settlement itself, was reversed.
    REVERSAL = 1


class Borne(NamedTuple):
    """Who bears how much of a bill, in fen.

    `payers` are funds and bearers by the names of their accounts, arrears included, which are
    no part of the bill.
    """

    payers: Mapping[str, int]
    account_fen: int
    cash_fen: int
    arrears_fen: int = 0


def adjustment_entries(before: Borne, after: Borne, *, person_id: str) -> tuple[Entry, ...]:
    """Returns the entries that take a bill from one effective column to another.

    What a purse had paid too much is due to that purse, and never turns into cash. None where
    nothing moves.
    """
    moved = {
        account_id: before.payers.get(account_id, 0) - after.payers.get(account_id, 0)
        for account_id in sorted({*before.payers, *after.payers})
    }
    moved[due_account(person_id)] = before.account_fen - after.account_fen
    moved[difference_account(person_id)] = (
        before.cash_fen - after.cash_fen + after.arrears_fen - before.arrears_fen
    )
    return balanced([Entry(account_id, fen) for account_id, fen in moved.items() if fen])


def effective_account_fen(
    personal_fen: int, *, counter_account_fen: int, counter_personal_fen: int
) -> int:
    """Returns what the account bears of `personal_fen`, the person's own part now.

    What the person bears less goes back to the account first, as what a bill returns does
    (account_first); what the person bears more is cash: no balance of today pays it.
    """
    less_fen = max(counter_personal_fen - personal_fen, 0)
    return min(max(counter_account_fen - less_fen, 0), personal_fen)

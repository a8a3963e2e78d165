"""What is posted of credits that were wrong, of what is owed since, and of accounts paid out."""

from collections.abc import Iterable

from yibao_common.values.errors import InvariantError
from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.ledger import (
    Entry,
    balanced,
    carried_account,
    payment_account,
    person_account,
    receivable_account,
    source_account,
)


def taken_back_entries(
    taken: Purses, *, person_id: str, source: str, amount_fen: int
) -> tuple[Entry, ...]:
    """Returns the entries that take `amount_fen` of a credit back to its source.

    What the account does not hold becomes a receivable.
    """
    owed_fen = amount_fen - taken.balance_fen
    if owed_fen < 0 or amount_fen <= 0:
        raise InvariantError(f"{taken} are taken back for {amount_fen} fen")
    entries = [*out_of(taken, person_id), Entry(source_account(source), amount_fen)]
    if owed_fen:
        entries.append(Entry(receivable_account(person_id), -owed_fen))
    return balanced(entries)


def met_entries(
    taken: Purses, met: Iterable[tuple[str, int]], *, person_id: str
) -> tuple[Entry, ...]:
    """Returns the entries by which what an account holds meets receivables, by account in fen."""
    return balanced([*out_of(taken, person_id), *(Entry(each, fen) for each, fen in met)])


def paid_out_entries(taken: Purses, *, person_id: str, order_id: str) -> tuple[Entry, ...]:
    """Returns the entries by which what an account holds leaves it by an order."""
    paid = Entry(payment_account(order_id), taken.balance_fen)
    return balanced([*out_of(taken, person_id), paid])


def out_of(taken: Purses, person_id: str) -> list[Entry]:
    """Returns the entries of what is taken out of purses; raises InvariantError for less."""
    if min(taken) < 0:
        raise InvariantError(f"{taken} cannot be taken out of an account")
    purses = (
        (person_account(person_id), taken.current_year_fen),
        (carried_account(person_id), taken.carried_fen),
    )
    return [Entry(account_id, -fen) for account_id, fen in purses if fen]

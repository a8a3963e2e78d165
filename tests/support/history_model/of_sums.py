"""Checks of funds, differences, purses and cash as a whole: H3, H6, H7, H8, H14."""

from collections import Counter

from .facts import Seen, Violation
from .of_settlements import insured, of_records
from .settlements import Settlement, State


def settled(seen: Seen) -> list[Settlement]:
    """Returns the settlements that stand, holds left out."""
    return [each for each in seen.books.settlements.values() if each.state is State.SETTLED]


def standing(seen: Seen) -> list[str]:
    """Returns the persons, each by the record that stands for them."""
    return [each for each in seen.books.region.persons if each not in seen.books.merged]


def check_funds(seen: Seen) -> None:
    """Checks that funds paid what effective columns say, and so what the fold says."""
    effective: Counter[str] = Counter()
    in_order_fen = 0
    for each in settled(seen):
        effective.update(each.effective.by_account())
    paid = insured(seen.sums.accounts)
    if paid != {account: fen for account, fen in effective.items() if fen}:
        raise Violation("H3", (paid, effective))
    for each in settled(seen):
        column = seen.folds[seen.books.holder(each.person_id)].decided[each.settlement_id].column
        in_order_fen += sum(column.by_account().values())
    if sum(paid.values()) > in_order_fen:
        raise Violation("H14", f"payers paid {paid}, the surviving bills cost {in_order_fen}")


def check_differences(seen: Seen) -> None:
    """Checks each difference account and what is owed to each purse (H6)."""
    for person_id in standing(seen):
        gap_fen = sum(
            each.counter.cash_fen - each.effective.cash_fen + each.effective.arrears_fen
            for each in settled(seen)
            if seen.books.holder(each.person_id) == person_id
        )
        bank_fen = -sum(
            seen.sums.by_kind[kind, f"difference:{name}"]
            for kind in ("DIFFERENCE_PAID", "DIFFERENCE_COLLECTED")
            for name in seen.books.records(person_id)
        )
        open_fen = of_records(seen, seen.sums.accounts, "difference", person_id)
        if open_fen != gap_fen - bank_fen:
            raise Violation("H6", (person_id, open_fen, gap_fen, bank_fen))


def check_purses(seen: Seen) -> None:
    """Checks that account money is in the purse, owed to it, or went into care (H7)."""
    books, sums = seen.books, seen.sums
    for owner in standing(seen):
        used_fen = due_fen = 0
        for each in settled(seen):
            owners = books.owners(each.person_id)
            purses = zip(owners, each.effective.purses, each.due, strict=True)
            for purse_owner, used, due in purses:
                if purse_owner == owner:
                    used_fen += used
                    due_fen += due
        balance_fen = sums.accounts[f"person:{owner}"]
        records = books.records(owner)
        credited_fen = sum(sums.by_kind["CREDIT", f"person:{name}"] for name in records)
        if any(sums.accounts[f"person:{name}"] for name in records if name != owner):
            raise Violation("H7", (owner, "a record that was merged holds money"))
        if of_records(seen, sums.accounts, "due", owner) != due_fen:
            raise Violation("H6", (owner, "what is owed to the purse"))
        if credited_fen != balance_fen + due_fen + used_fen:
            raise Violation("H7", (owner, credited_fen, balance_fen, due_fen, used_fen))
        if balance_fen - books.reserved_fen(owner) < 0:
            raise Violation("H7", (owner, balance_fen, "less than is reserved"))


def check_cash(seen: Seen) -> None:
    """Checks institutions and persons against the cash that answers told of (H8)."""
    books, sums = seen.books, seen.sums
    for institution_id in books.region.institutions:
        owed_fen = sum(
            sum(each.counter.by_account().values()) + each.counter.person_fen
            for each in settled(seen)
            if each.institution_id == institution_id
        )
        told_fen = books.told.get(institution_id, 0)
        if sums.accounts[f"payable:{institution_id}"] + told_fen != owed_fen:
            raise Violation("H8", institution_id)
    for person_id in standing(seen):
        cash_fen = sum(
            each.effective.cash_fen - each.effective.arrears_fen
            for each in settled(seen)
            if books.holder(each.person_id) == person_id
        )
        paid_fen = -sum(books.told.get(name, 0) for name in books.records(person_id))
        if paid_fen != cash_fen + of_records(seen, sums.accounts, "difference", person_id):
            raise Violation("H8", (person_id, paid_fen, cash_fen))

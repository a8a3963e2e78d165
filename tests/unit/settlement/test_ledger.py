"""Double entry: what each party owes, always summing to zero."""

import pytest

from yibao_common.values.errors import InvariantError
from yibao_settlement.rules.ledger import (
    Entry,
    balanced,
    credit_entries,
    opposite,
    person_account,
    settlement_entries,
)

PERSON = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e"
HOSPITAL = "H99901900001"


def entries_of(fund_amounts: dict[str, int], account_fen: int) -> dict[str, int]:
    entries = settlement_entries(
        fund_amounts, person_id=PERSON, account_fen=account_fen, institution_id=HOSPITAL
    )
    assert sum(entry.amount_fen for entry in entries) == 0
    return {entry.account_id: entry.amount_fen for entry in entries}


@pytest.mark.parametrize(
    ("fund_amounts", "account_fen", "expected"),
    [
        ({}, 0, {}),
        ({"390100": 0}, 0, {}),
        ({"390100": 1}, 0, {"fund:390100": -1, f"payable:{HOSPITAL}": 1}),
        ({}, 5, {f"person:{PERSON}": -5, f"payable:{HOSPITAL}": 5}),
        (
            {"390100": 700, "390200": 0, "610100": 20},
            3,
            {
                "fund:390100": -700,
                "fund:610100": -20,
                f"person:{PERSON}": -3,
                f"payable:{HOSPITAL}": 723,
            },
        ),
    ],
)
def test_the_institution_is_owed_what_funds_and_account_pay_and_never_the_cash(
    fund_amounts: dict[str, int], account_fen: int, expected: dict[str, int]
) -> None:
    # Rule T-04: the insurer pays the institution, the person pays only the rest.
    assert entries_of(fund_amounts, account_fen) == expected


def test_the_opposite_leaves_nothing_on_any_account() -> None:
    entries = settlement_entries(
        {"390100": 700, "610100": 20}, person_id=PERSON, account_fen=3, institution_id=HOSPITAL
    )
    undone = opposite(entries)
    assert [entry.account_id for entry in undone] == [entry.account_id for entry in entries]
    assert [a.amount_fen + b.amount_fen for a, b in zip(entries, undone, strict=True)] == [0] * 4
    assert opposite(()) == ()


def test_a_credit_moves_money_from_its_source_to_the_person() -> None:
    assert credit_entries(source="allocation", account_id=person_account(PERSON), amount_fen=9) == (
        Entry("source:allocation", -9),
        Entry(f"person:{PERSON}", 9),
    )


@pytest.mark.parametrize("amount_fen", [0, -1])
def test_a_credit_of_nothing_or_less_is_a_broken_assumption(amount_fen: int) -> None:
    with pytest.raises(InvariantError):
        credit_entries(
            source="allocation", account_id=person_account(PERSON), amount_fen=amount_fen
        )


@pytest.mark.parametrize(
    "entries",
    [
        [Entry("a", 1)],
        [Entry("a", -1), Entry("b", 2)],
        # Two entries of one account would hide each other from the primary key.
        [Entry("a", -2), Entry("b", 1), Entry("b", 1)],
    ],
)
def test_entries_that_do_not_balance_are_a_broken_assumption(entries: list[Entry]) -> None:
    with pytest.raises(InvariantError):
        balanced(entries)

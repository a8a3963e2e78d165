"""A person's year: what adds up, what a reversal takes back, what is left out."""

import pytest

from yibao_settlement.rules.account import accumulate, new_standing


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        ({}, [], {}),
        ({}, [("deductible", 0)], {}),
        ({}, [("deductible", 5)], {"deductible": 5}),
        (
            {"deductible": 5},
            [("deductible", 3), ("count.inpatient", 1)],
            {"deductible": 8, "count.inpatient": 1},
        ),
        # A reversal leaves no trace of a name that comes to nothing.
        ({"deductible": 5, "fund.390100": 7}, [("deductible", -5)], {"fund.390100": 7}),
        ({"deductible": 5}, [("deductible", -4)], {"deductible": 1}),
        ({"deductible": 5}, [("deductible", -5), ("deductible", 2)], {"deductible": 2}),
    ],
)
def test_changes_add_up_and_zeros_are_left_out(
    before: dict[str, int], changes: list[tuple[str, int]], after: dict[str, int]
) -> None:
    kept = dict(before)
    assert accumulate(before, changes) == after
    assert before == kept


@pytest.mark.parametrize(
    ("before", "change"), [({}, ("deductible", -1)), ({"deductible": 5}, ("deductible", -6))]
)
def test_a_reversal_never_takes_back_more_than_was_added(
    before: dict[str, int], change: tuple[str, int]
) -> None:
    with pytest.raises(AssertionError):
        accumulate(before, [change])


def test_a_person_of_whom_nothing_is_booked_has_an_empty_account_and_no_year() -> None:
    standing = new_standing("person")
    assert (standing.balance_fen, standing.benefit_year, standing.accumulators) == (0, 0, {})
    # Any code is newer than none.
    assert standing.newest_codes == {}

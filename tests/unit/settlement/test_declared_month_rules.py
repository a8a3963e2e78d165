"""What rules say of declared months: deposits, limits of deductions, states and entries."""

import datetime as dt
from collections.abc import Callable
from functools import partial

import pytest

from yibao_common.values.errors import RuleError
from yibao_settlement.rules.care_type import CARE_TYPES
from yibao_settlement.rules.day.clearing_type import care_types_of, clearing_type_of
from yibao_settlement.rules.declaration.month import (
    Declaration,
    DeclarationState,
    MonthSums,
    accepted,
    check_sums,
    rejected,
    withdrawn,
)
from yibao_settlement.rules.declaration.order import (
    Deduction,
    DeductionType,
    DepositMove,
    DepositMoveKind,
    check_concerned,
    check_deductible,
    check_withheld,
)
from yibao_settlement.rules.declaration.payment import PaymentLine, deposit_entries
from yibao_settlement.rules.declaration.share import Share, deposit_of

NOW = dt.datetime(2026, 12, 3, 4, tzinfo=dt.UTC)
HOSPITAL, FUND = "H99901900001", "390100"
DECLARED, ACCEPTED = DeclarationState.DECLARED, DeclarationState.ACCEPTED
MONTH = Declaration(
    *("999019", "d", HOSPITAL, 202611, "390", "11"), *(1, 10, 5, 0, 5), "institution/x", NOW
)


@pytest.mark.parametrize(
    ("base_fen", "ratio_ppm", "deposit_fen"),
    [
        *((-100, 50_000, 0), (0, 50_000, 0), (19, 50_000, 0), (20, 50_000, 1)),
        *((39, 50_000, 1), (40, 50_000, 2), (1_000_019, 50_000, 50_000)),
        *((1_000_000, 0, 0), (999_999, 1, 0), (1_000_000, 1, 1)),
    ],
)
def test_a_deposit_is_rounded_down_and_of_what_is_positive(
    base_fen: int, ratio_ppm: int, deposit_fen: int
) -> None:
    assert deposit_of(base_fen, ratio_ppm=ratio_ppm) == deposit_fen


@pytest.mark.parametrize(
    ("share", "deposit_fen", "payable_fen"),
    [
        # What is offset of a prepayment is paid by it: the deposit is of the whole.
        (Share(f"fund:{FUND}", 1_000, 100, 300), 45, 555),
        (Share(f"fund:{FUND}", -1_000), 0, -1_000),
        (Share(f"fund:{FUND}", 0, -200), 10, 190),
        (Share("person:", 1_000), 0, 1_000),
        (Share("bearer:treasury", 1_000), 0, 1_000),
    ],
)
def test_what_is_paid_is_what_is_declared_less_the_rest(
    share: Share, deposit_fen: int, payable_fen: int
) -> None:
    found = share.with_deposit(ratio_ppm=50_000)
    assert (found.deposit_fen, found.payable_fen) == (deposit_fen, payable_fen)


@pytest.mark.parametrize(
    ("amount_fen", "declared_fen", "deducted_fen", "is_refused"),
    [
        *((100, 100, 0, False), (101, 100, 0, True), (1, 100, 100, True), (1, -5, 0, True)),
        *((60, 100, 40, False), (61, 100, 40, True), (150, 100, -50, False), (1, 0, 0, True)),
    ],
)
def test_deductions_are_at_most_the_funds_part(
    amount_fen: int, declared_fen: int, deducted_fen: int, is_refused: bool
) -> None:
    def check() -> None:
        check_deductible(FUND, amount_fen, declared_fen=declared_fen, deducted_fen=deducted_fen)

    assert _is_refused(check) is is_refused


@pytest.mark.parametrize(
    ("left_fen", "is_refused"), [(None, True), (0, True), (9, True), (10, False), (11, False)]
)
def test_for_a_settlement_no_more_is_deducted_than_funds_pay_of_it(
    left_fen: int | None, is_refused: bool
) -> None:
    assert _is_refused(lambda: check_concerned("s", 10, left_fen=left_fen)) is is_refused
    if left_fen is not None:
        assert _is_refused(lambda: check_withheld(FUND, 10, left_fen=left_fen)) is is_refused


@pytest.mark.parametrize("state", DeclarationState)
def test_states_follow_each_other(state: DeclarationState) -> None:
    month = MONTH._replace(state=state)
    for change in (accepted, withdrawn):
        is_refused = _is_refused(partial(change, month, by="x", now=NOW))
        assert is_refused is (state is not DECLARED)
    for is_deducted in (False, True):
        reject = partial(rejected, month, by="x", reason="r", is_deducted=is_deducted, now=NOW)
        is_right = state in (DECLARED, ACCEPTED) and not is_deducted
        assert _is_refused(reject) is not is_right


@pytest.mark.parametrize(
    ("kind", "account_id"),
    [
        (DeductionType.AUDIT, f"fund:{FUND}"),
        (DeductionType.INSPECTION, f"fund:{FUND}"),
        (DeductionType.OTHER, f"fund:{FUND}"),
        (DeductionType.PREPAYMENT_OFFSET, f"prepaid:{HOSPITAL}"),
        (DeductionType.RESERVE, f"deposit:{HOSPITAL}:{FUND}"),
    ],
)
def test_what_is_deducted_goes_where_its_type_says(kind: DeductionType, account_id: str) -> None:
    deduction = Deduction(
        *("999019", "o", "d", HOSPITAL, kind, FUND, 7, None, None, "why", "maker", NOW)
    )
    assert deduction.entries == ((f"payable:{HOSPITAL}", -7), (account_id, 7))


def test_deposits_are_posted_by_fund_and_go_where_they_are_moved() -> None:
    lines = [
        PaymentLine("a", f"fund:{FUND}", 90, 5),
        PaymentLine("b", f"fund:{FUND}", 90, 6),
        PaymentLine("b", "fund:310200", 9, 1),
        PaymentLine("b", "person:", 9),
    ]
    deposit = f"deposit:{HOSPITAL}:{FUND}"
    assert deposit_entries(HOSPITAL, lines) == (
        (f"payable:{HOSPITAL}", -12),
        (f"deposit:{HOSPITAL}:310200", 1),
        (deposit, 11),
    )
    for kind, to in (
        (DepositMoveKind.RELEASE, f"payable:{HOSPITAL}"),
        (DepositMoveKind.FORFEIT, f"fund:{FUND}"),
    ):
        move = DepositMove("999019", "m", "d", HOSPITAL, kind, FUND, 4, "why", "maker", NOW)
        assert move.entries == ((deposit, -4), (to, 4))


def test_every_sum_that_differs_is_named_of_both() -> None:
    own, insurer = MonthSums(1, 10, 5, 0, 5), MonthSums(2, 10, 5, 1, 5)
    with pytest.raises(RuleError) as caught:
        check_sums(own, {"a": 5}, insurer, {"a": 4, "b": 1})
    assert caught.value.metadata == {
        **{"act_count": "2", "declared_act_count": "1"},
        **{"account_fen": "1", "declared_account_fen": "0"},
        **{"fund_a_fen": "4", "declared_fund_a_fen": "5"},
        **{"fund_b_fen": "1", "declared_fund_b_fen": "0"},
    }
    check_sums(own, {"a": 5, "b": 0}, own, {"a": 5})


def test_every_care_type_is_of_one_clearing_type() -> None:
    of = {each: care_types_of(each) for each in ("11", "14", "21", "41", "99")}
    for care_type in (*CARE_TYPES, "local"):
        found = [
            each for each, types in of.items() if (care_type in types.among) is not types.are_others
        ]
        assert found == [clearing_type_of(care_type)]


def _is_refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except RuleError:
        return True
    return False

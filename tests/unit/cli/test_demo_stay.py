"""The demo's stay in two bills: what comes together is compared with one bill."""

import pytest

from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_cli.demo.stay import compare_with_one_bill
from yibao_cli.demo.steps import StepFailedError, StepLog

WHOLE = Settlement(total_fen=500, deductible_fen=100, fund_total_fen=320, cash_fen=180)


def bills(*, fund_total_fen: int) -> list[Settlement]:
    first = Settlement(total_fen=300, deductible_fen=100, fund_total_fen=160, cash_fen=140)
    last = Settlement(total_fen=200, fund_total_fen=fund_total_fen, cash_fen=40)
    return [first, last]


def test_bills_that_come_together_to_one_bill_are_good() -> None:
    log = StepLog(lambda _title: None)
    compare_with_one_bill(log, WHOLE, bills(fund_total_fen=160))
    assert [step.is_good for step in log.steps] == [True]


def test_a_fen_of_difference_fails_the_stay() -> None:
    log = StepLog(lambda _title: None)
    with pytest.raises(StepFailedError, match="fund_total_fen: 321, not 320"):
        compare_with_one_bill(log, WHOLE, bills(fund_total_fen=161))
    assert [step.is_good for step in log.steps] == [False]

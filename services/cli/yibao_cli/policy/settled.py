"""`yibao policy settle`: a sample bill, settled at a sandbox that runs by the policy in force."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from yibao.settlement.v1 import settlement_pb2
from yibao_cli.call import to_values
from yibao_cli.demo.steps import StepFailedError, StepLog
from yibao_cli.output import is_json, print_document
from yibao_cli.policy.bills import read_sample
from yibao_cli.policy.sample_visit import SampleVisit
from yibao_cli.running import RunningSandbox
from yibao_common.process.config import StartError
from yibao_common.values.clock import Clock
from yibao_common.values.money import yuan
from yibao_settlement.rules.policy.formulas import DOES_NOT_APPLY
from yibao_settlement.rules.policy.funds import FUND_NAMES_ZH


def run_settle(console: Console, path: Path, folder: Path, *, clock: Clock) -> int:
    """Settles a sample bill as one of today and prints each step and who bears what.

    The person is a new one, so nothing of the year is used up.

    Raises:
        RuleError: POLICY_FILE_INVALID, with every mistake of the region's files.
        StartError: the file is no sample bill, or no sandbox lies in the folder.
        grpc.RpcError: a service refuses a step, or does not answer.
    """
    region, bill = read_sample(path)
    # Numbers of people who are not there; a collision is refused and tried again by hand.
    choose = random.Random()  # noqa: S311
    with RunningSandbox(folder) as sandbox:
        try:
            visit = SampleVisit.of(
                sandbox, region, bill, clock=clock, choose=choose, log=StepLog(lambda _title: None)
            )
        except StepFailedError as error:
            raise StartError(str(error)) from None
        settled = visit.settle(visit.message(visit.register()))
        trace = visit.explained(settled.settlement_id)
        if is_json():
            steps = [to_values(each) for each in trace]
            print_document(console, {"settlement": to_values(settled), "steps": steps})
            return 0
        told = [
            f"Settlement {settled.settlement_id} of {visit.today}: {yuan(settled.total_fen)} yuan",
            f"  by policy {settled.policy_version}",
            *_lines(settled, trace),
        ]
    console.print("\n".join(told), soft_wrap=True, markup=False)
    return 0


def _lines(
    settled: settlement_pb2.Settlement, trace: Sequence[settlement_pb2.TraceNode]
) -> Iterator[str]:
    passed = [node.step_id for node in trace if node.formula == DOES_NOT_APPLY]
    for node in trace:
        if node.formula == DOES_NOT_APPLY:
            continue
        yield f"  {node.step_id} {node.title_zh} {node.title}".rstrip()
        yield f"     {node.formula}"
        yield f"     => {yuan(node.amount_fen)}"
    if passed:
        yield f"  不适用 does not apply: {', '.join(dict.fromkeys(passed))}"
    yield "  Who bears it:"
    for payment in settled.fund_payments:
        if payment.amount_fen:
            called = FUND_NAMES_ZH.get(payment.fund_type, "")
            yield f"     {payment.fund_type} {called}: {yuan(payment.amount_fen)}"
    if settled.account_fen:
        yield f"     个人账户 account: {yuan(settled.account_fen)}"
    yield f"     现金 cash: {yuan(settled.cash_fen)}"

"""The golden path: one published bill, from the registration of the person to the reversal.

Each step is a call over gRPC by the party that would make it, with its own certificate.
"""

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass

from yibao.settlement.v1 import settlement_pb2
from yibao.settlement.v1.settlement_service_pb2 import SettleBillResponse
from yibao_cli.demo.counter import Counter
from yibao_cli.demo.figures import Figure, StepTitle, compare, differing
from yibao_cli.demo.identity_steps import ADMISSION, SETTLE, IdentitySteps
from yibao_cli.demo.settlement_steps import SettlementSteps
from yibao_cli.demo.steps import Step, StepFailedError, StepLog
from yibao_cli.regions import Region
from yibao_cli.stack import Stack
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock

# Employees (职工) have a personal account (个人账户); residents have none.
_EMPLOYEE = "310"


@dataclass(frozen=True, slots=True)
class Walk:
    """What came of a bill: its steps, the code to pay with, the amounts and their trace.

    Whatever a walk did not get to is empty. `person_id` is the person that it registered.
    """

    steps: tuple[Step, ...]
    person_id: str
    qr_text: str
    figures: tuple[Figure, ...]
    trace: tuple[settlement_pb2.TraceNode, ...]

    @property
    def is_good(self) -> bool:
        """Whether every step went well and every amount is the published one."""
        return all(step.is_good for step in self.steps) and not differing(self.figures)


def walk_golden_path(
    stack: Stack,
    region: Region,
    *,
    clock: Clock,
    choose: random.Random,
    on_step: Callable[[str], None],
) -> Walk:
    """Walks the published bill of a region that is loaded; the first failed step is the last."""
    today = shanghai_day(clock())
    log = StepLog(on_step)
    identity = IdentitySteps(stack, region, log, today=today, choose=choose)
    settlement = SettlementSteps(stack, region, log, today=today, clock=clock, choose=choose)
    person_id, qr_text = "", ""
    figures: tuple[Figure, ...] = ()
    trace: tuple[settlement_pb2.TraceNode, ...] = ()
    with contextlib.suppress(StepFailedError):
        person_id = identity.register_person()
        certificate_id, subject = identity.activate(person_id)
        admission_qr = identity.issue(certificate_id, ADMISSION)
        counter = Counter(stack, region, log, audience=ADMISSION)
        counter.fetch(now=clock())
        counter.accepts(admission_qr, "Verify the code offline", subject=subject)
        visit_id = settlement.register_visit(admission_qr)
        has_account = region.sample_bill.person.insurance_type == _EMPLOYEE
        if has_account:
            settlement.credit(person_id)
        before = settlement.standing(person_id)
        bill = settlement.make_bill(visit_id)
        expected = settlement.try_bill(bill)
        if has_account:
            settlement.try_with_account(bill)
        qr_text = identity.issue(certificate_id, SETTLE)
        request, answer = settlement.settle(bill, qr_text, expected)
        settled = SettleBillResponse.FromString(answer).settlement
        settlement.read(settled)
        trace = settlement.explain(settled.settlement_id)
        titles = {node.step_id: StepTitle(node.title, node.title_zh) for node in trace}
        figures = compare(settled, region.sample_bill.expected, titles)
        settlement.repeat(request, answer)
        settlement.reverse(settled.settlement_id)
        settlement.compare_standing(person_id, before)
    return Walk(tuple(log.steps), person_id, qr_text, figures, trace)

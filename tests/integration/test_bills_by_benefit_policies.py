"""Bills by `yibao-policy/2` over the wire: tried, settled, explained, printed, taken back."""

import grpc
import pytest
from support.benefit_world import policy_text
from support.both_services import CALL_SECONDS, BothServices, Patient, outcome, refusal_of
from support.settlement_world import REGION

from yibao.settlement.v1 import bill_pb2, statement_pb2
from yibao.settlement.v1 import policy_service_pb2 as policy_pb
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao_common.values.ids import new_id

INSURANCE_TYPE = "310"


@pytest.fixture(scope="module")
def insured(services: BothServices) -> Patient:
    """Puts the policy in force for an insurance type of its own, and admits somebody."""
    text = policy_text().replace('"390"', f'"{INSURANCE_TYPE}"')
    submit = policy_pb.SubmitPolicyRequest(
        request_id=new_id(), region=REGION, policy_file=text.encode()
    )
    draft = services.policies().SubmitPolicy(submit, timeout=CALL_SECONDS).policy
    services.policies("checker").ApprovePolicy(
        policy_pb.ApprovePolicyRequest(
            request_id=new_id(), region=REGION, policy_version=draft.policy_version
        ),
        timeout=CALL_SECONDS,
    )
    return services.patient(insurance_type=INSURANCE_TYPE, person_class="11")


def test_a_bill_of_which_another_has_paid_a_part(services: BothServices, insured: Patient) -> None:
    stub = services.settlements()
    request = services.settle_request(insured)
    request.bill.payments_by_others.add(fund_type="630100", amount_fen=40_000)
    trial = stub.TrialBill(
        pb.TrialBillRequest(region=REGION, bill=request.bill), timeout=CALL_SECONDS
    )
    settled = stub.SettleBill(request, timeout=CALL_SECONDS).settlement
    for name in ("fund_payments", "other_payments", "facts", "year_before", "trace_sha256"):
        assert getattr(trial.settlement, name) == getattr(settled, name), name
    assert settled.total_fen == (
        settled.fund_total_fen + settled.other_total_fen + settled.personal_total_fen
    )
    assert {each.payer for each in settled.other_payments} == {"630100", "hospital", "treasury"}
    assert (settled.facts.institution_kind, settled.facts.path) == ("hospital", "counter")

    explain = pb.ExplainSettlementRequest(region=REGION, settlement_id=settled.settlement_id)
    found = stub.ExplainSettlement(explain, timeout=CALL_SECONDS)
    assert list(found.trace) == list(trial.trace)
    assert [each.line_number for each in found.line_figures] == [1, 2, 3]
    for line in found.line_figures:
        assert line.amount_fen == line.fund_fen + line.account_fen + line.cash_fen
    paid = settled.fund_total_fen + settled.other_total_fen
    assert sum(line.fund_fen for line in found.line_figures) == paid
    assert sum(step.amount_fen for line in found.line_figures for step in line.by_step) == paid
    assert [group.group for group in found.group_figures] == ["rest"]
    assert found.group_figures[0].deductible_fen == settled.deductible_fen == 100_000

    ask = pb.GetStatementRequest(
        region=REGION,
        settlement_id=settled.settlement_id,
        form=statement_pb2.STATEMENT_FORM_STRUCTURED,
    )
    statement = stub.GetStatement(ask, timeout=CALL_SECONDS).statement
    assert statement.fund_total_fen == settled.fund_total_fen
    assert statement.other_total_fen == settled.other_total_fen
    assert [fund.name_zh for fund in statement.funds] == ["统筹基金"]
    ask.form = statement_pb2.STATEMENT_FORM_HTML
    assert "财政支付" in stub.GetStatement(ask, timeout=CALL_SECONDS).html

    take_back = pb.ReverseSettlementRequest(
        request_id=new_id(),
        region=REGION,
        settlement_id=settled.settlement_id,
        reason="entered twice",
    )
    taken_back = stub.ReverseSettlement(take_back, timeout=CALL_SECONDS).settlement
    assert [entry.amount_fen for entry in taken_back.entries] == [
        -entry.amount_fen for entry in settled.entries
    ]


@pytest.mark.parametrize(
    ("payment", "reason", "code"),
    [
        (("630200", 1), "GIVEN_UNKNOWN", grpc.StatusCode.FAILED_PRECONDITION),
        (("630100", 990_001), "GIVEN_EXCEEDS_BASE", grpc.StatusCode.FAILED_PRECONDITION),
        (("", 1), "FIELD_REQUIRED", grpc.StatusCode.INVALID_ARGUMENT),
        (("630100", 0), "FIELD_REQUIRED", grpc.StatusCode.INVALID_ARGUMENT),
        (("630100", -1), "FIELD_OUT_OF_RANGE", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_what_another_has_paid_is_refused_where_it_cannot_be(
    services: BothServices,
    insured: Patient,
    payment: tuple[str, int],
    reason: str,
    code: grpc.StatusCode,
) -> None:
    bill = services.bill(insured.visit_id)
    bill.payments_by_others.append(
        bill_pb2.PaymentByOther(fund_type=payment[0], amount_fen=payment[1])
    )
    request = pb.TrialBillRequest(region=REGION, bill=bill)
    assert outcome(refusal_of(services.settlements().TrialBill, request)) == (code, reason)


def test_a_bill_by_the_first_format_takes_no_payments_of_others(services: BothServices) -> None:
    patient = services.patient()
    bill = services.bill(patient.visit_id)
    bill.payments_by_others.add(fund_type="630100", amount_fen=1)
    told = refusal_of(
        services.settlements().TrialBill, pb.TrialBillRequest(region=REGION, bill=bill)
    )
    assert outcome(told)[1] == "GIVEN_UNKNOWN"

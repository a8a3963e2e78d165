"""A settled bill decided otherwise: another day, another level, another place."""

import datetime as dt

import grpc
import pytest
from support.both_services import CALL_SECONDS, BothServices, Patient, outcome, refused
from support.settlement_world import ACCOUNT_STEP, OTHER_HOSPITAL, POLICY_FILE, REGION

from yibao.settlement.v1 import policy_service_pb2 as policies
from yibao.settlement.v1 import settlement_pb2
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id
from yibao_settlement.files.benefit.conversion.choices import Choices
from yibao_settlement.files.benefit.conversion.convert import convert_policy

NOT_FOUND = grpc.StatusCode.NOT_FOUND
FAILED = grpc.StatusCode.FAILED_PRECONDITION
# Behind the policy in force: the same of the other format, with another deductible.
NEXT = dt.date(2031, 1, 1)


@pytest.fixture(scope="module")
def settled(services: BothServices, patient: Patient) -> Settlement:
    """Settles a bill, and puts a successor of its policy in force from a later day on."""
    request = services.settle_request(patient)
    settlement = services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement
    contents = (POLICY_FILE.read_bytes() + ACCOUNT_STEP).decode()
    first = contents.index("start_date: ")
    contents = contents.replace(contents[first : first + 22], f"start_date: {NEXT}")
    assert contents.count("amount_fen: 90_000") + contents.count("amount: 90_000") == 1
    contents = contents.replace("90_000", "190_000", 1)
    successor = convert_policy(contents.encode(), name="successor", choices=Choices())
    stubs = services.policies(), services.policies("checker")
    draft = stubs[0].SubmitPolicy(
        policies.SubmitPolicyRequest(request_id=new_id(), region=REGION, policy_file=successor),
        timeout=CALL_SECONDS,
    )
    stubs[1].ApprovePolicy(
        policies.ApprovePolicyRequest(
            request_id=new_id(), region=REGION, policy_version=draft.policy.policy_version
        ),
        timeout=CALL_SECONDS,
    )
    return settlement


def asked(settled: Settlement, **otherwise: object) -> pb.ExplainWhatIfRequest:
    request = pb.ExplainWhatIfRequest(region=REGION, settlement_id=settled.settlement_id)
    for name, value in otherwise.items():
        if isinstance(value, dt.date):
            getattr(request, name).CopyFrom(from_date(value))
        else:
            setattr(request, name, value)
    return request


def told(services: BothServices, request: pb.ExplainWhatIfRequest) -> pb.ExplainWhatIfResponse:
    """Returns an answer after seeing that nothing was stored for it."""
    before = services.contents()
    answer = services.settlements().ExplainWhatIf(request, timeout=CALL_SECONDS)
    assert services.contents() == before
    return answer


def test_without_a_difference_it_comes_to_what_it_was_settled_to(
    services: BothServices, settled: Settlement
) -> None:
    answer = told(services, asked(settled))
    otherwise = answer.otherwise
    assert answer.settlement == settled
    assert (otherwise.state, otherwise.settlement_id) == (
        settlement_pb2.SETTLEMENT_STATE_TRIAL,
        "",
    )
    for name in ("total_fen", "fund_total_fen", "account_fen", "cash_fen", "trace_sha256"):
        assert getattr(otherwise, name) == getattr(settled, name)
    assert list(otherwise.fund_payments) == list(settled.fund_payments)
    assert answer.trace


def test_another_day_is_decided_by_its_policy(services: BothServices, settled: Settlement) -> None:
    answer = told(services, asked(settled, service_date=NEXT))
    assert answer.otherwise.policy_version != settled.policy_version
    assert answer.otherwise.deductible_fen == settled.deductible_fen + 100_000
    assert answer.otherwise.fund_total_fen < settled.fund_total_fen
    # The person is older then.
    years = NEXT.year - shanghai_day(services.clock()).year
    assert answer.otherwise.facts.age - settled.facts.age in (years - 1, years)
    deductible = next(node for node in answer.trace if node.step_id == "D1")
    assert deductible.amount_fen == answer.otherwise.deductible_fen


def test_another_place_or_level_is_told(services: BothServices, settled: Settlement) -> None:
    elsewhere = told(services, asked(settled, institution_id=OTHER_HOSPITAL)).otherwise
    assert (elsewhere.institution_id, elsewhere.facts.institution_level) == (OTHER_HOSPITAL, "2")
    level = told(services, asked(settled, institution_level="3")).otherwise
    assert (level.institution_id, level.facts.institution_level) == (settled.institution_id, "3")


@pytest.mark.parametrize(
    ("otherwise", "reason"),
    [
        ({"institution_level": "9"}, "POLICY_NO_MATCHING_ROW"),
        ({"institution_id": f"H{REGION}09999"}, "INSTITUTION_NOT_DESIGNATED"),
        ({"institution_id": "H11000009999"}, "OFFSITE_NOT_REGISTERED"),
        ({"service_date": dt.date(1999, 1, 1)}, "POLICY_NOT_FOUND"),
    ],
)
def test_what_could_not_be_settled_is_refused_with_its_reason(
    services: BothServices, settled: Settlement, otherwise: dict[str, object], reason: str
) -> None:
    call = services.settlements().ExplainWhatIf
    assert outcome(refused(services, call, asked(settled, **otherwise))) == (FAILED, reason)


def test_another_institution_learns_nothing(services: BothServices, settled: Settlement) -> None:
    call = services.settlements("other-hospital").ExplainWhatIf
    refusal = refused(services, call, asked(settled))
    assert outcome(refusal) == (NOT_FOUND, "SETTLEMENT_NOT_FOUND")

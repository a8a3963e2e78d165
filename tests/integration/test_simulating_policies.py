"""A policy tried on bills that are settled, over gRPC: a stream that ends with the result."""

import datetime as dt
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from support.both_services import CALL_SECONDS, OTHER_REGION, BothServices, outcome
from support.settlement_world import ACCOUNT_STEP, POLICY_FILE, REGION

from yibao.errors import Refusal, error_of
from yibao.settlement.v1 import policy_service_pb2 as pb
from yibao_common.rpc.wire import from_date
from yibao_common.values.ids import new_id
from yibao_settlement.application.simulation import Simulation
from yibao_settlement.files.benefit.conversion.choices import Choices
from yibao_settlement.files.benefit.conversion.convert import convert_policy

INVALID = grpc.StatusCode.INVALID_ARGUMENT
IN_FORCE = POLICY_FILE.read_bytes() + ACCOUNT_STEP
PERSONS = 3


@pytest.fixture(scope="module", autouse=True)
def bills(services: BothServices) -> int:
    """Settles bills of several persons; one person has a second bill."""
    told: dict[str, Any] = {"tier": "1", "insured_months_before": 5, "months_owing": 0}
    patients = [services.patient(**told) for _ in range(PERSONS)]
    for patient in (*patients, patients[0]):
        request = services.settle_request(patient)
        request.bill.bill_number = new_id()[:20]
        services.settlements().SettleBill(request, timeout=CALL_SECONDS)
    return PERSONS + 1


def request_of(**policy: object) -> pb.SimulatePolicyRequest:
    request = pb.SimulatePolicyRequest(
        region=REGION,
        start_date=from_date(dt.date(2026, 1, 1)),
        end_date=from_date(dt.date(2026, 12, 31)),
    )
    for name, value in policy.items():
        setattr(request, name, value)
    return request


def simulated(services: BothServices, contents: bytes) -> pb.SimulationResult:
    answers = list(services.policies().SimulatePolicy(request_of(policy_file=contents)))
    assert [each.WhichOneof("answer") for each in answers][-1] == "result"
    return answers[-1].result


def refusal_of(services: BothServices, request: pb.SimulatePolicyRequest) -> Refusal:
    with pytest.raises(grpc.RpcError) as raised:
        list(services.policies().SimulatePolicy(request))
    return error_of(raised.value)


def test_the_policy_in_force_changes_nothing(services: BothServices, bills: int) -> None:
    before = services.contents()
    found = simulated(services, IN_FORCE)
    assert services.contents() == before
    assert (found.all.bills, found.unmoved_persons) == (bills, PERSONS)
    assert found.all.fund_before_fen == found.all.fund_after_fen > 0
    assert found.all.personal_before_fen == found.all.personal_after_fen > 0
    assert not found.largest
    assert not found.undecided
    assert all(fund.before_fen == fund.after_fen > 0 for fund in found.funds)


def test_the_same_policy_in_the_other_format_changes_nothing(
    services: BothServices, bills: int
) -> None:
    converted = convert_policy(IN_FORCE, name="p", choices=Choices())
    found = simulated(services, converted)
    assert (found.all.bills, found.unmoved_persons) == (bills, PERSONS)
    assert found.all.personal_before_fen == found.all.personal_after_fen
    assert all(fund.before_fen == fund.after_fen for fund in found.funds)
    assert [sums.group for sums in found.by_institution_level] == ["2"]


@pytest.mark.parametrize(
    ("fact", "row"),
    [
        ("tier", "tier: '1'"),
        ("months_insured", "months_insured: {from: 5}"),
        ("months_owing", "months_owing: 0"),
    ],
)
def test_bills_of_the_first_format_are_tried_on_what_enrolments_say(
    services: BothServices, bills: int, fact: str, row: str
) -> None:
    asking = asking_of(fact, row)
    found = simulated(services, asking)
    assert (found.all.bills, found.unmoved_persons) == (bills, PERSONS)
    assert not found.undecided


def test_a_policy_of_later_days_is_tried_on_bills_of_before(
    services: BothServices, bills: int
) -> None:
    later = convert_policy(IN_FORCE, name="p", choices=Choices())
    assert later.count(b"start_date: 2014-01-01") == 1
    later = later.replace(b"start_date: 2014-01-01", b"start_date: 2031-01-01")
    # Its deductible of an admission is a share of a wage that is told from then on.
    assert later.count(b"amount: 90_000") == 1
    wage = b"\nparameters:\n  wage: [{from: 2031-01-01, fen: 9_000_000}]\nsteps:\n"
    later = later.replace(b"\nsteps:\n", wage)
    later = later.replace(b"amount: 90_000", b"amount: {of: wage, ppm: 10_000}")
    found = simulated(services, later)
    assert not found.undecided
    assert (found.all.bills, found.unmoved_persons) == (bills, PERSONS)


def asking_of(fact: str, row: str) -> bytes:
    """Returns the policy in force in the other format, whose deductible asks for a fact."""
    text = convert_policy(IN_FORCE, name="p", choices=Choices()).decode()
    first = "    by: [care_group, institution_level]\n    rows:\n    - when:\n"
    assert text.count(first) == 1
    asked = (
        f"    by: [care_group, institution_level, {fact}]\n    rows:\n    - when:\n        {row}\n"
    )
    return text.replace(first, asked).encode()


def test_who_bears_more_is_counted_once_over_all_bills(services: BothServices, bills: int) -> None:
    assert IN_FORCE.count(b"amount_fen: 90_000") == 1
    found = simulated(services, IN_FORCE.replace(b"amount_fen: 90_000", b"amount_fen: 190_000"))
    assert (found.losers.persons, found.winners.persons) == (PERSONS, 0)
    more = found.all.personal_after_fen - found.all.personal_before_fen
    assert found.losers.sum_fen == more > 0
    assert found.all.fund_before_fen - found.all.fund_after_fen == more
    assert len(found.largest) == bills
    told = sum(each.personal_after_fen - each.personal_before_fen for each in found.largest)
    assert told == more
    assert sum(sums.bills for sums in found.by_age_group) == bills


def test_bills_that_the_policy_does_not_decide_are_counted_by_reason(
    services: BothServices, bills: int
) -> None:
    text = IN_FORCE.decode().replace('["16"]', '["11"]').replace('"16"', '"11"')
    found = simulated(services, text.encode())
    assert found.all.bills == 0
    assert [(each.reason, each.bills) for each in found.undecided] == [
        ("POLICY_NO_MATCHING_ROW", bills)
    ]
    assert found.undecided[0].settlement_id


def test_a_draft_is_tried_by_its_version(services: BothServices, bills: int) -> None:
    text = IN_FORCE.replace(b"2014-01-01", b"2031-01-01")
    submission = pb.SubmitPolicyRequest(request_id=new_id(), region=REGION, policy_file=text)
    draft = services.policies().SubmitPolicy(submission, timeout=CALL_SECONDS).policy
    request = request_of(policy_version=draft.policy_version)
    answers = list(services.policies().SimulatePolicy(request))
    assert answers[-1].result.all.bills == bills


@pytest.mark.parametrize(
    ("policy", "days", "reason"),
    [
        ({}, ("2026-01-01", "2026-12-31"), "FIELD_REQUIRED"),
        (
            {"policy_version": "0" * 64, "policy_file": b"x"},
            ("2026-01-01", "2026-12-31"),
            "FIELD_MALFORMED",
        ),
        ({"policy_file": b"x"}, ("2026-01-01", "2026-12-31"), "POLICY_FILE_INVALID"),
        ({"policy_file": IN_FORCE}, ("2026-01-02", "2026-01-01"), "FIELD_OUT_OF_RANGE"),
    ],
)
def test_what_cannot_be_tried_is_refused(
    services: BothServices, policy: dict[str, object], days: tuple[str, str], reason: str
) -> None:
    request = request_of(**policy)
    for name, day in zip(("start_date", "end_date"), days, strict=True):
        getattr(request, name).CopyFrom(from_date(dt.date.fromisoformat(day)))
    refusal = refusal_of(services, request)
    assert outcome(refusal) == (INVALID, reason)


def test_a_policy_of_another_region_or_an_unknown_version_is_not_tried(
    services: BothServices,
) -> None:
    other = IN_FORCE.replace(REGION.encode(), b"110000")
    refusal = refusal_of(services, request_of(policy_file=other))
    assert outcome(refusal) == (grpc.StatusCode.PERMISSION_DENIED, "OUT_OF_SCOPE")
    refusal = refusal_of(services, request_of(policy_version="0" * 64))
    assert outcome(refusal) == (grpc.StatusCode.NOT_FOUND, "POLICY_VERSION_UNKNOWN")


def test_another_agency_does_not_wait_for_all_that_one_asks_for(
    services: BothServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    gate = threading.Event()

    class Waiting(Simulation):
        def __init__(self, history: Any, region: str, policy: Any, period: Any) -> None:
            begun.append(region)
            gate.wait(CALL_SECONDS)
            super().__init__(history, region, policy, period)

    monkeypatch.setattr("yibao_settlement.servicer.policy.Simulation", Waiting)
    elsewhere = IN_FORCE.replace(REGION.encode(), OTHER_REGION.encode())
    asked = [("maker", request_of(policy_file=IN_FORCE))] * 4
    request = request_of(policy_file=elsewhere)
    request.region = OTHER_REGION
    asked.append(("other-agency", request))

    def simulate(name: str, request: pb.SimulatePolicyRequest) -> int:
        return len(list(services.policies(name).SimulatePolicy(request)))

    with ThreadPoolExecutor(len(asked)) as threads:
        running = []
        for each in asked:
            running.append(threads.submit(simulate, *each))
            time.sleep(0.1)
        gate.set()
        assert all(each.result() for each in running)
    assert begun == [REGION, OTHER_REGION, REGION, REGION, REGION]


def test_how_far_it_is_is_told_so_seldom_that_who_reads_nothing_holds_nobody_up(
    services: BothServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Long(Simulation):
        pages = 0

        def advance(self) -> bool:
            self.pages += 1
            return self.pages < 500 or super().advance()

    monkeypatch.setattr("yibao_settlement.servicer.policy.Simulation", Long)
    before = time.monotonic()
    answers = list(services.policies().SimulatePolicy(request_of(policy_file=IN_FORCE)))
    assert 2 <= len(answers) <= 3 + time.monotonic() - before

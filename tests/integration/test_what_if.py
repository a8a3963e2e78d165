"""A settled bill decided otherwise: another day, another level, another place."""

import datetime as dt
from typing import Any

import grpc
import pytest
from support.both_services import (
    ADMISSION,
    CALL_SECONDS,
    BothServices,
    Patient,
    outcome,
    refused,
)
from support.settlement_world import ACCOUNT_STEP, OTHER_HOSPITAL, POLICY_FILE, REGION

from yibao.settlement.v1 import catalogue_service_pb2 as catalogues
from yibao.settlement.v1 import policy_service_pb2 as policies
from yibao.settlement.v1 import settlement_pb2
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1.catalogue_service_pb2 import CatalogueItem
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
DAY = dt.timedelta(days=1)


def item(code: str, start_date: dt.date, *, ends: bool = False, **fields: Any) -> CatalogueItem:
    values = {"item_code": code, "item_name": code, "catalogue_class": "01", **fields}
    values["start_date"] = from_date(start_date)
    if ends:
        # A bill of NEXT that was charged a day before it is the first that sees the next row.
        values["end_date"] = from_date(NEXT - 2 * DAY)
    return CatalogueItem(**values)


SINCE = dt.date(2014, 1, 1)
ITEMS = [
    item("SHARE", SINCE, ends=True),
    item("SHARE", NEXT - DAY, catalogue_class="02", first_self_pay_ratio_ppm=200_000),
    item(
        "LEVEL",
        SINCE,
        price_ceiling="100",
        level_price_ceilings=[
            catalogues.LevelPriceCeiling(institution_levels=["3"], price_ceiling="60")
        ],
    ),
    item("ENDS", SINCE, ends=True),
    item("LIMITED", SINCE, ends=True),
    item("LIMITED", NEXT - DAY, is_limited_use=True),
]


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


@pytest.fixture(scope="module")
def repriced(services: BothServices, settled: Settlement) -> Settlement:
    """Settles a bill of items that other days or levels value otherwise, charged yesterday.

    `settled` has put another policy in force from NEXT on.
    """
    rows = catalogues.ImportCatalogueItemsRequest(request_id=new_id(), region=REGION, items=ITEMS)
    stored = services.catalogue().ImportCatalogueItems(rows, timeout=CALL_SECONDS).stored
    assert stored == len(ITEMS)
    person_id, certificate_id, subject = services.person()
    today = shanghai_day(services.clock())
    begun = services.visit_request(
        services.code(certificate_id, ADMISSION), start_date=from_date(today - DAY)
    )
    visit = services.visits().RegisterVisit(begun, timeout=CALL_SECONDS).visit
    request = services.settle_request(Patient(person_id, certificate_id, subject, visit.visit_id))
    del request.bill.lines[:]
    for number, code in enumerate(("SHARE", "LEVEL", "ENDS", "LIMITED"), start=1):
        request.bill.lines.add(
            line_number=number,
            item_code=code,
            unit_price="100.00",
            quantity="10",
            amount_fen=100_000,
            line_id=f"line-{number}",
            charge_date=from_date(today - DAY),
        )
    request.bill.total_fen = 400_000
    return services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement


def changes(answer: pb.ExplainWhatIfResponse) -> dict[str, tuple[pb.LineValue, pb.LineValue]]:
    """Returns what each changed line counted as and would count as, by item."""
    assert answer.line_change_count == len(answer.line_changes)
    return {each.item_code: (each.before, each.after) for each in answer.line_changes}


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


def test_on_another_day_lines_are_valued_by_the_catalogue_of_it(
    services: BothServices, repriced: Settlement
) -> None:
    answer = told(services, asked(repriced, service_date=NEXT))
    assert not answer.lines_held
    before = pb.LineValue(catalogue_class="01")
    assert changes(answer) == {
        "SHARE": (before, pb.LineValue(catalogue_class="02", first_self_pay_ratio_ppm=200_000)),
        "ENDS": (before, pb.LineValue()),
        "LIMITED": (
            before,
            pb.LineValue(
                catalogue_class="01",
                own_cost_reason=settlement_pb2.OWN_COST_REASON_LIMITED_USE,
            ),
        ),
    }
    assert not next(each for each in answer.line_changes if each.item_code == "ENDS").HasField(
        "after"
    )
    otherwise = answer.otherwise
    assert (otherwise.total_fen, otherwise.first_self_pay_fen, otherwise.excluded_fen) == (
        300_000,
        20_000,
        100_000,
    )
    (lost,) = otherwise.refused_lines
    assert (lost.line_id, lost.reason) == ("line-3", "ERROR_REASON_CATALOGUE_ITEM_UNKNOWN")
    assert all(line.charge_date == from_date(NEXT - DAY) for line in otherwise.lines)


def test_at_another_level_its_price_ceilings_hold(
    services: BothServices, repriced: Settlement
) -> None:
    answer = told(services, asked(repriced, institution_level="3"))
    assert changes(answer) == {
        "LEVEL": (
            pb.LineValue(catalogue_class="01"),
            pb.LineValue(catalogue_class="01", over_limit_fen=40_000),
        )
    }
    assert answer.otherwise.over_limit_fen == 40_000


def test_lines_that_are_held_count_as_they_were_settled(
    services: BothServices, repriced: Settlement
) -> None:
    answer = told(services, asked(repriced, service_date=NEXT, lines_held=True))
    assert answer.lines_held
    assert not answer.line_changes
    names = ("total_fen", "first_self_pay_fen", "excluded_fen", "over_limit_fen")
    assert [getattr(answer.otherwise, name) for name in names] == [
        getattr(repriced, name) for name in names
    ]
    assert answer.otherwise.policy_version != repriced.policy_version


def test_where_no_line_is_left_the_items_are_told(services: BothServices) -> None:
    rows = catalogues.ImportCatalogueItemsRequest(
        request_id=new_id(), region=REGION, items=[item("GONE", SINCE, ends=True)]
    )
    services.catalogue().ImportCatalogueItems(rows, timeout=CALL_SECONDS)
    request = services.settle_request(services.patient())
    del request.bill.lines[1:]
    request.bill.lines[0].item_code = "GONE"
    request.bill.total_fen = request.bill.lines[0].amount_fen
    settled = services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement
    refusal = refused(
        services, services.settlements().ExplainWhatIf, asked(settled, service_date=NEXT)
    )
    assert outcome(refusal) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "CATALOGUE_ITEM_UNKNOWN",
    )


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

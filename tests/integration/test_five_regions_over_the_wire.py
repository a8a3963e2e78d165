"""A day with persons of five regions at one hospital: settled, closed, declared and paid."""

import functools
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from support.both_services import outcome, refusal_of
from support.databases import Databases
from support.elsewhere_world import PLACE, THERE
from support.five_regions import CALL_SECONDS, OTHER_HOSPITAL, REGIONS, Province, province_of_five
from support.threads import wait_until
from typer.testing import CliRunner

from yibao.offsite.v1 import registration_pb2 as offsite_pb
from yibao.offsite.v1 import registration_service_pb2 as registration_pb
from yibao.offsite.v1.registration_service_pb2_grpc import RegistrationServiceStub
from yibao.settlement.v1 import bill_pb2, day_pb2, elsewhere_pb2, visit_service_pb2
from yibao.settlement.v1 import clearing_service_pb2 as clearing_pb
from yibao.settlement.v1 import declaration_service_pb2 as declaration_pb
from yibao.settlement.v1 import institution_payment_service_pb2 as payment_pb
from yibao.settlement.v1 import refund_service_pb2 as refund_pb
from yibao.settlement.v1 import settlement_service_pb2 as settlement_pb
from yibao.settlement.v1 import treatment_service_pb2 as treatment_pb
from yibao.settlement.v1.clearing_service_pb2_grpc import ClearingServiceStub
from yibao.settlement.v1.declaration_pb2 import (
    DECLARATION_STATE_DECLARED,
    DECLARATION_STATE_PAID,
    Declaration,
)
from yibao.settlement.v1.declaration_service_pb2_grpc import DeclarationServiceStub
from yibao.settlement.v1.institution_payment_service_pb2_grpc import InstitutionPaymentServiceStub
from yibao.settlement.v1.refund_service_pb2_grpc import RefundServiceStub
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao.settlement.v1.treatment_service_pb2_grpc import TreatmentServiceStub
from yibao.settlement.v1.visit_service_pb2_grpc import VisitServiceStub
from yibao_cli.day_csv import AMOUNTS
from yibao_cli.main import app
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import add_months
from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import check_ledger

DENIED = grpc.StatusCode.PERMISSION_DENIED
STAY, OUTPATIENT, EMERGENCY = "2101", "11", "13"
LONG_TERM, REFERRED, TEMPORARY, RESCUED = REGIONS[1:]
PLAIN = {"is_trauma": False}
STAY_MARKS = {**PLAIN, "admission_kind": elsewhere_pb2.ADMISSION_KIND_ORDINARY}
EMERGENCY_MARKS = {**PLAIN, "outpatient_kind": elsewhere_pb2.OUTPATIENT_KIND_EMERGENCY}
# What each region's agency registers its own on; an emergency needs nothing but the mark.
REGISTERED: dict[str, dict[str, Any]] = {
    LONG_TERM: {
        "category": offsite_pb.REGISTRATION_CATEGORY_LONG_TERM_RESIDENT,
        "basis": offsite_pb.REGISTRATION_BASIS_PROOF,
        "materials": [{"kind": "residence_permit", "is_shown": True}],
    },
    REFERRED: {
        "category": offsite_pb.REGISTRATION_CATEGORY_REFERRAL,
        "basis": offsite_pb.REGISTRATION_BASIS_PROOF,
        "materials": [{"kind": "referral_proof", "is_shown": True}],
    },
    TEMPORARY: {"category": offsite_pb.REGISTRATION_CATEGORY_OTHER_TEMPORARY},
}


class Person(NamedTuple):
    """An insured person with the e-certificate."""

    region: str
    person_id: str
    certificate_id: str


class Hospital:
    """The hospital's counter, and its own books: what it did, by insuring region."""

    def __init__(self, province: Province) -> None:
        self._province = province
        self._numbers = itertools.count(1)
        self.books: dict[str, list[day_pb2.DayLine]] = {region: [] for region in REGIONS}
        at = province.channel("settlement", "hospital")
        self._visits, self._settlements = VisitServiceStub(at), SettlementServiceStub(at)
        self._refunds = RefundServiceStub(at)

    def settle(self, person: Person, care_type: str, *fen: int, **marks: Any) -> Settlement:
        """Registers a visit of today by a code and settles a bill of it by another."""
        shown = functools.partial(self._province.presentation, person.region, person.certificate_id)
        visit = self._visits.RegisterVisit(
            visit_service_pb2.RegisterVisitRequest(
                request_id=new_id(),
                region=person.region,
                presentation=shown("01101" if care_type != STAY else "01103"),
                provider_visit_number=f"V{next(self._numbers)}",
                care_type=care_type,
                start_date=from_date(self._province.today),
                marks=elsewhere_pb2.CareMarks(**marks),
            ),
            timeout=CALL_SECONDS,
        ).visit
        request = settlement_pb.SettleBillRequest(
            request_id=new_id(),
            region=person.region,
            presentation=shown("01301"),
            bill=self._bill(visit.visit_id, fen),
        )
        told = self._settlements.SettleBill(request, timeout=CALL_SECONDS).settlement
        self._book(person.region, request.request_id, day_pb2.DAY_ACT_KIND_SETTLED, told)
        return told

    def reverse(self, region: str, settlement_id: str) -> None:
        """Takes a bill back."""
        request = settlement_pb.ReverseSettlementRequest(
            request_id=new_id(), region=region, settlement_id=settlement_id, reason="entered twice"
        )
        told = self._settlements.ReverseSettlement(request, timeout=CALL_SECONDS).settlement
        kind = day_pb2.DAY_ACT_KIND_REVERSED
        self._book(region, request.request_id, kind, told, sign=-1)

    def return_line(self, region: str, before: Settlement, line_number: int) -> None:
        """Returns a line of a bill whole."""
        request = refund_pb.RefundSettlementRequest(
            request_id=new_id(),
            region=region,
            settlement_id=before.settlement_id,
            lines=[refund_pb.LineReturn(line_number=line_number, quantity="1")],
            reason="not taken",
        )
        told = self._refunds.RefundSettlement(request, timeout=CALL_SECONDS).refund
        line = day_pb2.DayLine(
            request_id=request.request_id,
            act_kind=day_pb2.DAY_ACT_KIND_REFUNDED,
            settlement_id=before.settlement_id,
            bill_number=before.bill_number,
            total_fen=-sum(each.amount_fen for each in told.lines),
            fund_total_fen=-told.amounts.fund_total_fen,
            account_fen=-told.amounts.account_fen,
            cash_fen=-told.amounts.cash_fen,
        )
        self.books[region].append(line)

    def _bill(self, visit_id: str, amounts: tuple[int, ...]) -> bill_pb2.Bill:
        lines = [
            bill_pb2.BillLine(
                line_number=number,
                item_code="A1",
                unit_price=f"{fen / 100:.2f}",
                quantity="1",
                amount_fen=fen,
            )
            for number, fen in enumerate(amounts, 1)
        ]
        return bill_pb2.Bill(
            visit_id=visit_id,
            bill_number=f"B{next(self._numbers)}",
            service_date=from_date(self._province.today),
            lines=lines,
            total_fen=sum(amounts),
            account_use=bill_pb2.ACCOUNT_USE_NONE,
        )

    def _book(
        self,
        region: str,
        request_id: str,
        kind: day_pb2.DayActKind.ValueType,
        told: Settlement,
        *,
        sign: int = 1,
    ) -> None:
        line = day_pb2.DayLine(
            request_id=request_id,
            act_kind=kind,
            settlement_id=told.settlement_id,
            bill_number=told.bill_number,
            **{name: sign * getattr(told, name) for name in AMOUNTS},
        )
        self.books[region].append(line)


@pytest.fixture
def province(tmp_path: Path, databases: Databases) -> Iterator[Province]:
    with province_of_five(tmp_path / "files", databases) as running:
        yield running


def bills_of_a_day(province: Province) -> Hospital:
    """Has persons of all regions treated, most of them registered for it before."""
    people = {region: Person(region, *province.person(region)) for region in REGIONS}
    registered = set()
    for region, fields in REGISTERED.items():
        long = {"expected_end_date": from_date(add_months(province.today, 13))}
        told = {**fields, **(long if region == LONG_TERM else {})}
        registered.add(province.register(region, people[region].person_id, **told))
    province.wait_until_told(registered)
    hospital = Hospital(province)
    paid = {
        PLACE: hospital.settle(people[PLACE], STAY, 1_100_000),
        LONG_TERM: hospital.settle(people[LONG_TERM], STAY, 1_000_000, 100_000, **STAY_MARKS),
        REFERRED: hospital.settle(people[REFERRED], STAY, 1_000_000, 100_000, **STAY_MARKS),
        TEMPORARY: hospital.settle(people[TEMPORARY], STAY, 1_100_000, **STAY_MARKS),
        RESCUED: hospital.settle(people[RESCUED], EMERGENCY, 20_000, **EMERGENCY_MARKS),
    }
    # What each pays tells that it is its own policy on its own terms: 80 % above 1,000.00 at
    # home and of who lives here, 70 % of who was referred and of an emergency, else 60 %.
    assert {region: told.fund_total_fen for region, told in paid.items()} == {
        **{PLACE: 800_000, LONG_TERM: 800_000, REFERRED: 700_000, TEMPORARY: 600_000},
        RESCUED: 14_000,
    }
    twice = hospital.settle(people[LONG_TERM], OUTPATIENT, 5_000, **PLAIN)
    hospital.settle(people[TEMPORARY], OUTPATIENT, 8_000, **PLAIN)
    hospital.reverse(LONG_TERM, twice.settlement_id)
    hospital.return_line(REFERRED, paid[REFERRED], 2)
    # Offsite has the emergency among its registrations (视同备案).
    agency = RegistrationServiceStub(province.channel("offsite", f"maker-{RESCUED}"))
    listing = registration_pb.ListRegistrationsRequest(region=RESCUED)
    (deemed,) = _until_some(lambda: agency.ListRegistrations(listing, timeout=CALL_SECONDS))
    assert deemed.origin == offsite_pb.REGISTRATION_ORIGIN_DEEMED
    return hospital


def _until_some(ask: Any) -> list[Any]:
    found: list[Any] = []

    def is_some() -> bool:
        found[:] = ask().registrations
        return bool(found)

    wait_until(is_some)
    return found


@pytest.mark.long
def test_a_day_of_five_regions_settles_closes_declares_and_is_paid(province: Province) -> None:
    # Rule O-03.
    hospital = bills_of_a_day(province)
    day = province.today
    province.clock.advance(seconds=61)
    totals = close_with_each(province, hospital)
    place_sees_the_same(province, totals)
    others_are_refused(province)
    a_command_tells_the_regions(province, totals)
    following = add_months(day.replace(day=1), 1)
    province.clock.advance(days=(following - province.today).days)
    month = f"{day:%Y%m}"
    declared = declare_to_each(province, month)
    for region in REGIONS:
        pay(province, region, declared[region])
    # The agency of the place reads what became of it in each region.
    told = insurer_declarations(province, f"maker-{PLACE}", month)
    assert {each.state for each in told} == {DECLARATION_STATE_PAID}
    report = check_ledger(province.database)
    assert (report.drifts, report.settlements) == ([], 7)


def close_with_each(
    province: Province, hospital: Hospital
) -> treatment_pb.ListInsurerTotalsResponse:
    """Closes the day with every region that the hospital learns of; returns what it learnt."""
    told = insurer_totals(province, "hospital")
    assert [each.region for each in told.insurers] == sorted(REGIONS)
    assert sum(each.total.reversed_count for each in told.insurers) == 1
    assert sum(each.total.refunded_count for each in told.insurers) == 1
    clearing = ClearingServiceStub(province.channel("settlement", "hospital"))
    for insurer in told.insurers:
        asked: dict[str, Any] = {
            "region": insurer.region,
            "act_date": from_date(province.today),
            "snapshot_time": told.snapshot_time,
        }
        request = clearing_pb.GetDayTotalsRequest(**asked, institution_id=THERE)
        for stub in (clearing, ClearingServiceStub(agency_channel(province, insurer.region))):
            seen = stub.GetDayTotals(request, timeout=CALL_SECONDS)
            assert (list(seen.sums), seen.total) == (list(insurer.sums), insurer.total)
        books = sorted(hospital.books[insurer.region], key=lambda line: line.request_id)
        compared = clearing.CompareDay(
            clearing_pb.CompareDayRequest(**asked, acts=books), timeout=CALL_SECONDS
        )
        assert (list(compared.differences), compared.insurer) == ([], compared.institution)
        assert compared.insurer.act_count == len(books) == insurer.total.act_count
    return told


def place_sees_the_same(province: Province, told: treatment_pb.ListInsurerTotalsResponse) -> None:
    seen = insurer_totals(province, f"maker-{PLACE}", snapshot_time=told.snapshot_time)
    assert seen == told


def others_are_refused(province: Province) -> None:
    """Neither another region's agency nor another hospital reads or changes any of it."""
    today = from_date(province.today)
    for name, region, reason in (
        (f"maker-{LONG_TERM}", PLACE, "OUT_OF_SCOPE"),
        (f"maker-{LONG_TERM}", LONG_TERM, "INSTITUTION_NOT_DESIGNATED"),
        ("other-hospital", PLACE, "OUT_OF_SCOPE"),
    ):
        treatment = TreatmentServiceStub(province.channel("settlement", name))
        whose: dict[str, Any] = {"region": region, "institution_id": THERE}
        totals = treatment_pb.ListInsurerTotalsRequest(**whose, start_date=today, end_date=today)
        month = treatment_pb.ListInsurerDeclarationsRequest(**whose, month=f"{province.today:%Y%m}")
        assert outcome(refusal_of(treatment.ListInsurerTotals, totals))[1] == reason
        assert outcome(refusal_of(treatment.ListInsurerDeclarations, month))[1] == reason
    # One's own is told, and is nothing.
    assert not insurer_totals(province, "other-hospital", institution_id=OTHER_HOSPITAL).insurers
    # The place reads by its own service alone.
    clearing = ClearingServiceStub(agency_channel(province, PLACE))
    request = clearing_pb.GetDayTotalsRequest(
        region=LONG_TERM, institution_id=THERE, act_date=from_date(province.today)
    )
    assert outcome(refusal_of(clearing.GetDayTotals, request)) == (DENIED, "OUT_OF_SCOPE")


def a_command_tells_the_regions(
    province: Province, told: treatment_pb.ListInsurerTotalsResponse
) -> None:
    for name, more in (("hospital", ()), (f"maker-{PLACE}", ("--institution", THERE))):
        ended = day_regions(province, name, "--json", *more)
        insurers = json.loads(ended.stdout)["insurers"]
        assert [each["region"] for each in insurers] == [each.region for each in told.insurers]
    shown = day_regions(province, "hospital").stdout.splitlines()
    (line,) = [each for each in shown if each.startswith(LONG_TERM)]
    # Two bills, one of them taken back: the first one's 11,000.00.
    assert line.split() == [LONG_TERM, "3", "11000.00", "8000.00", "0.00", "3000.00"]


def day_regions(province: Province, name: str, *more: str) -> Any:
    """Carries out `yibao day regions` of today."""
    folder = province.files.folder
    connection = (
        *("--address", f"localhost:{province.ports['settlement']}", "--region", PLACE),
        *("--ca", str(folder / "ca.pem"), "--cert", str(folder / f"{name}.pem")),
        *("--key", str(folder / f"{name}.key")),
    )
    day = ("--day", province.today.isoformat())
    ended = CliRunner().invoke(app, ["day", "regions", *day, *connection, *more])
    assert ended.exit_code == 0, ended.output
    return ended


def declare_to_each(province: Province, month: str) -> dict[str, list[Declaration]]:
    """Declares the month to each region, type by type; returns what was declared."""
    hospital = DeclarationServiceStub(province.channel("settlement", "hospital"))
    declared: dict[str, list[Declaration]] = {region: [] for region in REGIONS}
    for region, known in declared.items():
        asked = declaration_pb.GetMonthTotalsRequest(region=region, month=month)
        totals = hospital.GetMonthTotals(asked, timeout=CALL_SECONDS)
        assert totals.is_over
        for each in totals.sums:
            request = declaration_pb.DeclareMonthRequest(
                request_id=new_id(), region=region, month=month, sum=each
            )
            known.append(hospital.DeclareMonth(request, timeout=CALL_SECONDS).declaration)
    clearing_types = [x.sum.clearing_type for each in declared.values() for x in each]
    # A bill of outpatients that was taken back is an act too, and is declared with its reversal.
    assert sorted(clearing_types) == ["11", "11", "11", "21", "21", "21", "21"]
    place_told = insurer_declarations(province, f"maker-{PLACE}", month)
    assert insurer_declarations(province, "hospital", month) == place_told
    assert {each.state for each in place_told} == {DECLARATION_STATE_DECLARED}
    for region, known in declared.items():
        agency = DeclarationServiceStub(agency_channel(province, region))
        listing = declaration_pb.ListDeclarationsRequest(region=region, institution_id=THERE)
        listed = list(agency.ListDeclarations(listing, timeout=CALL_SECONDS).declarations)
        assert listed == [each for each in place_told if each.region == region]
        assert [each.declaration_id for each in listed] == [x.declaration_id for x in known]
    # The agency of the place reads what was declared elsewhere, and accepts none of it.
    accept = declaration_pb.AcceptDeclarationRequest(
        request_id=new_id(), region=LONG_TERM, declaration_id=declared[LONG_TERM][0].declaration_id
    )
    place = DeclarationServiceStub(agency_channel(province, PLACE))
    assert outcome(refusal_of(place.AcceptDeclaration, accept)) == (DENIED, "OUT_OF_SCOPE")
    return declared


def pay(province: Province, region: str, declared: list[Declaration]) -> None:
    """Has a region accept what was declared to it, and its bank pay it by two operators."""
    maker, checker = (
        province.channel("settlement", f"{name}-{region}") for name in ("maker", "checker")
    )
    ids = [each.declaration_id for each in declared]
    for declaration_id in ids:
        request = declaration_pb.AcceptDeclarationRequest(
            request_id=new_id(), region=region, declaration_id=declaration_id
        )
        DeclarationServiceStub(maker).AcceptDeclaration(request, timeout=CALL_SECONDS)
    proposal = payment_pb.ProposeInstitutionPaymentRequest(
        request_id=new_id(), region=region, declaration_ids=ids
    )
    payments = InstitutionPaymentServiceStub(maker)
    payment = payments.ProposeInstitutionPayment(proposal, timeout=CALL_SECONDS).payment
    assert payment.amount_fen == sum(each.sum.fund_total_fen for each in declared)
    named: dict[str, Any] = {
        "region": region,
        "payment_id": payment.payment_id,
        "amount_fen": payment.amount_fen,
    }
    InstitutionPaymentServiceStub(checker).ConfirmInstitutionPayment(
        payment_pb.ConfirmInstitutionPaymentRequest(request_id=new_id(), **named),
        timeout=CALL_SECONDS,
    )
    report = payment_pb.ReportInstitutionPaymentRequest(
        request_id=new_id(), bank_reference="ICBC-1", **named
    )
    payments.ReportInstitutionPayment(report, timeout=CALL_SECONDS)


def agency_channel(province: Province, region: str) -> grpc.Channel:
    return province.channel("settlement", f"maker-{region}")


def insurer_totals(
    province: Province, name: str, institution_id: str = THERE, **fields: Any
) -> treatment_pb.ListInsurerTotalsResponse:
    """Asks what the hospital's acts of today come to, by insuring region."""
    day = from_date(province.today)
    request = treatment_pb.ListInsurerTotalsRequest(
        region=PLACE, institution_id=institution_id, start_date=day, end_date=day, **fields
    )
    treatment = TreatmentServiceStub(province.channel("settlement", name))
    return treatment.ListInsurerTotals(request, timeout=CALL_SECONDS)


def insurer_declarations(province: Province, name: str, month: str) -> list[Declaration]:
    """Asks what the hospital declared of a month to all regions."""
    request = treatment_pb.ListInsurerDeclarationsRequest(
        region=PLACE, institution_id=THERE, month=month
    )
    treatment = TreatmentServiceStub(province.channel("settlement", name))
    return list(treatment.ListInsurerDeclarations(request, timeout=CALL_SECONDS).declarations)

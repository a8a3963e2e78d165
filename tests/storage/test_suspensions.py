"""What somebody suspended ordered, on every path and on both databases."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.charges import (
    ADMITTED,
    assert_books_are_right,
    carrying,
    charged,
    listed,
    of_uploaded,
    refusal,
    upload,
)
from support.corrections import correct_command
from support.databases import Databases
from support.own_codes import LI, imported, lift, on_terms, points, suspend
from support.settlement_parts import transactions_of
from support.settlement_world import HOSPITAL, NOW, OTHER_HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.hold_service_pb2 import HoldBillResponse
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.hold.take import HoldBill
from yibao_settlement.application.institution.find import InstitutionReads
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.rules.bill import Bill, ChargedLine, LineOrigin
from yibao_settlement.rules.institution.scope import InstitutionScope
from yibao_settlement.rules.institution.staff import Department, Doctor
from yibao_settlement.rules.institution.suspension import SuspendedKind
from yibao_settlement.servicer.hold import held

TENTH, FIFTEENTH = ADMITTED.replace(day=10), ADMITTED.replace(day=15)
SINCE = dt.date(2026, 1, 1)
DAY = dt.timedelta(days=1)


@pytest.fixture
def world(databases: Databases) -> World:
    made = World(databases.open("yibao_settlement"))
    imported(
        made,
        Department(HOSPITAL, "K1", "心内科", "A03.04", SINCE),
        Doctor(HOSPITAL, LI, "李医生", "K1", SINCE),
        Doctor(OTHER_HOSPITAL, LI, "李医生", "", SINCE),
    )
    return made


def by(doctor: str = "", department: str = "") -> LineOrigin:
    return LineOrigin(doctor_code=doctor, department=department)


def ordered(line_id: str, yuan: int, origin: LineOrigin, day: dt.date = FIFTEENTH) -> ChargedLine:
    return charged(line_id, yuan=yuan, charge_date=day, origin=origin)


def refused_of(world: World, bill: Bill) -> list[tuple[str, str]]:
    found = trial(world.queries, REGION, bill, institution_id=HOSPITAL, now=NOW)
    return [(line.line_id, line.reason) for line in found.record.refused_lines]


def test_lines_of_a_suspended_doctor_are_refused_by_their_charge_days(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    lines = (
        ordered("L1", 10, by(LI), FIFTEENTH - DAY),
        ordered("L2", 20, by(LI)),
        ordered("L3", 30, by(LI), FIFTEENTH + DAY),
        ordered("L4", 40, by("D999019000002")),
        ordered("L5", 50, by(department="心内科")),
    )
    before = upload(world, visit, lines[1])
    assert not isinstance(before[0], RuleError)
    suspend(world, SuspendedKind.DOCTOR, FIFTEENTH, code=LI, end_date=FIFTEENTH)
    bill = carrying(world, visit, *lines)
    assert refused_of(world, bill) == [("L2", "DOCTOR_SUSPENDED")]
    (again,) = upload(world, visit, ordered("L9", 90, by(LI)))
    assert isinstance(again, RuleError)
    assert again.faults[0].field == "lines[0].origin.doctor_code"
    answer = world.run(
        HoldBill(
            world.settle_command(visit, person, bill=bill._replace(bill_number="H1")),
            dt.timedelta(minutes=5),
            held,
        )
    )
    quote = HoldBillResponse.FromString(answer).hold.quote
    assert [each.line_id for each in quote.refused_lines] == ["L2"]
    department = suspend(
        world, SuspendedKind.DEPARTMENT, FIFTEENTH, institution_id=HOSPITAL, code="K1"
    )
    other = world.register(world.enrol()[0])
    second = carrying(world, other, *lines)
    settled = world.settle(other, world.persons[1], bill=second)
    assert [(each.line_id, each.reason) for each in settled.refused_lines] == [
        ("L2", "ERROR_REASON_DOCTOR_SUSPENDED"),
        ("L5", "ERROR_REASON_DEPARTMENT_SUSPENDED"),
    ]
    assert "D999019000001" in settled.refused_lines[0].message
    lift(world, department.suspension_id)
    # A correction is judged by what holds now; what was settled stayed as it was.
    corrected = [each._replace(line_number=at) for at, each in enumerate(lines[:2], 1)]
    world.run(correct_command(world, settled.settlement_id, corrected))
    record = world.queries.settlement(REGION, settled.settlement_id)
    assert record is not None
    new = world.queries.settlement(REGION, record.corrected_by_id or "")
    assert new is not None
    assert [each.line_id for each in new.refused_lines] == ["L2"]
    assert_books_are_right(world)


def test_a_suspended_department_is_known_by_its_new_name_too(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    suspend(world, SuspendedKind.DEPARTMENT, FIFTEENTH, institution_id=HOSPITAL, code="K1")
    names = ("K1", "心内科", "心血管科", "外科")
    lines = [ordered(name, 10, by(department=name)) for name in names]
    bill = carrying(world, visit, *lines)
    assert [line_id for line_id, _ in refused_of(world, bill)] == ["K1", "心内科"]
    renamed = Department(HOSPITAL, "K1", "心血管科", "A03.04", SINCE)
    assert imported(world, renamed, institution_id=HOSPITAL) == [None]
    assert [line_id for line_id, _ in refused_of(world, bill)] == ["K1", "心内科", "心血管科"]


def test_emergencies_are_payable_whoever_is_suspended(world: World) -> None:
    suspend(world, SuspendedKind.INSTITUTION, FIFTEENTH, institution_id=HOSPITAL)
    suspend(world, SuspendedKind.DOCTOR, FIFTEENTH, code=LI)
    (person,) = world.enrol()
    late = refusal(lambda: world.register(person, start_date=FIFTEENTH))
    assert late.reason is Reason.INSTITUTION_SUSPENDED
    visit = world.register(person, care_type="13", start_date=FIFTEENTH)
    # The policy of this region pays for no emergencies, and that alone refuses it.
    refused = refusal(lambda: refused_of(world, carrying(world, visit, ordered("L1", 10, by(LI)))))
    assert refused.reason is Reason.POLICY_NO_MATCHING_ROW
    stay = world.register(person, start_date=TENTH)
    bill = carrying(world, stay, ordered("L1", 10, by()), ordered("L2", 20, by(), FIFTEENTH - DAY))
    assert refused_of(world, bill) == [("L1", "INSTITUTION_SUSPENDED")]
    elsewhere = world.register(
        world.enrol()[0], institution_id=OTHER_HOSPITAL, start_date=FIFTEENTH
    )
    assert elsewhere


def test_a_region_may_leave_the_institution_to_bear_what_a_suspended_doctor_ordered(
    world: World,
) -> None:
    (person,) = on_terms(world, suspended_is_borne=True).enrol()
    suspend(world, SuspendedKind.DOCTOR, FIFTEENTH, code=LI)
    visit = world.register(person)
    upload(world, visit, ordered("L1", 10, by(LI)), ordered("L2", 20, by()))
    bill = of_uploaded(world, visit, 3_000)
    settled = world.settle(visit, person, bill=bill)
    (borne,) = settled.refused_lines
    assert (borne.line_id, borne.amount_fen) == ("L1", 1_000)
    assert borne.reason == "ERROR_REASON_LINE_BORNE_BY_INSTITUTION"
    assert settled.total_fen == 2_000
    # No other bill charges it, until this one is taken back.
    assert {each.charge.settlement_id for each in listed(world, visit)} == {settled.settlement_id}
    assert_books_are_right(world)
    world.reverse(settled.settlement_id)
    assert {each.charge.settlement_id for each in listed(world, visit)} == {None}
    assert_books_are_right(world)


def test_points_of_a_year_suspend_a_doctor_once_they_come_to_that(world: World) -> None:
    assert points(world, 6) == (6, None)
    assert points(world, 6, dt.date(2025, 12, 31)) == (6, None)
    total, brought = points(world, 3)
    assert total == 9
    assert brought is not None
    assert (brought.start_date, brought.end_date) == (
        TODAY + DAY,
        dt.date(2027, 2, 20),
    )
    total, ended = points(world, 3)
    assert total == 12
    assert ended is not None
    assert ended.end_date == dt.date(2027, 11, 20)
    reads = InstitutionReads(transactions_of(world.database))
    found = reads.doctor(REGION, LI, 2026, institution_id=HOSPITAL)
    assert [each.institution_id for each in found.doctors] == [HOSPITAL]
    assert [each.points for each in found.points] == [6, 3, 3]
    assert len(found.suspensions) == 2
    shown = reads.suspensions(
        REGION, institution_id=OTHER_HOSPITAL, day=TODAY + DAY, after=None, limit=9
    )
    assert [each.suspension_id for each in shown] == [brought.suspension_id, ended.suspension_id]
    unknown = refusal(lambda: reads.doctor(REGION, "D9", 2026, institution_id=None))
    assert unknown.reason is Reason.DOCTOR_NOT_FOUND


def test_a_suspension_is_lifted_once_after_a_day_or_altogether(world: World) -> None:
    made = suspend(world, SuspendedKind.DOCTOR, TENTH, code=LI)
    early = refusal(lambda: lift(world, made.suspension_id, TENTH - DAY))
    assert early.reason is Reason.FIELD_OUT_OF_RANGE
    lifted = lift(world, made.suspension_id, TENTH)
    assert [lifted.holds_on(day) for day in (TENTH, TENTH + DAY)] == [True, False]
    assert refusal(lambda: lift(world, made.suspension_id)).reason is Reason.SUSPENSION_STATE
    nobody = refusal(lambda: suspend(world, SuspendedKind.DOCTOR, TENTH, code="D9"))
    assert nobody.reason is Reason.DOCTOR_NOT_FOUND
    wrong = refusal(lambda: suspend(world, SuspendedKind.DEPARTMENT, TENTH, code="K1"))
    assert [each.field for each in wrong.faults] == ["institution_id"]


def test_an_institution_is_for_what_was_said_of_it_on_the_first_day(world: World) -> None:
    rows = (
        InstitutionScope(HOSPITAL, SINCE, "1", ("11", "13"), True, True),
        InstitutionScope(HOSPITAL, FIFTEENTH, "1", ("21",), False, False),
        InstitutionScope("H99901900077", SINCE, "1"),
    )
    assert imported(world, *rows) == [None, None, Reason.INSTITUTION_NOT_DESIGNATED]
    (person,) = world.enrol()
    refused = refusal(lambda: world.register(person, start_date=FIFTEENTH - DAY))
    assert refused.reason is Reason.INSTITUTION_NOT_NETWORKED
    # From the fifteenth on it takes stays, and no e-certificates.
    assert refusal(lambda: world.register(person, start_date=FIFTEENTH)).reason is (
        Reason.INSTITUTION_NO_ECERT
    )
    assert imported(world, rows[1]._replace(ecert_supported=True)) == [None]
    assert world.register(person, start_date=FIFTEENTH)
    reads = InstitutionReads(transactions_of(world.database))
    found = reads.institution(REGION, HOSPITAL, FIFTEENTH - DAY)
    assert found.scope == rows[0]


def test_the_same_staff_is_imported_by_many_at_once(world: World) -> None:
    rows = [Doctor(HOSPITAL, f"D{number}", "王医生", "", SINCE) for number in range(20)]

    def once(turn: int) -> list[Reason | None]:
        return imported(world, *(rows if turn % 2 else rows[::-1]), institution_id=HOSPITAL)

    with ThreadPoolExecutor(8) as threads:
        assert [*threads.map(once, range(16))] == [[None] * len(rows)] * 16


def test_an_institution_imports_its_own_staff_and_nobody_elses(world: World) -> None:
    rows = (
        Doctor(HOSPITAL, "D2", "王医生", "K1", SINCE),
        Doctor(OTHER_HOSPITAL, "D3", "赵医生", "", SINCE),
        Doctor(HOSPITAL, "D4", "钱医生", "", SINCE, SINCE - DAY),
        Doctor(HOSPITAL, "D5", "孙医生", "", SINCE),
        Doctor(HOSPITAL, "D5", "孙医生", "K1", SINCE),
    )
    assert imported(world, *rows, institution_id=HOSPITAL) == [
        None,
        Reason.OUT_OF_SCOPE,
        Reason.FIELD_OUT_OF_RANGE,
        Reason.ROW_REPEATED,
        Reason.ROW_REPEATED,
    ]
    reads = InstitutionReads(transactions_of(world.database))
    page = reads.doctors(REGION, HOSPITAL, after=None, limit=1)
    rest = reads.doctors(REGION, HOSPITAL, after=page[-1].doctor_code, limit=9)
    assert [each.doctor_code for each in (*page, *rest)] == ["D2", LI]
    assert [
        each.department_code for each in reads.departments(REGION, HOSPITAL, after=None, limit=9)
    ] == ["K1"]

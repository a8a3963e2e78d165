"""Own codes, institutions and suspensions through the real service, and by the command."""

import csv
import json
from pathlib import Path

import grpc
from support.both_services import CALL_SECONDS, BothServices, outcome, refusal_of
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION
from typer.testing import CliRunner, Result

from yibao.common.v1.date_pb2 import Date
from yibao.settlement.v1 import bill_pb2, charge_service_pb2, institution_pb2, mapping_pb2
from yibao.settlement.v1 import institution_service_pb2 as at_institutions
from yibao.settlement.v1 import mapping_service_pb2 as pb
from yibao.settlement.v1.institution_service_pb2_grpc import InstitutionServiceStub
from yibao.settlement.v1.mapping_service_pb2_grpc import MappingServiceStub
from yibao.settlement.v1.settlement_service_pb2 import SubmitBillsRequest, TrialBillRequest
from yibao_cli.main import app
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id

SINCE = Date(year=2024, month=1, day=1)
LI = "D999019000001"


def mappings(services: BothServices, name: str = "hospital") -> MappingServiceStub:
    return MappingServiceStub(services.channel("settlement", name))


def institutions(services: BothServices, name: str = "maker") -> InstitutionServiceStub:
    return InstitutionServiceStub(services.channel("settlement", name))


def row(code: str, item: str, **changes: object) -> mapping_pb2.MappingRow:
    values = {"provider_item_name": code, "list_type": "101", "start_date": SINCE, **changes}
    return mapping_pb2.MappingRow(provider_item_code=code, item_code=item, **values)  # type: ignore[arg-type]


def upload(
    services: BothServices, *rows: mapping_pb2.MappingRow, name: str = "hospital"
) -> pb.UploadMappingsResponse:
    request = pb.UploadMappingsRequest(request_id=new_id(), region=REGION, items=rows)
    return mappings(services, name).UploadMappings(request, timeout=CALL_SECONDS)


def line(number: int, code: str, *, item: str = "", doctor: str = "") -> bill_pb2.BillLine:
    origin = bill_pb2.LineOrigin(provider_item_code=code, doctor_code=doctor)
    return bill_pb2.BillLine(
        line_number=number,
        item_code=item,
        unit_price="100",
        quantity="1",
        amount_fen=10_000,
        origin=origin,
    )


def bill(services: BothServices, visit_id: str, *lines: bill_pb2.BillLine) -> bill_pb2.Bill:
    made = services.bill(visit_id)
    del made.lines[:]
    made.lines.extend(lines)
    made.total_fen = 10_000 * len(lines)
    return made


def run(services: BothServices, *words: str, name: str = "hospital") -> Result:
    folder = services.files.folder
    return CliRunner().invoke(
        app,
        [
            *words,
            *("--region", REGION, "--address", f"localhost:{services.ports['settlement']}"),
            *("--ca", str(folder / "ca.pem"), "--cert", str(folder / f"{name}.pem")),
            *("--key", str(folder / f"{name}.key")),
        ],
    )


def test_a_row_is_told_every_fault_and_stands_beside_good_ones(services: BothServices) -> None:
    response = upload(
        services,
        row("药#1", "A1"),
        row("药#2", "", list_type="x", end_date=Date(year=2023, month=1, day=1)),
        row("药#3", "A1"),
        row("药#3", "B1", start_date=Date(year=2025, month=1, day=1)),
        # Text that no database takes is told like any other.
        row("药\0", "A\0"),
    )
    faults = [[each.field for each in result.error.field_faults] for result in response.results]
    assert faults == [
        [],
        ["list_type", "item_code", "end_date"],
        ["provider_item_code"],
        ["provider_item_code"],
        ["provider_item_code", "provider_item_name", "item_code"],
    ]
    assert response.stored == 1
    (known,) = upload(services, row("药#1", "A1")).results
    assert known.mapping_id == response.results[0].mapping_id
    # Rows of one code are not compared each with each where they are more than there may be.
    many = upload(services, *[row("药#9", "A1") for _ in range(5_000)]).results
    assert {each.error.reason for each in many} == {"ERROR_REASON_FIELD_OUT_OF_RANGE"}
    request = at_institutions.ImportDoctorsRequest(
        request_id=new_id(),
        region=REGION,
        items=[institution_pb2.Doctor(institution_id="H\0", doctor_code="\0")],
    )
    (doctor,) = institutions(services).ImportDoctors(request, timeout=CALL_SECONDS).results
    assert [each.field for each in doctor.error.field_faults] == [
        "institution_id",
        "doctor_code",
        "doctor_name",
        "start_date",
    ]


def test_bills_uploads_and_trials_take_own_codes(services: BothServices) -> None:
    upload(services, row("码-1", "A1"), row("码-2", "B1"))
    patient = services.patient()
    asked = bill(services, patient.visit_id, line(1, "码-1"), line(2, "码-2"), line(3, "无"))
    tried = services.settlements().TrialBill(
        TrialBillRequest(region=REGION, bill=asked), timeout=CALL_SECONDS
    )
    assert [each.item_code for each in tried.settlement.lines] == ["A1", "B1"]
    request = services.settle_request(patient)
    request.bill.CopyFrom(asked)
    submitted = services.settlements().SubmitBills(
        SubmitBillsRequest(items=[request]), timeout=CALL_SECONDS
    )
    settled = submitted.results[0].settled.settlement
    told = [(each.item_code, each.provider_item_code) for each in settled.lines]
    assert told == [("A1", "码-1"), ("B1", "码-2")]
    assert all(each.mapping_id for each in settled.lines)
    assert [each.reason for each in settled.refused_lines] == ["ERROR_REASON_OWN_CODE_UNMAPPED"]
    codeless = services.settle_request(patient)
    codeless.bill.CopyFrom(bill(services, patient.visit_id, line(1, "")))
    refused = refusal_of(services.settlements().SettleBill, codeless)
    assert outcome(refused) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_REQUIRED")
    assert [each.field for each in refused.field_faults] == ["bill.lines[0].item_code"]
    own = line(1, "码-1")
    own.line_id = "L1"
    own.charge_date.CopyFrom(from_date(shanghai_day(services.clock())))
    other = services.patient()
    uploaded = services.charges().UploadLines(
        charge_service_pb2.UploadLinesRequest(
            request_id=new_id(), region=REGION, visit_id=other.visit_id, lines=[own]
        ),
        timeout=CALL_SECONDS,
    )
    assert uploaded.results[0].stored.catalogue_class == "01"


def test_an_agency_lists_all_cancels_any_and_others_see_none(services: BothServices) -> None:
    (stored,) = upload(services, row("限-1", "A1")).results
    listing = pb.ListMappingsRequest(region=REGION, provider_item_code="限-1", date=SINCE)
    for name, count in (("hospital", 1), ("maker", 1), ("other-hospital", 0)):
        answer = mappings(services, name).ListMappings(listing, timeout=CALL_SECONDS)
        assert len(answer.mappings) == count
    others = pb.ListMappingsRequest(region=REGION, institution_id=OTHER_HOSPITAL)
    refused = refusal_of(mappings(services).ListMappings, others)
    assert outcome(refused) == (grpc.StatusCode.PERMISSION_DENIED, "OUT_OF_SCOPE")
    cancel = pb.CancelMappingRequest(
        request_id=new_id(), region=REGION, mapping_id=stored.mapping_id, reason="wrong"
    )
    assert refusal_of(mappings(services, "other-hospital").CancelMapping, cancel).reason == (
        "ERROR_REASON_MAPPING_NOT_FOUND"
    )
    cancelled = mappings(services, "maker").CancelMapping(cancel, timeout=CALL_SECONDS)
    assert cancelled.mapping.state == mapping_pb2.MAPPING_STATE_CANCELLED
    assert cancelled == mappings(services, "maker").CancelMapping(cancel, timeout=CALL_SECONDS)


def test_pages_of_mappings_hold_while_others_come(services: BothServices) -> None:
    upload(services, *(row(f"页-{number}", "A1") for number in range(5)), name="other-hospital")
    request = pb.ListMappingsRequest(region=REGION, page_size=2)
    stub, seen = mappings(services, "other-hospital"), []
    while True:
        page = stub.ListMappings(request, timeout=CALL_SECONDS)
        seen += [each.row.provider_item_code for each in page.mappings]
        request.page_token = page.next_page_token
        if len(seen) == 2:
            upload(services, row("页-5", "A1"), name="other-hospital")
        if not request.page_token:
            break
    assert seen == [f"页-{number}" for number in range(6)]


def test_a_doctor_whose_points_come_to_that_orders_nothing_payable(
    services: BothServices,
) -> None:
    stub = institutions(services)
    doctor = institution_pb2.Doctor(
        institution_id=HOSPITAL, doctor_code=LI, doctor_name="李医生", start_date=SINCE
    )
    department = institution_pb2.Department(
        institution_id=HOSPITAL, department_code="K1", department_name="心内科", start_date=SINCE
    )
    scope = institution_pb2.InstitutionScope(
        institution_id=HOSPITAL, start_date=SINCE, institution_kind="1", ecert_supported=True
    )
    asked = {"request_id": new_id(), "region": REGION}
    stub.ImportDoctors(
        at_institutions.ImportDoctorsRequest(items=[doctor], **asked), timeout=CALL_SECONDS
    )
    stub.ImportDepartments(
        at_institutions.ImportDepartmentsRequest(
            request_id=new_id(), region=REGION, items=[department]
        ),
        timeout=CALL_SECONDS,
    )
    stub.ImportInstitutionScopes(
        at_institutions.ImportInstitutionScopesRequest(
            request_id=new_id(), region=REGION, items=[scope]
        ),
        timeout=CALL_SECONDS,
    )
    today = from_date(shanghai_day(services.clock()))
    added = stub.AddDoctorPoints(
        at_institutions.AddDoctorPointsRequest(
            request_id=new_id(),
            region=REGION,
            doctor_code=LI,
            points=9,
            points_date=today,
            suspend_date=today,
            reason="overcharged",
        ),
        timeout=CALL_SECONDS,
    )
    assert added.year_points == 9
    assert added.suspension.start_date == today
    patient = services.patient()
    request = services.settle_request(patient)
    lines = line(1, "", item="A1", doctor=LI), line(2, "", item="A1", doctor="D2")
    request.bill.CopyFrom(bill(services, patient.visit_id, *lines))
    settled = services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement
    assert [each.reason for each in settled.refused_lines] == ["ERROR_REASON_DOCTOR_SUSPENDED"]
    assert "李医生" not in str(settled)
    assert {"DOCTOR_SUSPENDED": 1} in [each["reasons"] for each in services.logged("lines refused")]
    own = institutions(services, "hospital")
    found = own.GetInstitution(
        at_institutions.GetInstitutionRequest(region=REGION, institution_id=HOSPITAL),
        timeout=CALL_SECONDS,
    )
    assert (found.is_designated, found.scope) == (True, scope)
    page = own.ListDepartments(
        at_institutions.ListDepartmentsRequest(region=REGION, institution_id=HOSPITAL),
        timeout=CALL_SECONDS,
    )
    assert list(page.departments) == [department]
    assert list(
        own.ListDoctors(
            at_institutions.ListDoctorsRequest(region=REGION, institution_id=HOSPITAL),
            timeout=CALL_SECONDS,
        ).doctors
    ) == [doctor]
    listed = own.ListInstitutions(
        at_institutions.ListInstitutionsRequest(region=REGION, code_prefix="H", page_size=1),
        timeout=CALL_SECONDS,
    )
    assert [each.institution_id for each in listed.institutions] == [HOSPITAL]
    assert listed.next_page_token
    shown = run(services, "institution", "doctor", LI, "--json", name="maker")
    assert json.loads(shown.stdout)["year_points"] == 9
    suspended = run(services, "institution", "suspended", "--json")
    (told,) = json.loads(suspended.stdout)["suspensions"]
    lifted = run(
        services,
        *("institution", "lift", told["suspension_id"], "appeal", "--json"),
        name="maker",
    )
    assert lifted.exit_code == 0, lifted.output


def test_the_command_uploads_checks_and_lists(services: BothServices, tmp_path: Path) -> None:
    file, report = tmp_path / "codes.csv", tmp_path / "told.csv"
    file.write_text(
        "provider_item_code,provider_item_name,list_type,item_code,start_date,end_date\n"
        "令-1,阿司匹林,101,A1,2024-01-01,\n"
        "\n"
        "令-2,头孢,101,X9,2024-01-01,2023-01-01\n",
        encoding="utf-8-sig",
    )
    told = run(services, "mapping", "upload", str(file), "--report", str(report))
    assert told.exit_code == 1, told.output
    assert told.stderr == ""
    assert "row 4  令-2" in told.stdout
    assert "2 rows, 1 stored, 1 refused" in told.stdout
    with report.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(each["row"], each["field"]) for each in rows] == [
        ("2", ""),
        ("4", "end_date"),
        ("4", "item_code"),
    ]
    again = run(services, "mapping", "upload", str(file), "--json")
    assert json.loads(again.stdout)["stored"] == 0
    checked = tmp_path / "today.csv"
    checked.write_text(
        "provider_item_code,provider_item_name,unit_price\n令-1,阿斯匹林,1\n令-9,,\n令-1,阿司匹林,5\n",
        encoding="utf-8",
    )
    found = run(services, "mapping", "check", str(checked), "--day", "2026-01-01", "--json")
    assert found.exit_code == 1, found.output
    assert [(each["row"], each["findings"]) for each in json.loads(found.stdout)["found"]] == [
        (2, ["MAPPING_FINDING_NAME_DIFFERS"]),
        (3, ["MAPPING_FINDING_UNMAPPED"]),
    ]
    listed = run(services, "mapping", "list", "--code", "令-1")
    assert "A1  2024-01-01 to further notice  IN_FORCE  阿司匹林" in listed.stdout
    missing = run(services, "mapping", "upload", str(tmp_path / "none.csv"))
    assert missing.exit_code == 2

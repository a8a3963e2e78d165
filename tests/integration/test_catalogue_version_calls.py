"""Versions of lists through the real service, and the commands that bring and export them."""

import csv
import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.both_services import (
    ADMISSION,
    CALL_SECONDS,
    BothServices,
    both_services,
    refusal_of,
)
from support.catalogue_commands import SINCE, document, put, today, versions, write, yibao
from support.databases import (
    KINDS,
    Databases,
    PostgresDatabases,
    PostgresServer,
    SqliteDatabases,
)
from support.settlement_world import HOSPITAL, REGION

from yibao.common.v1.date_pb2 import Date
from yibao.settlement.v1 import catalogue_service_pb2, visit_pb2, visit_service_pb2
from yibao.settlement.v1 import catalogue_version_pb2 as messages
from yibao.settlement.v1 import catalogue_version_service_pb2 as pb
from yibao.settlement.v1.credential_service_pb2 import ResolveCredentialRequest
from yibao.settlement.v1.credential_service_pb2_grpc import CredentialServiceStub
from yibao_common.rpc.wire import from_date
from yibao_common.values.ids import new_id

INSURANCE = messages.CATALOGUE_LAYER_INSURANCE


def looked_up(
    services: BothServices, name: str = "hospital", **asked: object
) -> pb.DescribeItemResponse:
    request = question(services, **asked)
    return versions(services, name).DescribeItem(request, timeout=CALL_SECONDS)


def question(services: BothServices, **asked: object) -> pb.DescribeItemRequest:
    values = {"item_code": "XQ1", "date": from_date(today(services)), **asked}
    return pb.DescribeItemRequest(region=REGION, **values)  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=KINDS)
def services(
    request: pytest.FixtureRequest,
    postgres_starter: Callable[[], PostgresServer],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[BothServices]:
    """Runs services of a region that asks for two operators, and for terms of dictionaries."""
    folder = tmp_path_factory.mktemp("services")
    databases: Databases
    if request.param == "sqlite":
        databases = SqliteDatabases(folder)
    else:
        databases = PostgresDatabases(postgres_starter())
    said = {"catalogue": {"approval_required_in": [REGION], "terms_checked_in": [REGION]}}
    with both_services(folder / "files", databases, said=said) as running:
        yield running
    databases.close()


@pytest.fixture(scope="module")
def listed(services: BothServices, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Has lists approved that came as files in the columns of the national interface."""
    folder = tmp_path_factory.mktemp("lists")
    shares = write(
        folder / "1319.csv",
        ("hilist_code", "selfpay_prop_psn_type", "selfpay_prop_type", "selfpay_prop", "begndate"),
        ("XQ1", "390", "10", "0.1500", "2014-01-01 00:00:00"),
        ("XQ1", "99", "10", "0.2", "20140101"),
    )
    put(services, shares, "share", "--authority", "region", "--document", "示例〔2026〕1号")
    items = folder / "1312.json"
    row = {"hilist_code": "XQ1", "hilist_name": "示例药 Q", "chrgitm_lv": "02"}
    items.write_text(json.dumps([{**row, "begndate": "2014-01-01"}]), encoding="utf-8")
    put(services, str(items), "insurance")
    text = write(
        folder / "limits.csv",
        ("code", "limited_use_text", "start_date"),
        ("XQ1", "限二级及以上医疗机构", "2014-01-01"),
    )
    put(services, text, "limited-use")
    ceilings = write(
        folder / "1318.csv",
        ("hilist_code", "hilist_lmtpric_type", "hilist_pric_uplmt_amt", "begndate"),
        ("XQ1", "3", "88.50", "2014-01-01"),
    )
    return put(services, ceilings, "ceiling", "--authority", "state", "--document", "示例1号")


def test_a_counter_looks_an_item_up_for_a_person(services: BothServices, listed: str) -> None:
    facts = looked_up(services, insurance_type="310")
    assert (facts.first_self_pay_ratio_ppm, facts.price_ceiling, facts.institution_level) == (
        *(200_000, "88.50"),
        "2",
    )
    assert facts.is_limited_use
    assert facts.limited_use_text == "限二级及以上医疗机构"
    _, certificate_id, _ = services.person()
    request = ResolveCredentialRequest(
        request_id=new_id(),
        presentation=services.presentation(services.code(certificate_id)),
        audience="01301",
    )
    stub = CredentialServiceStub(services.channel("settlement", "hospital"))
    token = stub.ResolveCredential(request, timeout=CALL_SECONDS).credential_token
    own = [looked_up(services, credential_token=token) for _ in range(2)]
    assert [each.first_self_pay_ratio_ppm for each in own] == [150_000] * 2
    assert own[0].insurance_type == "390"
    refused = [
        refusal_of(versions(services, name).DescribeItem, question(services, **asked))
        for name, asked in (
            ("other-hospital", {"credential_token": token}),
            ("hospital", {"credential_token": "MT1-x"}),
            ("hospital", {"insurance_type": "310", "item_code": "NONE"}),
            ("hospital", {}),
            ("maker", {"insurance_type": "310"}),
        )
    ]
    assert [each.reason.removeprefix("ERROR_REASON_") for each in refused] == [
        *("TOKEN_NOT_FOUND", "TOKEN_MALFORMED", "CATALOGUE_ITEM_UNKNOWN"),
        *("FIELD_REQUIRED", "FIELD_REQUIRED"),
    ]


def test_a_version_is_told_before_it_is_approved_and_exported_after(
    services: BothServices, listed: str, tmp_path: Path
) -> None:
    file = write(
        tmp_path / "next.csv",
        ("code", "level_type", "price_ceiling", "start_date"),
        ("XQ1", "3", "90.00", "2026-01-01"),
        ("XQ1", "2", "70.00", "2026-01-01"),
    )
    tomorrow = (today(services) + dt.timedelta(days=1)).isoformat()
    words = ("import", file, "--layer", "ceiling", "--start-date", tomorrow, "--json")
    whose = ("--authority", "state", "--document", "示例2号")
    brought = document(yibao(services, "maker", *words, *whose))["version"]
    assert isinstance(brought, dict)
    version_id = brought["version_id"]
    told = yibao(services, "checker", "diff", version_id)
    assert told.exit_code == 1, told.output
    assert "price_ceiling=88.50 -> price_ceiling=90.00" in told.stdout
    assert "1 added, 1 changed, 0 ended" in told.stdout
    refused = yibao(services, "maker", "approve", version_id)
    assert refused.exit_code == 1
    assert "SAME_MAKER_AND_CHECKER" in refused.output
    assert yibao(services, "checker", "approve", version_id).exit_code == 0
    held, changes = tmp_path / "held.csv", tmp_path / "changes.csv"
    day = ("--layer", "ceiling", "--date", today(services).isoformat(), "--json")
    assert document(yibao(services, "hospital", "export", str(held), *day))["rows"] == 1
    assert (
        document(
            yibao(services, "hospital", "export", str(changes), "--layer", "ceiling", "--json")
        )["rows"]
        == 3
    )
    # What holds is a file to go on with: it is taken as it is.
    again = yibao(services, "maker", "import", str(held), *words[2:], *whose)
    brought = document(again)["version"]
    assert isinstance(brought, dict)
    assert brought["state"] == "CATALOGUE_VERSION_STATE_SUBMITTED"
    with changes.open(encoding="utf-8-sig", newline="") as stream:
        prices = [row["price_ceiling"] for row in csv.DictReader(stream)]
    assert prices == ["88.50", "70.00", "90.00"]


@pytest.mark.parametrize(
    ("contents", "told"),
    [
        (None, "cannot be read: No such file"),
        ("", "code is among them"),
        ("code,price\nA1,1\n", "price: no columns of this list"),
        ("code,price_ceiling\n", "holds no rows"),
    ],
)
def test_a_file_that_is_no_list_begins_no_version(
    services: BothServices, tmp_path: Path, contents: str | None, told: str
) -> None:
    file = tmp_path / "list.csv"
    if contents is not None:
        file.write_text(contents)
    before = document(yibao(services, "maker", "list", "--json"))
    words = ("import", str(file), "--layer", "ceiling", "--start-date", "2027-01-01")
    whose = ("--authority", "region", "--document", "D")
    result = yibao(services, "maker", *words, *whose)
    assert (result.exit_code, told in result.output.replace("\n", " ")) == (2, True), result.output
    assert document(yibao(services, "maker", "list", "--json")) == before


def test_refused_rows_are_reported_by_the_rows_of_the_sheet(
    services: BothServices, tmp_path: Path
) -> None:
    # Case M3.
    good = [(f"M3-{number}", "示例药", "01", "2014-01-01") for number in range(40)]
    bad = ("M3-BAD", "示例药", "09", "yesterday")
    columns = ("code", "name", "catalogue_class", "start_date")
    file = write(tmp_path / "m3.csv", columns, *good, *good[:3], bad)
    report = tmp_path / "report.csv"
    words = ("import", file, "--layer", "insurance", "--start-date", "2030-01-01")
    result = yibao(services, "maker", *words, "--report", str(report), "--json")
    told = document(result, exit_code=1)
    assert told["refused"] == 4
    with report.open(encoding="utf-8-sig", newline="") as stream:
        rows = [(row["row"], row["field"], row["reason"]) for row in csv.DictReader(stream)]
    assert rows == [
        *((str(row), "code", "ROW_REPEATED") for row in (42, 43, 44)),
        ("45", "start_date", "FIELD_MALFORMED"),
    ]


def test_a_list_is_streamed_in_parts_and_goes_on_where_it_broke(
    services: BothServices, tmp_path: Path
) -> None:
    rows = [(f"N{number:04}", "示例手术", "2014-01-01") for number in range(2_100)]
    file = write(tmp_path / "1314.csv", ("oprn_std_list_code", "name", "begndate"), *rows)
    put(services, file, "operation")
    stub = versions(services, "hospital")
    for day in (None, from_date(today(services))):
        layer = messages.CATALOGUE_LAYER_OPERATION
        request = pb.GetCatalogueRequest(region=REGION, layer=layer, date=day)
        whole = list(stub.GetCatalogue(request, timeout=CALL_SECONDS))
        assert [len(each.changes) for each in whole] == [500, 500, 500, 500, 100]
        assert [bool(each.resume_token) for each in whole] == [True] * 4 + [False]
        request.resume_token = whole[3].resume_token
        (rest,) = stub.GetCatalogue(request, timeout=CALL_SECONDS)
        assert list(rest.changes) == list(whole[4].changes)
        codes = [change.row.code for each in whole for change in each.changes]
        assert codes == [code for code, _, _ in rows]
        # The token of one question is none of another.
        request.layer = messages.CATALOGUE_LAYER_DIAGNOSIS
        with pytest.raises(grpc.RpcError) as refused:
            next(iter(stub.GetCatalogue(request, timeout=CALL_SECONDS)))
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_codes_that_visits_tell_are_those_of_the_dictionary(
    services: BothServices, tmp_path: Path
) -> None:
    diagnosis = visit_pb2.Diagnosis(
        diagnosis_code="G01.x00*", diagnosis_name="示例诊断", is_main=True
    )

    def registered(*diagnoses: visit_pb2.Diagnosis) -> visit_service_pb2.RegisterVisitRequest:
        _, certificate_id, _ = services.person()
        code = services.code(certificate_id, ADMISSION)
        return services.visit_request(code, diagnoses=diagnoses)

    stub = services.visits()
    # A region without a dictionary refuses nobody.
    stub.RegisterVisit(registered(diagnosis), timeout=CALL_SECONDS)
    columns = ("diag_code", "diag_name", "begndate")
    row = ("G01.x00*", "示例诊断", "2014-01-01")
    put(services, write(tmp_path / "1308.csv", columns, row), "diagnosis")
    strange = visit_pb2.Diagnosis(diagnosis_code="X99.x00", diagnosis_name="示例")
    refused = refusal_of(stub.RegisterVisit, registered(diagnosis, strange))
    assert refused.reason.endswith("CATALOGUE_TERM_UNKNOWN")
    assert [each.field for each in refused.field_faults] == ["diagnoses[1].diagnosis_code"]
    request = registered(diagnosis)
    visit = stub.RegisterVisit(request, timeout=CALL_SECONDS).visit
    told = visit_service_pb2.UpdateVisitRequest(
        request_id=new_id(), region=REGION, visit_id=visit.visit_id, diagnoses=[strange]
    )
    refused = refusal_of(stub.UpdateVisit, told)
    assert "CATALOGUE_TERM_UNKNOWN" in {
        each.reason.removeprefix("ERROR_REASON_") for each in refused.field_faults
    }
    # What was registered is answered as it was, whatever the dictionary says by now.
    other = ("B00.000", "示例诊断", "2014-01-01")
    put(services, write(tmp_path / "whole.csv", columns, other), "diagnosis", "--whole")
    assert stub.RegisterVisit(request, timeout=CALL_SECONDS).visit == visit
    put(services, write(tmp_path / "1308.csv", columns, row), "diagnosis")


def test_amounts_are_not_imported_past_a_second_operator(services: BothServices) -> None:
    # T-07.
    items = [
        catalogue_service_pb2.CatalogueItem(
            item_code=code,
            item_name="示例",
            catalogue_class="01",
            price_ceiling=price,
            start_date=SINCE,
        )
        for code, price in (("T07-1", "9.00"), ("T07-2", ""))
    ]
    request = catalogue_service_pb2.ImportCatalogueItemsRequest(
        request_id=new_id(), region=REGION, items=items
    )
    answer = services.catalogue().ImportCatalogueItems(request, timeout=CALL_SECONDS)
    assert [each.stored for each in answer.results] == [False, True]
    (fault,) = answer.results[0].error.field_faults
    assert (fault.field, fault.reason.removeprefix("ERROR_REASON_")) == (
        *("price_ceiling", "CATALOGUE_APPROVAL_REQUIRED"),
    )


def test_nothing_that_is_sent_ends_in_internal(services: BothServices) -> None:
    row = messages.CatalogueRow(
        row_number=2, code="I1", start_date=Date(year=2026, month=2, day=30)
    )
    begin = pb.BeginCatalogueVersionRequest(
        request_id=new_id(), region=REGION, layer=INSURANCE, start_date=SINCE
    )
    stub = versions(services)
    version = stub.BeginCatalogueVersion(begin, timeout=CALL_SECONDS).version
    upload = pb.UploadCatalogueRowsRequest(
        request_id=new_id(),
        region=REGION,
        version_id=version.version_id,
        chunk_number=1,
        items=[row, messages.CatalogueRow(level_type="9", channel="77", price_ceiling="x")],
    )
    answer = stub.UploadCatalogueRows(upload, timeout=CALL_SECONDS)
    assert (answer.stored, answer.refused) == (0, 2)
    told = [
        each for each in services.logged("item refused") if each["request_id"] == upload.request_id
    ]
    assert [each["item"] for each in told] == [1, 2]
    faulty = [[fault.field for fault in each.error.field_faults] for each in answer.results]
    assert faulty == [
        ["start_date", "name", "catalogue_class"],
        *(
            [
                "code",
                "start_date",
                "price_ceiling",
                "name",
                "catalogue_class",
                "level_type",
                "channel",
            ],
        ),
    ]
    for token in ("!", "AAAA"):
        asked = pb.ListCatalogueChangesRequest(region=REGION, layer=INSURANCE, page_token=token)
        refused = refusal_of(stub.ListCatalogueChanges, asked)
        assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    own_id, day = version.version_id, Date(year=2026, month=2, day=30)
    begins, lists = pb.BeginCatalogueVersionRequest, pb.ListCatalogueVersionsRequest
    beginning: list[dict[str, Any]] = [
        {"layer": 99, "start_date": SINCE},
        {"layer": 1, "start_date": day},
        {"layer": 1, "start_date": SINCE, "issuing_authority": 9},
        # Of ceilings it is told who issued them.
        {"layer": 4, "start_date": SINCE},
    ]
    listing: list[dict[str, Any]] = [
        *({"layer": 12}, {"state": 7}, {"page_token": "x"}, {"page_size": -1}),
    ]
    draft = pb.DiffCatalogueVersionRequest(region=REGION, version_id=own_id)
    malformed: list[tuple[Callable[..., object], object]] = [
        *(
            (stub.BeginCatalogueVersion, begins(request_id=new_id(), region=REGION, **told))
            for told in beginning
        ),
        *((stub.ListCatalogueVersions, lists(region=REGION, **told)) for told in listing),
        (
            stub.DiffCatalogueVersion,
            pb.DiffCatalogueVersionRequest(region=REGION, version_id=own_id, page_token="AAAA"),
        ),
        (
            stub.ListCatalogueRowFaults,
            pb.ListCatalogueRowFaultsRequest(region=REGION, version_id=own_id, page_token="A"),
        ),
        (
            stub.SubmitCatalogueVersion,
            pb.SubmitCatalogueVersionRequest(request_id=new_id(), region=REGION, version_id=own_id),
        ),
        (
            stub.RollBackCatalogueVersion,
            pb.RollBackCatalogueVersionRequest(
                request_id=new_id(), region=REGION, version_id=own_id, start_date=day
            ),
        ),
    ]
    codes = [refusal_of(method, sent).code for method, sent in malformed]
    assert codes == [grpc.StatusCode.INVALID_ARGUMENT] * len(malformed)
    assert refusal_of(stub.DiffCatalogueVersion, draft).code is grpc.StatusCode.FAILED_PRECONDITION
    unknown = pb.GetCatalogueVersionRequest(region=REGION, version_id=new_id())
    refused = refusal_of(stub.GetCatalogueVersion, unknown)
    assert refused.code is grpc.StatusCode.NOT_FOUND
    own = pb.GetCatalogueVersionRequest(region=REGION, version_id=version.version_id)
    hospital = versions(services, "hospital")
    refused = refusal_of(hospital.GetCatalogueVersion, own)
    assert refused.code is grpc.StatusCode.NOT_FOUND, f"{HOSPITAL} is told of no draft"

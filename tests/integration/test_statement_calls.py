"""GetStatement over the wire: three forms, the right callers, no trace of the name."""

from pathlib import Path
from typing import Any

import grpc
import pytest
from support.both_services import CALL_SECONDS, BothServices, Patient, outcome, refused
from support.settlement_world import REGION
from typer.testing import CliRunner, Result

from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1 import statement_pb2
from yibao_cli.main import app
from yibao_common.values.ids import new_id

NAME, NUMBER = "欧阳晓明", "110105209912310021"


@pytest.fixture
def request_of_one(services: BothServices, patient: Patient) -> pb.GetStatementRequest:
    """Returns the request of a settlement's statement, as values."""
    settle = services.settlements().SettleBill
    settled = settle(services.settle_request(patient), timeout=CALL_SECONDS).settlement
    return pb.GetStatementRequest(
        region=REGION,
        settlement_id=settled.settlement_id,
        form=statement_pb2.STATEMENT_FORM_STRUCTURED,
        person_name=NAME,
        certificate_number=NUMBER,
    )


def changed(request: pb.GetStatementRequest, **fields: Any) -> pb.GetStatementRequest:
    return pb.GetStatementRequest(
        **{**{field.name: value for field, value in request.ListFields()}, **fields}
    )


def test_a_statement_is_answered_as_values_page_and_paper(
    services: BothServices, request_of_one: pb.GetStatementRequest
) -> None:
    stub = services.settlements()
    answer = stub.GetStatement(request_of_one, timeout=CALL_SECONDS)
    statement = answer.statement
    parts = statement.parts
    assert parts.amount_fen == 1_050_000
    assert parts.amount_fen == (
        parts.eligible_fen + parts.first_self_pay_fen + parts.over_limit_fen + parts.excluded_fen
    )
    assert parts.amount_fen == statement.fund_total_fen + statement.personal_total_fen
    assert statement.personal_total_fen == statement.account_fen + statement.cash_fen
    assert statement.personal_total_fen == statement.inside_list_fen + statement.outside_list_fen
    assert statement.capitals.total == "壹万零伍佰元整"
    assert statement.sentences[0].sentence_id == "SUM1"
    assert statement.sentences[0].text_zh.startswith("这次一共花费10500.00元")
    page = stub.GetStatement(
        changed(request_of_one, form=statement_pb2.STATEMENT_FORM_HTML), timeout=CALL_SECONDS
    )
    assert page.html.startswith("<!DOCTYPE html>")
    assert NAME in page.html
    assert "10500.00" in page.html
    paper = stub.GetStatement(
        changed(request_of_one, form=statement_pb2.STATEMENT_FORM_PDF), timeout=CALL_SECONDS
    )
    assert paper.pdf.startswith(b"%PDF-")
    assert paper.WhichOneof("document") == "pdf"


def test_a_copy_shows_less_of_the_person(
    services: BothServices, request_of_one: pb.GetStatementRequest
) -> None:
    copy = changed(
        request_of_one,
        form=statement_pb2.STATEMENT_FORM_HTML,
        paper=statement_pb2.STATEMENT_PAPER_COPY,
        large_print=True,
    )
    html = services.settlements().GetStatement(copy, timeout=CALL_SECONDS).html
    assert NAME not in html
    assert NUMBER not in html
    assert "**晓明" in html
    assert 'class="large"' in html


def test_an_agency_may_print_and_another_hospital_may_not(
    services: BothServices, request_of_one: pb.GetStatementRequest
) -> None:
    answer = services.settlements("maker").GetStatement(request_of_one, timeout=CALL_SECONDS)
    assert answer.statement.settlement_id == request_of_one.settlement_id
    refusal = refused(services, services.settlements("other-hospital").GetStatement, request_of_one)
    assert outcome(refusal) == (grpc.StatusCode.NOT_FOUND, "SETTLEMENT_NOT_FOUND")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"form": 0}, "FIELD_REQUIRED"),
        ({"form": 9}, "FIELD_OUT_OF_RANGE"),
        ({"paper": 9}, "FIELD_OUT_OF_RANGE"),
        ({"person_name": "张\u202e三"}, "FIELD_MALFORMED"),
        ({"certificate_number": "1" * 31}, "FIELD_LENGTH"),
        ({"settlement_id": new_id()}, "SETTLEMENT_NOT_FOUND"),
        ({"region": "110000"}, "OUT_OF_SCOPE"),
    ],
)
def test_what_is_no_request_for_a_statement_is_refused(
    services: BothServices,
    request_of_one: pb.GetStatementRequest,
    fields: dict[str, Any],
    reason: str,
) -> None:
    asked = changed(request_of_one, **fields)
    # Agencies serve one region; an institution's is wherever it settled.
    refusal = refused(services, services.settlements("maker").GetStatement, asked)
    assert outcome(refusal)[1] == reason


def test_name_and_number_are_neither_stored_nor_logged(
    services: BothServices, request_of_one: pb.GetStatementRequest
) -> None:
    before = services.contents()
    services.settlements().GetStatement(request_of_one, timeout=CALL_SECONDS)
    after = services.contents()
    assert after == before
    for text in (NAME, NUMBER):
        assert text not in str(after)
        assert text not in services.lines.getvalue()


def printed(services: BothServices, settlement_id: str, file: Path, *options: str) -> Result:
    """Returns what `yibao statement` said when it wrote a file."""
    folder = services.files.folder
    return CliRunner().invoke(
        app,
        [
            *("statement", settlement_id, str(file), "--region", REGION),
            *("--address", f"localhost:{services.ports['settlement']}"),
            *("--ca", str(folder / "ca.pem"), "--cert", str(folder / "hospital.pem")),
            *("--key", str(folder / "hospital.key"), *options),
        ],
    )


@pytest.mark.parametrize(
    ("name", "options", "begin"),
    [
        ("a.pdf", ("--name", NAME), b"%PDF-"),
        ("a.HTML", ("--copy", "--large"), b"<!DOCTYPE html>"),
        ("a.json", (), b'{\n  "settlement_id"'),
    ],
)
def test_the_command_writes_the_form_that_the_file_is_named_for(
    services: BothServices,
    request_of_one: pb.GetStatementRequest,
    tmp_path: Path,
    name: str,
    options: tuple[str, ...],
    begin: bytes,
) -> None:
    file = tmp_path / name
    result = printed(services, request_of_one.settlement_id, file, *options)
    assert result.exit_code == 0, result.output
    assert file.read_bytes().startswith(begin)


def test_the_command_says_why_it_writes_nothing(
    services: BothServices, request_of_one: pb.GetStatementRequest, tmp_path: Path
) -> None:
    found = request_of_one.settlement_id
    assert printed(services, found, tmp_path / "a.doc").exit_code == 2
    assert printed(services, found, tmp_path / "nowhere" / "a.pdf").exit_code == 2
    assert printed(services, new_id(), tmp_path / "a.pdf").exit_code == 1
    assert list(tmp_path.iterdir()) == []

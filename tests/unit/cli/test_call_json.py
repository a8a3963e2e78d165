"""`yibao call`: methods by name, JSON in and out, refusals told in full."""

import io
import json

import grpc
import pytest
from rich.console import Console

from yibao.errors import FieldFault, Refusal
from yibao.settlement.v1.catalogue_service_pb2 import CatalogueItem, GetCatalogueItemResponse
from yibao_cli.call import (
    CallError,
    fill_request_id,
    find_method,
    methods,
    read_request,
    show_refusal,
    to_json,
)

GET_VISIT = "yibao.settlement.v1.VisitService/GetVisit"


@pytest.mark.parametrize(
    "name",
    [
        GET_VISIT,
        f"/{GET_VISIT}",
        "yibao.settlement.v1.VisitService.GetVisit",
        "VisitService/GetVisit",
        "GetVisit",
    ],
)
def test_a_method_is_found_by_the_end_of_its_name(name: str) -> None:
    assert find_method(name) is methods()[GET_VISIT]


def test_a_method_of_each_service_is_known() -> None:
    services = {name.split(".")[1] for name in methods()}
    # What is common is answered by each of them.
    assert services == {"identity", "settlement", "offsite", "common"}


@pytest.mark.parametrize("name", ["Visit", "etVisit", "GetVisitNothing", ""])
def test_an_unknown_method_is_answered_with_those_there_are(name: str) -> None:
    with pytest.raises(CallError, match=GET_VISIT):
        find_method(name)


def test_names_of_the_contract_and_of_json_are_both_taken() -> None:
    method = find_method("GetVisit")
    assert read_request(method, '{"visit_id": "a"}') == read_request(method, '{"visitId": "a"}')


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"visit": "a"}', '{"visit_id": 1}'])
def test_what_does_not_fit_is_answered_with_the_fields(text: str) -> None:
    with pytest.raises(CallError, match="GetVisitRequest has: region, visit_id"):
        read_request(find_method("GetVisit"), text)


def test_a_changing_request_gets_an_id_and_keeps_its_own() -> None:
    request = read_request(find_method("CreditAccount"), "{}")
    made = fill_request_id(request)
    assert len(made) == 36
    assert fill_request_id(request) == ""
    assert json.loads(to_json(request)) == {"request_id": made}
    assert fill_request_id(read_request(find_method("GetVisit"), "{}")) == ""


def test_an_answer_has_the_names_of_the_contract_and_chinese_as_it_is() -> None:
    answer = GetCatalogueItemResponse(item=CatalogueItem(item_name="血液化验"))
    assert '"item_name": "血液化验"' in to_json(answer)


def test_a_refusal_is_told_for_engineer_and_counter_field_by_field() -> None:
    err = Console(file=io.StringIO(), width=80)
    fault = FieldFault("bill.lines[0]", "ERROR_REASON_FIELD_REQUIRED", "is required", "缺少必填项")
    refusal = Refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        "ERROR_REASON_FIELDS_INVALID",
        "2 fields",
        "多项内容有误",
        {"limit": "[5]"},
        (fault,),
    )
    show_refusal(err, refusal)
    assert isinstance(err.file, io.StringIO)
    assert err.file.getvalue().splitlines() == [
        "ERROR_REASON_FIELDS_INVALID: 2 fields",
        "多项内容有误",
        "  bill.lines[0]: is required 缺少必填项 (ERROR_REASON_FIELD_REQUIRED)",
        "  limit = [5]",
    ]


def test_a_key_that_stands_twice_is_refused_at_any_depth() -> None:
    text = '{"item_code": "A1", "date": {"year": 2026, "month": 1, "year": 2027}}'
    with pytest.raises(CallError, match="the key year stands twice"):
        read_request(find_method("GetCatalogueItem"), text)

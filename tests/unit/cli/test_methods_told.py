"""`yibao call` tells of all methods and of each, without a service."""

import json

import pytest
from google.protobuf.descriptor import MethodDescriptor
from support.terminals import run, run_in_terminal

from yibao_cli.call import methods, read_request
from yibao_cli.contract_text import comment_of, field_comments, summary_of
from yibao_cli.example_request import example_of
from yibao_cli.method_pages import roles_of, short_names

GET_VISIT = "yibao.settlement.v1.VisitService/GetVisit"
EVERY = pytest.mark.parametrize("method", methods().values(), ids=lambda each: each.name)


@EVERY
def test_every_method_has_a_sentence_of_the_contract_and_callers(method: MethodDescriptor) -> None:
    assert summary_of(method).endswith(".")
    assert len(summary_of(method)) < len(comment_of(method)) or "." not in summary_of(method)[:-1]
    assert roles_of(method)


@EVERY
def test_an_example_of_every_request_is_one(method: MethodDescriptor) -> None:
    example = example_of(method.input_type, region="110000")
    request = read_request(method, json.dumps(example))
    if "region" in method.input_type.fields_by_name:
        assert example["region"] == "110000"
    assert "request_id" not in example
    required = {"region", "visit_id", "lines"} & set(method.input_type.fields_by_name)
    assert all(getattr(request, name) for name in required)


@EVERY
def test_every_field_of_a_request_has_its_comment(method: MethodDescriptor) -> None:
    assert all(field_comments(method.input_type).values())


def test_short_names_lead_to_their_methods() -> None:
    names = [name for name, _ in short_names()]
    assert len(set(names)) == len(methods())
    assert "GetVisit" in names


def test_all_methods_are_listed_with_a_line_each_and_who_may_call() -> None:
    ended = run("call", "--list")
    assert (ended.code, ended.err) == (0, "")
    lines = [line for line in ended.out.splitlines() if line.startswith("  ")]
    assert len(lines) == len(methods())
    (line,) = (each for each in lines if each.split()[0] == "GetVisit")
    summary = summary_of(methods()[GET_VISIT])
    assert line.split(maxsplit=1)[1] == f"{summary} [agency, institution, terminal]"
    entries = json.loads(run("call", "--list", "--json").out)["methods"]
    assert [each["method"] for each in entries] == list(methods())
    (entry,) = (each for each in entries if each["method"].endswith("/GetVisit"))
    assert entry == {
        "method": GET_VISIT,
        "services": ["settlement"],
        "summary": summary,
        "roles": ["agency", "institution", "terminal"],
        "request": "yibao.settlement.v1.GetVisitRequest",
        "answer": "yibao.settlement.v1.GetVisitResponse",
        "answers_more_than_once": False,
        "is_changing": False,
    }


@pytest.mark.parametrize("columns", [60, 90, 200])
def test_in_a_terminal_a_method_takes_the_rows_that_there_are(columns: int) -> None:
    shown = run_in_terminal("call", "--list", columns=columns).out.splitlines()
    rows = [line.strip("\r") for line in shown if "\x1b" not in line]
    assert max(len(row) for row in rows if "[" not in row) <= columns
    # Who may call is told whole, in a row of its own where there is no room.
    assert sum("[" in row and "]" in row for row in rows) == len(methods())


def test_a_method_tells_what_it_does_and_holds() -> None:
    ended = run("call", "GetVisit", "-h")
    assert (ended.code, ended.err) == (0, "")
    for part in (
        "yibao.settlement.v1.VisitService/GetVisit",
        "Reads one visit",
        "Callers: the institution of the visit, agency of the region.",
        "Reasons: VISIT_NOT_FOUND",
        "Roles: agency, institution, terminal",
        "region <string>  Required. The pooling region of the visit.",
        '"region": "500112"',
    ):
        assert part in ended.out
    page = json.loads(run("call", "GetVisit", "--help", "--json").out)
    assert page["fields"][0] == {
        "name": "region",
        "type": "string",
        "required": True,
        "comment": "The pooling region of the visit.",
    }
    assert run("call", "GetVisit", "--example").out == f"{json.dumps(page['example'], indent=2)}\n"
    other = run("call", "GetVisit", "--example", "--region", "110000")
    assert json.loads(other.out)["region"] == "110000"


@pytest.mark.parametrize("words", [("--list",), ("GetVisit", "-h")])
def test_a_terminal_of_a_few_columns_gets_what_it_asked_for(words: tuple[str, ...]) -> None:
    ended = run_in_terminal("call", *words, columns=10)
    assert (ended.code, "Traceback" in ended.out) == (0, False)


@pytest.mark.parametrize("words", [("-h",), ("--example",), ("--example", "--json")])
def test_a_method_that_there_is_not_is_told(words: tuple[str, ...]) -> None:
    ended = run("call", "GetNothingAtAll", *words)
    assert (ended.code, ended.out) == (2, "")
    assert "there is no method GetNothingAtAll" in ended.err

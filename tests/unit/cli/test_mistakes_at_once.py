"""All that is missing or wrong of a command line is told at once, with what is possible."""

import json

import pytest
from support.terminals import run


def test_all_that_is_missing_is_told_with_its_meaning() -> None:
    ended = run("call")
    assert (ended.code, ended.out) == (2, "")
    first, *lines = ended.err.splitlines()
    names = ["METHOD", "REQUEST", "--address", "--ca", "--cert", "--key"]
    assert first == f"yibao call: {', '.join(names[:-1])} and {names[-1]} are missing"
    assert [line.split()[0] for line in lines[: len(names)]] == names
    assert "[$YIBAO_CA_FILE]" in lines[3]
    assert lines[-2:] == ["A context has them together: yibao context -h", "See yibao call -h"]


def test_what_is_missing_and_what_is_wrong_are_told_together() -> None:
    words = ("review", "confirm", "r", "perhaps", "--region", "500112", "--address", "h:1")
    ended = run(*words, "--ca", "a", "--cert", "b")
    assert ended.code == 2
    assert ended.err.splitlines() == [
        "yibao review confirm: --key is missing",
        "  --key  PEM of your key. [$YIBAO_KEY_FILE]",
        "A context has them together: yibao context -h",
        "yibao review confirm: DECISION perhaps: expected one of confirm, reverse",
        "See yibao review confirm -h",
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("demo", "nothing"),
            "STORY nothing: expected one of bills, credentials, corrections, elsewhere",
        ),
        (("up", "--log-level", "x"), "--log-level x: expected one of debug, info, warning, error"),
        (("keys", "new", "--use", "x"), "--use x: expected one of tok, cred, status, trust"),
        (("policy", "list", "--state", "x"), "expected one of draft, active, ended, withdrawn"),
        (("review", "list", "--kind", "x"), "expected one of same_bill, lines_again, "),
        (("up", "--identity-port", "x"), "--identity-port x: "),
        (("up", "--identity-port", "65536"), "--identity-port 65536: "),
        (("doctor", "--nothing"), "No such option: --nothing"),
        (("doctor", "--confi", "x"), "--config"),
        (("doctor", "x"), "unexpected extra argument(s) (x)"),
        (("docter",), "Did you mean 'doctor'?"),
        (("docter",), "There are: up, clock, demo, call, "),
        (("policy", "lst"), "There are: check, show, diff, "),
        (("call", "GetVist", "{}"), "yibao.settlement.v1.VisitService/GetVisit"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_what_is_wrong_is_told_with_what_is_possible(words: tuple[str, ...], told: str) -> None:
    ended = run(*words)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert "Traceback" not in ended.err
    # Plain lines, in a pipe or elsewhere.
    assert not set("╭│\x1b") & set(ended.err)


def test_a_program_is_told_each_mistake_as_a_field() -> None:
    ended = run("policy", "list", "--state", "x", "--region", "500112", "--json")
    assert (ended.code, ended.out) == (2, "")
    error = json.loads(ended.err)["error"]
    assert (error["code"], error["reason"], error["exit_code"]) == ("USAGE", "", 2)
    assert [(each["field"], each["reason"]) for each in error["fields"]] == [
        ("--state", "WRONG"),
        ("--address", "MISSING"),
        ("--ca", "MISSING"),
        ("--cert", "MISSING"),
        ("--key", "MISSING"),
    ]
    assert json.loads(run("docter", "--json").err)["error"]["code"] == "USAGE"

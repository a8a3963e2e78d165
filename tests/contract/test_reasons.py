"""Reasons of refusal: one name and one meaning in proto, Python and comments."""

import ast
import functools
import re
from collections import defaultdict

import pytest
from support.contracts import ROOT, Rpc, reason_comments, rpcs

from yibao.common.v1 import error_reason_pb2
from yibao_common.values.reasons import Reason

# Below this number a reason may refuse any call, so no RPC names it.
FIRST_OF_ITS_OWN = 40
# What `RuleError` takes beside metadata.
OWN_ARGUMENTS = {"faults", "faults_total"}
# A word in capitals with an underscore is a reason; `QR_*` stands for all that begin so.
NAME = re.compile(r"\b([A-Z]+_[A-Z_]*)(\*)?")

REASON = re.compile(r"\bReason\.([A-Z_]+)")
METADATA = re.compile(r"[Mm]etadata:? ((?:`\w+`(?:, )?)+)")


def named_reasons(rpc: Rpc) -> set[str]:
    """Returns the reasons that the RPC's comment names, with an unknown name as it is."""
    found: set[str] = set()
    for name, is_open in NAME.findall(rpc.sentence("Reasons: ")):
        several = {reason.name for reason in Reason if reason.name.startswith(name)}
        found |= several if is_open else {name}
    return found


def documented_metadata(reason: Reason) -> set[str]:
    """Returns the keys in backticks that follow the word metadata in the comment."""
    found = METADATA.search(reason_comments()[reason.wire_name])
    return set(re.findall(r"\w+", found[1])) if found else set()


@functools.cache
def raised_metadata() -> dict[str, set[str]]:
    """Returns the metadata keys that the services give with each reason they raise."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in (ROOT / "services").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "RuleError" and node.args:
                keys = {keyword.arg for keyword in node.keywords if keyword.arg}
                for name in REASON.findall(ast.unparse(node.args[0])):
                    found[name] |= keys - OWN_ARGUMENTS
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "FieldFault":
                # Faults of fields carry no metadata.
                for name in REASON.findall(ast.unparse(node)):
                    found[name] |= set()
    return dict(found)


@functools.cache
def used_reasons() -> set[str]:
    """Returns the reasons that the code of the services mentions, besides their list."""
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "services").rglob("*.py")
        if path.name != "reasons.py"
    )
    return set(REASON.findall(code))


def test_python_and_proto_know_the_same_reasons() -> None:
    in_proto = {
        value.name: value.number
        for value in error_reason_pb2.DESCRIPTOR.enum_types_by_name["ErrorReason"].values
        if value.number
    }
    assert {reason.wire_name: reason.value for reason in Reason} == in_proto


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_the_comment_begins_with_the_grpc_code(reason: Reason) -> None:
    assert reason_comments()[reason.wire_name].startswith(f"{reason.code.name}. ")


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_the_comment_names_every_metadata_key_that_is_sent(reason: Reason) -> None:
    assert raised_metadata().get(reason.name, set()) <= documented_metadata(reason)


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_every_metadata_key_in_the_comment_is_sent(reason: Reason) -> None:
    # Some reasons are raised from a variable, so what is sent with them is not seen here.
    documented = documented_metadata(reason)
    assert documented <= raised_metadata().get(reason.name, documented)


@pytest.mark.parametrize("rpc", rpcs(), ids=lambda rpc: rpc.path)
def test_an_rpc_names_reasons_that_exist(rpc: Rpc) -> None:
    assert named_reasons(rpc) <= {reason.name for reason in Reason}


def test_every_reason_of_its_own_is_named_by_an_rpc() -> None:
    named = {name for rpc in rpcs() for name in named_reasons(rpc)}
    own = {reason.name for reason in Reason if reason.value >= FIRST_OF_ITS_OWN}
    assert own - named == set()


def test_every_reason_is_given_by_some_code() -> None:
    assert {reason.name for reason in Reason} - used_reasons() == set()


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_the_counter_is_told_in_chinese_and_without_numbers(reason: Reason) -> None:
    assert re.search("[\u4e00-\u9fff]", reason.message_zh)
    assert not re.search("[0-9%{}]", reason.message_zh)

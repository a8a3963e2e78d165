"""Reasons of refusal: one name and one meaning in proto, Python and comments."""

import ast
import functools
import re
from collections import defaultdict

import pytest
from support.contracts import (
    FIRST_OF_ITS_OWN,
    ROOT,
    Rpc,
    named_reasons,
    reason_comments,
    rpcs,
)

from yibao.common.v1 import error_reason_pb2
from yibao_common.values.reasons import Reason

# What `RuleError` takes beside metadata.
OWN_ARGUMENTS = {"faults", "faults_total"}

# What no clerk can do anything about.
FOR_ENGINEERS = {
    Reason.CALLER_UNKNOWN,
    Reason.CALLER_NOT_ALLOWED,
    Reason.MESSAGE_TOO_LARGE,
    Reason.DEADLINE_INVALID,
    Reason.FIELD_OUTPUT_ONLY,
    Reason.FIELD_UNKNOWN,
    Reason.TRUST_ROOT_NOT_FOUND,
    Reason.STATUS_LIST_NOT_FOUND,
    Reason.DEVICE_KEY_REFUSED,
    Reason.DEVICE_PROOF_INVALID,
    Reason.NOT_A_SANDBOX,
    Reason.SANDBOX_CLOCK_BACK,
}
# A clerk reads of none of these.
ENGINEERS_WORDS = (
    *("密钥", "私钥", "公钥", "签名", "证书", "接口", "报文", "字段", "数据库", "服务端", "调用"),
    *("请求编号", "信任", "超时", "令牌", "时钟", "挑战", "校验和", "内部错误", "持码人", "原卡"),
)
CHOSEN = {
    Reason.QR_STALE_TRUST: "扫码验证信息已过期，请联系信息部门，可改用社保卡",
    Reason.QR_UNKNOWN_KEY: "二维码无效，请刷新后重扫",
    Reason.QR_WRONG_AUDIENCE: "该二维码不适用于本业务，请重新出示",
    Reason.INTERNAL: "系统异常，请重新提交原业务",
    Reason.REQUEST_ID_REUSED: "交易流水号重复，内容不一致",
    Reason.POLICY_NO_MATCHING_ROW: "未找到适用的待遇标准",
    Reason.PERSON_NOT_ENROLLED: "参保人未在本统筹区正常参保",
    Reason.ORIGINAL_REQUIRED: "请出示社会保障卡原件",
}

REASON = re.compile(r"\bReason\.([A-Z_]+)")
METADATA = re.compile(r"[Mm]etadata:? ((?:`\w+`(?:, )?)+)")


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
def test_the_counter_is_told_a_sentence_in_chinese_or_a_code(reason: Reason) -> None:
    if reason in FOR_ENGINEERS:
        assert reason.message_zh == f"错误代码 E{reason.value:03d}"
    else:
        assert re.search("[\u4e00-\u9fff]", reason.message_zh)
        assert not re.search("[0-9A-Za-z%{}]", reason.message_zh)


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_the_counter_is_spoken_to_in_words_of_the_counter(reason: Reason) -> None:
    assert [word for word in ENGINEERS_WORDS if word in reason.message_zh] == []


@pytest.mark.parametrize(("reason", "message_zh"), CHOSEN.items(), ids=lambda each: str(each))
def test_what_a_clerk_is_told_often_is_as_it_was_agreed(reason: Reason, message_zh: str) -> None:
    assert reason.message_zh == message_zh

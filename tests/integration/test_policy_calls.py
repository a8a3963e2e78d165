"""Policies over gRPC: mistakes told by line and key, two operators, no overlap."""

from collections.abc import Callable

import grpc
import pytest
from support.benefit_doubts_text import CLEAR
from support.both_services import CALL_SECONDS, BothServices, outcome, refused
from support.policy_text import GOOD
from support.settlement_world import REGION

from yibao.settlement.v1 import policy_service_pb2 as pb
from yibao_common.rpc.wire import to_date
from yibao_common.values.ids import new_id
from yibao_settlement.files.policy.mistakes_zh import mistake_zh

INVALID = grpc.StatusCode.INVALID_ARGUMENT
FAILED = grpc.StatusCode.FAILED_PRECONDITION


def policy_file(*, policy_id: str, insurance_type: str, start: str, end: str = "") -> bytes:
    """Returns a policy file of the region; open-ended unless it ends."""
    text = GOOD.replace('"999001"', f'"{REGION}"').replace('"310"', f'"{insurance_type}"')
    text = text.replace("sample-2024", policy_id).replace("2024-01-01", start)
    return text.replace("end_date: 2024-12-31\n", f"end_date: {end}\n" if end else "").encode()


def submission(contents: bytes, *, region: str = REGION) -> pb.SubmitPolicyRequest:
    return pb.SubmitPolicyRequest(request_id=new_id(), region=region, policy_file=contents)


def approval(version: str) -> pb.ApprovePolicyRequest:
    return pb.ApprovePolicyRequest(request_id=new_id(), region=REGION, policy_version=version)


def put_in_force(services: BothServices, contents: bytes) -> pb.Policy:
    draft = services.policies().SubmitPolicy(submission(contents), timeout=CALL_SECONDS).policy
    assert draft.state == pb.POLICY_STATE_DRAFT
    approve = approval(draft.policy_version)
    return services.policies("checker").ApprovePolicy(approve, timeout=CALL_SECONDS).policy


# What is written in place of what, its key, and what its author is told.
_RATIO = (
    "ratio_ppm: 850_000",
    "ratio_ppm: 1_000_001",
    "steps[2].tiers.rows[0].brackets[1].ratio_ppm",
    "expected an integer from 0 to 1000000, got 1000001",
)
_AMOUNT = (
    "amount_fen: 50_000",
    "amount_fen: -1",
    "steps[1].deductible.rows[1].amount_fen",
    "expected an integer from 0 to 100000000000, got -1",
)
_CAP = (
    "cap_fen: 5_000_000",
    "cap_fen: 0",
    "steps[2].tiers.rows[0].cap_fen",
    "expected an integer from 1 to 100000000000, got 0",
)


def faults_told(services: BothServices, contents: bytes) -> dict[str, str]:
    """Returns the faults of a file that validating tells and submitting refuses alike."""
    stub = services.policies()
    found = stub.ValidatePolicy(
        pb.ValidatePolicyRequest(policy_file=contents), timeout=CALL_SECONDS
    )
    assert (found.policy_version, found.words_zh, list(found.warnings)) == ("", "", [])
    assert all(fault.message_zh == mistake_zh(fault.message) != "" for fault in found.faults)
    refusal = refused(services, stub.SubmitPolicy, submission(contents))
    assert outcome(refusal) == (INVALID, "POLICY_FILE_INVALID")
    assert [fault.message_zh for fault in refusal.field_faults] == [
        f"政策文件第{fault.line}行" + f"，{fault.key}" * bool(fault.key) + f"：{fault.message_zh}"
        for fault in found.faults
    ]
    told = {fault.field: fault.message for fault in refusal.field_faults}
    assert told == {
        f"policy_file:{fault.line} {fault.key}".rstrip(): fault.message for fault in found.faults
    }
    return told


@pytest.mark.parametrize("mistakes", [(_RATIO,), (_AMOUNT, _CAP), (_AMOUNT, _RATIO, _CAP)])
def test_a_faulty_file_is_refused_with_line_and_key_of_every_mistake(
    services: BothServices, mistakes: tuple[tuple[str, str, str, str], ...]
) -> None:
    text = GOOD
    for old, new, _, _ in mistakes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    lines = text.splitlines()
    assert faults_told(services, text.encode()) == {
        f"policy_file:{number} {key}": message
        for _, new, key, message in mistakes
        for number, line in enumerate(lines, start=1)
        if new in line
    }


@pytest.mark.parametrize("contents", [b"format: [", b"\xff\xfe", b"- 1"])
def test_a_file_that_is_no_policy_at_all_is_refused(
    services: BothServices, contents: bytes
) -> None:
    told = faults_told(services, contents)
    assert told
    assert all(place.startswith("policy_file:1") for place in told)


def test_mistakes_of_several_kinds_are_told_in_words_in_both_languages(
    services: BothServices,
) -> None:
    text = GOOD
    for old, new in (
        ("sample-2024", "Sample 2024"),
        ("by: [age, count.inpatient]", "by: [age, age, count.inpatient]"),
        ("subtract: [D1.paid]", "subtract: [D9.paid]"),
        ("- account:", "- accounts:"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    faults_told(services, text.encode())
    request = pb.ValidatePolicyRequest(policy_file=text.encode())
    found = services.policies().ValidatePolicy(request, timeout=CALL_SECONDS)
    told = {fault.key: fault.message_zh for fault in found.faults}
    known = "total, excluded, over_limit, prepay, eligible, D1.paid"
    assert told == {
        "policy_id": "应为：小写字母、数字、点和连字符组成的名称；现为：'Sample 2024'",
        "steps[1].deductible.by[1]": "'age' 重复",
        "steps[2].tiers.base.subtract[0]": f"应为以下之一：{known}；现为：'D9.paid'",
        "steps[3]": "应为以下步骤之一：classify, deductible, tiers, account；现为：键: 值 的结构",
    }


def test_a_refused_file_tells_the_first_mistakes_and_how_many_there_are(
    services: BothServices,
) -> None:
    """All of them, in two languages, would not fit into a header."""
    contents = (GOOD + "x:\n" + "".join(f"k{each}: 1\n" for each in range(300))).encode()
    refusal = refused(services, services.policies().SubmitPolicy, submission(contents))
    assert outcome(refusal) == (INVALID, "POLICY_FILE_INVALID")
    assert dict(refusal.metadata) == {"faults_total": "301"}
    assert 1 <= len(refusal.field_faults) < 301
    assert all("：此处没有这个键，可用：format" in each.message_zh for each in refusal.field_faults)
    assert refusal.message_zh == f"{refusal.field_faults[0].message_zh}（共301处）"


def test_a_mistake_whose_sentence_fills_a_header_is_refused_all_the_same(
    services: BothServices,
) -> None:
    """It names the 99 sources of the file, each by a name as long as it may be."""
    sources = "".join(f"  {'s' * 37}{each:03}: {{title: T}}\n" for each in range(99))
    text = GOOD.replace("sources:\n", f"sources:\n{sources}")
    contents = text.replace("source: page, clause: 第一条", "source: nobody, clause: x").encode()
    refusal = refused(services, services.policies().SubmitPolicy, submission(contents))
    assert outcome(refusal) == (INVALID, "POLICY_FILE_INVALID")
    assert "应为：sources 中列出的文件（" in refusal.message_zh
    (fault,) = refusal.field_faults
    assert fault.message_zh == refusal.message_zh
    # Clients begin to refuse headers at 8 KiB.
    assert (len(refusal.message), len(fault.message)) == (1_004, 1_004)


def test_every_mistake_reaches_the_caller_however_many_there_are(services: BothServices) -> None:
    """They would not fit into a header, by which a refusal tells its own."""
    bracket = "            - {over_fen: 1_000_000, ratio_ppm: 850_000}\n"
    assert GOOD.count(bracket) == 1
    wrong = "".join(bracket.replace("850_000", f"1_000_{each:03}") for each in range(1, 41))
    contents = GOOD.replace(bracket, wrong).encode()
    stub = services.policies()
    found = stub.ValidatePolicy(
        pb.ValidatePolicyRequest(policy_file=contents), timeout=CALL_SECONDS
    )
    told = [fault.message for fault in found.faults if fault.key.endswith("ratio_ppm")]
    assert len(told) == 40
    assert found.fault_count == len(found.faults)
    lines = [fault.line for fault in found.faults]
    assert lines == sorted(lines)


def test_a_file_of_nothing_but_mistakes_is_answered_in_one_message(services: BothServices) -> None:
    contents = (GOOD + "x:\n" + "".join(f"k{each}: 1\n" for each in range(40_000))).encode()
    request = pb.ValidatePolicyRequest(policy_file=contents)
    found = services.policies().ValidatePolicy(request, timeout=CALL_SECONDS)
    assert (found.fault_count, len(found.faults)) == (40_001, 5_000)


def test_long_sentences_about_many_mistakes_are_answered_in_one_message(
    services: BothServices,
) -> None:
    """Each names all sources of the file, in both languages."""
    sources = "".join(f"  {'s' * 30}{each}: {{title: T}}\n" for each in range(300))
    before, first, after = GOOD.partition("  - deductible:\n")
    step = first + after.partition("  - tiers:\n")[0].replace("source: page", "source: nobody")
    steps = "".join(step.replace("id: D1", f"id: E{each}") for each in range(400))
    contents = before.replace("sources:\n", f"sources:\n{sources}") + steps + first + after
    request = pb.ValidatePolicyRequest(policy_file=contents.encode())
    found = services.policies().ValidatePolicy(request, timeout=CALL_SECONDS)
    assert 0 < len(found.faults) < found.fault_count
    assert all(fault.message_zh == mistake_zh(fault.message) != "" for fault in found.faults)
    assert "sources 中列出的文件（" in found.faults[-1].message_zh


def test_validating_shows_the_policy_in_words_and_what_is_hardly_meant(
    services: BothServices,
) -> None:
    contents = GOOD.replace("ratio_ppm: 700_000", "ratio_ppm: 70").encode()
    found = services.policies().ValidatePolicy(
        pb.ValidatePolicyRequest(policy_file=contents), timeout=CALL_SECONDS
    )
    assert not found.faults
    assert "统筹基金" in found.words_zh
    assert "70 ppm is 0.007%; ratios are in millionths: 75 % is 750_000" in [
        warning.message for warning in found.warnings
    ]
    assert all(warning.line and warning.key and warning.message_zh for warning in found.warnings)


def benefit_file(*, policy_id: str, insurance_type: str) -> bytes:
    """Returns a file of `yibao-policy/2` of the region, with one warning of the kind W1."""
    text = CLEAR.replace('"999001"', f'"{REGION}"').replace('"310"', f'"{insurance_type}"')
    assert '"02": 30_000' in text
    return text.replace("sample-2024", policy_id).replace('"02": 30_000', '"02": 30').encode()


def test_a_file_of_the_second_format_is_told_in_both_languages_with_its_own_warnings(
    services: BothServices,
) -> None:
    contents = benefit_file(policy_id="second", insurance_type="310")
    found = services.policies().ValidatePolicy(
        pb.ValidatePolicyRequest(policy_file=contents), timeout=CALL_SECONDS
    )
    assert not found.faults
    assert "乙类先行自付 0.003%" in found.words_zh
    assert "class B first self-pay 0.003 %" in found.words_en
    assert [(each.kind, each.line > 0, each.key) for each in found.warnings] == [
        ("W1", True, "steps[0].classify.rows[0].shares.02")
    ]


def test_every_mistake_in_a_file_of_the_second_format_is_told(services: BothServices) -> None:
    text = benefit_file(policy_id="second", insurance_type="310").decode()
    assert text.count("limit: 3_000_000") == 1
    wrong = text.replace("limit: 3_000_000", "limit: -1")
    told = faults_told(services, wrong.replace('"01": 0', '"01": 1_000_001').encode())
    assert [place.partition(" ")[2] for place in told] == [
        "steps[0].classify.rows[0].shares.01",
        "counters.pool.rows[0].limit",
    ]


def test_a_file_of_no_known_format_is_told_which_there_are(services: BothServices) -> None:
    text = GOOD.replace("yibao-policy/1", "yibao-policy/3")
    assert faults_told(services, text.encode()) == {
        "policy_file:1 format": "expected one of yibao-policy/1, yibao-policy/2, "
        "got 'yibao-policy/3'"
    }


def test_a_file_of_the_second_format_comes_in_force(services: BothServices) -> None:
    contents = benefit_file(policy_id="second", insurance_type="315")
    draft = services.policies().SubmitPolicy(submission(contents), timeout=CALL_SECONDS).policy
    assert (draft.state, draft.policy_id) == (pb.POLICY_STATE_DRAFT, "second")
    checker = services.policies("checker")
    approved = checker.ApprovePolicy(approval(draft.policy_version), timeout=CALL_SECONDS).policy
    assert approved.state == pb.POLICY_STATE_ACTIVE
    request = pb.GetPolicyRequest(region=REGION, policy_version=draft.policy_version)
    answer = checker.GetPolicy(request, timeout=CALL_SECONDS)
    assert (answer.policy, answer.policy_file) == (approved, contents)


def test_validating_stores_nothing_and_names_the_version(services: BothServices) -> None:
    contents = policy_file(policy_id="checked", insurance_type="311", start="2026-01-01")
    before = services.contents()
    stub = services.policies()
    request = pb.ValidatePolicyRequest(policy_file=contents)
    version = stub.ValidatePolicy(request, timeout=CALL_SECONDS).policy_version
    assert services.contents() == before
    submitted = stub.SubmitPolicy(submission(contents), timeout=CALL_SECONDS).policy
    assert submitted.policy_version == version


def test_the_file_of_another_region_is_out_of_scope(services: BothServices) -> None:
    refusal = refused(services, services.policies().SubmitPolicy, submission(GOOD.encode()))
    assert outcome(refusal) == (grpc.StatusCode.PERMISSION_DENIED, "OUT_OF_SCOPE")
    assert dict(refusal.metadata) == {"scope": "region/999001"}


def test_who_submits_does_not_approve_and_nobody_approves_twice(services: BothServices) -> None:
    contents = policy_file(policy_id="twice", insurance_type="312", start="2026-01-01")
    maker, checker = services.policies(), services.policies("checker")
    draft = maker.SubmitPolicy(submission(contents), timeout=CALL_SECONDS).policy
    own = refused(services, maker.ApprovePolicy, approval(draft.policy_version))
    assert outcome(own) == (FAILED, "SAME_MAKER_AND_CHECKER")

    request = approval(draft.policy_version)
    active = checker.ApprovePolicy(request, timeout=CALL_SECONDS).policy
    assert (active.state, active.maker, active.checker) == (
        pb.POLICY_STATE_ACTIVE,
        f"agency/{REGION}/maker",
        f"agency/{REGION}/checker",
    )
    # The same request gets its answer; another one comes too late.
    assert checker.ApprovePolicy(request, timeout=CALL_SECONDS).policy == active
    late = refused(services, checker.ApprovePolicy, approval(draft.policy_version))
    assert outcome(late) == (FAILED, "POLICY_STATE")
    assert dict(late.metadata) == {"state": str(pb.POLICY_STATE_ACTIVE)}
    # The same contents are the same policy, whatever its state.
    again = maker.SubmitPolicy(submission(contents), timeout=CALL_SECONDS).policy
    assert again == active


def test_days_that_a_policy_decides_are_not_decided_by_another(services: BothServices) -> None:
    first = put_in_force(
        services,
        policy_file(policy_id="first", insurance_type="313", start="2026-01-01", end="2026-06-30"),
    )
    maker, checker = services.policies(), services.policies("checker")
    for name, start, end in (
        ("last-day", "2026-06-30", "2026-12-31"),
        ("first-day", "2025-07-01", "2026-01-01"),
        ("around", "2025-01-01", "2027-12-31"),
        ("open", "2026-03-01", ""),
    ):
        contents = policy_file(policy_id=name, insurance_type="313", start=start, end=end)
        draft = maker.SubmitPolicy(submission(contents), timeout=CALL_SECONDS).policy
        refusal = refused(services, checker.ApprovePolicy, approval(draft.policy_version))
        assert outcome(refusal) == (FAILED, "POLICY_OVERLAP"), name
        assert dict(refusal.metadata) == {"policy_version": first.policy_version}
    following = put_in_force(
        services, policy_file(policy_id="following", insurance_type="313", start="2026-07-01")
    )
    assert not following.HasField("end_date")
    # An open-ended predecessor ends the day before.
    put_in_force(services, policy_file(policy_id="next", insurance_type="313", start="2027-01-01"))
    read = pb.GetPolicyRequest(region=REGION, policy_version=following.policy_version)
    ended = maker.GetPolicy(read, timeout=CALL_SECONDS).policy
    assert to_date(ended.end_date).isoformat() == "2026-12-31"


def test_a_policy_is_read_with_its_file(services: BothServices) -> None:
    contents = policy_file(policy_id="read", insurance_type="314", start="2026-01-01")
    draft = services.policies().SubmitPolicy(submission(contents), timeout=CALL_SECONDS).policy
    request = pb.GetPolicyRequest(region=REGION, policy_version=draft.policy_version)
    answer = services.policies("checker").GetPolicy(request, timeout=CALL_SECONDS)
    assert (answer.policy, answer.policy_file) == (draft, contents)


@pytest.mark.parametrize(
    "call",
    [
        lambda services, version: (
            services.policies().GetPolicy,
            pb.GetPolicyRequest(region=REGION, policy_version=version),
        ),
        lambda services, version: (services.policies("checker").ApprovePolicy, approval(version)),
    ],
    ids=["read", "approve"],
)
def test_a_version_that_nobody_submitted_is_not_found(
    services: BothServices,
    call: Callable[[BothServices, str], tuple[Callable[..., object], object]],
) -> None:
    version = "0" * 64
    refusal = refused(services, *call(services, version))
    assert outcome(refusal) == (grpc.StatusCode.NOT_FOUND, "POLICY_VERSION_UNKNOWN")
    assert dict(refusal.metadata) == {"policy_version": version}

"""Policies listed, told in words, compared and withdrawn, over gRPC."""

import datetime as dt
import random
from collections.abc import Callable

import grpc
import pytest
from google.protobuf.message import Message
from support.benefit_doubts_text import CLEAR
from support.both_services import CALL_SECONDS, BothServices, outcome, refused
from support.policy_text import GOOD
from support.settlement_world import REGION

from yibao.common.v1.date_pb2 import Date
from yibao.errors import error_of
from yibao.settlement.v1 import policy_service_pb2 as pb
from yibao_common.rpc.wire import from_date, to_date
from yibao_common.values.ids import new_id

INVALID = grpc.StatusCode.INVALID_ARGUMENT
FAILED = grpc.StatusCode.FAILED_PRECONDITION
# Known states, and what is none.
_STATES = [pb.PolicyState.ValueType(number) for number in (0, 1, 2, 3, 4, 5, -1)]
NEXT_YEAR, LATER = "2031-01-01", "2032-01-01"


def policy_file(*, insurance_type: str, start: str, name: str = "sample") -> bytes:
    """Returns an open-ended policy file of `yibao-policy/1`."""
    text = GOOD.replace('"999001"', f'"{REGION}"').replace('"310"', f'"{insurance_type}"')
    text = text.replace("sample-2024", name).replace("2024-01-01", start)
    return text.replace("end_date: 2024-12-31\n", "").encode()


def benefit_file(*, insurance_type: str, start: str = "2024-01-01") -> bytes:
    text = CLEAR.replace('"999001"', f'"{REGION}"').replace('"310"', f'"{insurance_type}"')
    return text.replace("start_date: 2024-01-01", f"start_date: {start}").encode()


def submit(services: BothServices, contents: bytes) -> pb.Policy:
    request = pb.SubmitPolicyRequest(request_id=new_id(), region=REGION, policy_file=contents)
    return services.policies().SubmitPolicy(request, timeout=CALL_SECONDS).policy


def approve(services: BothServices, version: str) -> pb.Policy:
    request = pb.ApprovePolicyRequest(request_id=new_id(), region=REGION, policy_version=version)
    return services.policies("checker").ApprovePolicy(request, timeout=CALL_SECONDS).policy


def withdrawal(version: str) -> pb.WithdrawPolicyRequest:
    return pb.WithdrawPolicyRequest(request_id=new_id(), region=REGION, policy_version=version)


def listed(
    services: BothServices,
    kind: str,
    state: pb.PolicyState.ValueType = pb.POLICY_STATE_UNSPECIFIED,
    date: Date | None = None,
) -> list[str]:
    """Returns the names of the policies of an insurance type that are listed."""
    request = pb.ListPoliciesRequest(region=REGION, insurance_type=kind, state=state, date=date)
    answer = services.policies("checker").ListPolicies(request, timeout=CALL_SECONDS)
    assert not answer.next_page_token
    return [each.policy_id for each in answer.policies]


def test_policies_are_listed_by_state_and_day_as_of_today(services: BothServices) -> None:
    kind = "321"
    old = policy_file(insurance_type=kind, start="2020-01-01", name="old")
    for contents in (
        old,
        policy_file(insurance_type=kind, start="2021-01-01", name="now"),
        policy_file(insurance_type=kind, start=NEXT_YEAR, name="next"),
    ):
        approve(services, submit(services, contents).policy_version)
    submit(services, policy_file(insurance_type=kind, start=LATER, name="draft"))
    taken = submit(services, policy_file(insurance_type=kind, start=LATER, name="taken"))
    services.policies().WithdrawPolicy(withdrawal(taken.policy_version), timeout=CALL_SECONDS)

    assert listed(services, kind)[2:] == ["next", "now", "old"]
    for state, names in (
        (pb.POLICY_STATE_DRAFT, ["draft"]),
        (pb.POLICY_STATE_ACTIVE, ["next", "now"]),
        (pb.POLICY_STATE_ENDED, ["old"]),
        (pb.POLICY_STATE_WITHDRAWN, ["taken"]),
    ):
        assert listed(services, kind, state) == names
    for day, names in (("2020-12-31", ["old"]), ("2021-01-01", ["now"])):
        date = from_date(dt.date.fromisoformat(day))
        assert listed(services, kind, date=date) == names
    # What is read tells the same state as the list; the contents alone do not.
    version = submit(services, old).policy_version
    read = pb.GetPolicyRequest(region=REGION, policy_version=version)
    found = services.policies().GetPolicy(read, timeout=CALL_SECONDS).policy
    assert found.state == pb.POLICY_STATE_ENDED


def test_institutions_read_what_was_approved(services: BothServices) -> None:
    kind, stub = "328", services.policies("hospital")
    approved, draft, taken = (
        submit(services, policy_file(insurance_type=kind, start=start, name=name)).policy_version
        for start, name in (("2026-01-01", "now"), (LATER, "draft"), (LATER, "taken"))
    )
    approve(services, approved)
    services.policies().WithdrawPolicy(withdrawal(taken), timeout=CALL_SECONDS)
    for states in (pb.POLICY_STATE_UNSPECIFIED, pb.POLICY_STATE_DRAFT, pb.POLICY_STATE_WITHDRAWN):
        listing = pb.ListPoliciesRequest(region=REGION, insurance_type=kind, state=states)
        found = [
            each.policy_id for each in stub.ListPolicies(listing, timeout=CALL_SECONDS).policies
        ]
        assert found == (["now"] if states == pb.POLICY_STATE_UNSPECIFIED else [])
    agency = services.policies()
    for version in (draft, taken):
        read = pb.GetPolicyRequest(region=REGION, policy_version=version)
        told = pb.DescribePolicyRequest(region=REGION, policy_version=version)
        compared = pb.DiffPoliciesRequest(
            region=REGION, before_policy_version=approved, after_policy_version=version
        )
        for method, asked in (
            (stub.GetPolicy, read),
            (stub.DescribePolicy, told),
            (stub.DiffPolicies, compared),
        ):
            assert outcome(refused(services, method, asked))[1] == "POLICY_VERSION_UNKNOWN"
        assert agency.GetPolicy(read, timeout=CALL_SECONDS).policy.policy_version == version
        assert agency.DescribePolicy(told, timeout=CALL_SECONDS).words_zh
        agency.DiffPolicies(compared, timeout=CALL_SECONDS)
    read = pb.GetPolicyRequest(region=REGION, policy_version=approved)
    assert stub.GetPolicy(read, timeout=CALL_SECONDS).policy.policy_id == "now"


def test_a_list_goes_on_where_its_page_ended(services: BothServices) -> None:
    kind, stub = "322", services.policies()
    versions = [
        submit(
            services, policy_file(insurance_type=kind, start="2026-01-01", name=f"p{number}")
        ).policy_version
        for number in range(5)
    ]
    found: list[str] = []
    request = pb.ListPoliciesRequest(region=REGION, insurance_type=kind, page_size=2)
    while True:
        page = stub.ListPolicies(request, timeout=CALL_SECONDS)
        found += [each.policy_version for each in page.policies]
        if not page.next_page_token:
            break
        assert len(page.policies) == 2
        request.page_token = page.next_page_token
    assert found == sorted(versions, reverse=True)
    request.page_token = "bm8"
    assert outcome(refused(services, stub.ListPolicies, request)) == (INVALID, "FIELD_MALFORMED")


@pytest.mark.parametrize(
    ("contents", "zh", "en"),
    [
        (
            policy_file(insurance_type="323", start="2026-01-01"),
            "D1 起付线：年龄 60 岁及以上，500.00 元，全年累计不超过 2000.00 元。",
            "D1 Deductible: age 60 and more: 500.00, at most 2000.00 a year.",
        ),
        (
            benefit_file(insurance_type="323"),
            "S1：甲类先行自付 0%，乙类先行自付 3%，丙类自费。",
            "S1: class A first self-pay 0 %, class B first self-pay 3 %, class C own cost.",
        ),
    ],
)
def test_a_stored_policy_is_told_in_both_languages(
    services: BothServices, contents: bytes, zh: str, en: str
) -> None:
    version = submit(services, contents).policy_version
    request = pb.DescribePolicyRequest(region=REGION, policy_version=version)
    told = services.policies("checker").DescribePolicy(request, timeout=CALL_SECONDS)
    assert told.policy.policy_version == version
    assert (zh, en) in [(row.text_zh, row.text_en) for row in told.rows]
    assert en in told.words_en.splitlines()
    assert told.words_zh


def test_two_versions_are_compared_row_by_row(services: BothServices) -> None:
    before = policy_file(insurance_type="324", start="2026-01-01")
    after = before.replace(b"2026-01-01", b"2027-01-01").replace(
        b"amount_fen: 50_000", b"amount_fen: 60_000"
    )
    versions = [submit(services, each).policy_version for each in (before, after)]
    request = pb.DiffPoliciesRequest(
        region=REGION, before_policy_version=versions[0], after_policy_version=versions[1]
    )
    found = services.policies().DiffPolicies(request, timeout=CALL_SECONDS).differences
    assert [(each.change, each.after.owner, each.after.text_en) for each in found] == [
        (pb.POLICY_CHANGE_CHANGED, "", "For service dates from 2027-01-01 on"),
        (
            pb.POLICY_CHANGE_CHANGED,
            "D1",
            "D1 Deductible: age 60 and more: 600.00, at most 2000.00 a year.",
        ),
    ]
    assert found[1].before.text_zh.count("500.00 元") == 1
    # Of the other format nothing of the steps is alike, and that is told too.
    other = submit(services, benefit_file(insurance_type="324")).policy_version
    request.after_policy_version = other
    across = services.policies().DiffPolicies(request, timeout=CALL_SECONDS).differences
    removed = {each.before.owner for each in across if each.change == pb.POLICY_CHANGE_REMOVED}
    added = {each.after.owner for each in across if each.change == pb.POLICY_CHANGE_ADDED}
    assert "pool" in added
    assert removed


def test_a_withdrawn_draft_may_be_submitted_again(services: BothServices) -> None:
    contents = policy_file(insurance_type="325", start=NEXT_YEAR)
    draft, stub = submit(services, contents), services.policies("checker")
    request = withdrawal(draft.policy_version)
    answer = stub.WithdrawPolicy(request, timeout=CALL_SECONDS)
    assert (answer.policy.state, answer.policy.withdrawer) == (
        pb.POLICY_STATE_WITHDRAWN,
        f"agency/{REGION}/checker",
    )
    assert stub.WithdrawPolicy(request, timeout=CALL_SECONDS) == answer
    late = refused(services, stub.WithdrawPolicy, withdrawal(draft.policy_version))
    assert (outcome(late), dict(late.metadata)) == ((FAILED, "POLICY_STATE"), {"state": "3"})
    approval = pb.ApprovePolicyRequest(
        request_id=new_id(), region=REGION, policy_version=draft.policy_version
    )
    assert outcome(refused(services, stub.ApprovePolicy, approval)) == (FAILED, "POLICY_STATE")
    again = submit(services, contents)
    assert (again.state, again.withdrawer) == (pb.POLICY_STATE_DRAFT, "")
    assert approve(services, draft.policy_version).state == pb.POLICY_STATE_ACTIVE


def test_what_an_approval_ended_goes_on_when_it_is_withdrawn(services: BothServices) -> None:
    kind = "326"
    first, second, third = (
        approve(services, submit(services, contents).policy_version)
        for contents in (
            policy_file(insurance_type=kind, start="2026-01-01", name="first"),
            policy_file(insurance_type=kind, start=NEXT_YEAR, name="second"),
            policy_file(insurance_type=kind, start=LATER, name="third"),
        )
    )
    maker, checker = services.policies(), services.policies("checker")
    own = refused(services, checker.WithdrawPolicy, withdrawal(second.policy_version))
    assert outcome(own) == (FAILED, "SAME_MAKER_AND_CHECKER")
    begun = refused(services, maker.WithdrawPolicy, withdrawal(first.policy_version))
    assert outcome(begun) == (FAILED, "POLICY_STATE")
    # The second was ended by the third, so the first decides its days and no later ones.
    answer = maker.WithdrawPolicy(withdrawal(second.policy_version), timeout=CALL_SECONDS)
    assert [(each.policy_id, to_date(each.end_date)) for each in answer.reopened] == [
        ("first", dt.date(2031, 12, 31))
    ]
    answer = maker.WithdrawPolicy(withdrawal(third.policy_version), timeout=CALL_SECONDS)
    assert [(each.policy_id, each.HasField("end_date")) for each in answer.reopened] == [
        ("first", False)
    ]


def test_no_policies_of_other_regions_are_told(services: BothServices) -> None:
    stub, version = services.policies(), "0" * 64
    other = "110000"
    for call, request in (
        (stub.ListPolicies, pb.ListPoliciesRequest(region=other)),
        (stub.DescribePolicy, pb.DescribePolicyRequest(region=other, policy_version=version)),
        (
            stub.DiffPolicies,
            pb.DiffPoliciesRequest(
                region=other, before_policy_version=version, after_policy_version=version
            ),
        ),
    ):
        refusal = refused(services, call, request)
        assert outcome(refusal) == (grpc.StatusCode.PERMISSION_DENIED, "OUT_OF_SCOPE")


def test_whatever_is_asked_of_policies_is_answered_or_refused_with_a_reason(
    services: BothServices,
) -> None:
    """A few hundred made-up requests; a failure prints its seed."""
    seed = random.randrange(2**32)
    chance, stub = random.Random(seed), services.policies()
    stored = submit(services, policy_file(insurance_type="327", start=NEXT_YEAR)).policy_version
    versions = [stored, "0" * 64, "", "z" * 64, stored.upper(), stored[:63]]
    texts = ["", "310", "3100", "三", "\x00", "%", "x" * 300]
    for _ in range(150):
        region = chance.choice([REGION, REGION, "", "1"])
        version, other, text = (
            chance.choice(versions),
            chance.choice(versions),
            chance.choice(texts),
        )
        calls: list[tuple[Callable[..., object], Message]] = [
            (
                stub.ListPolicies,
                pb.ListPoliciesRequest(
                    region=region,
                    insurance_type=text,
                    state=chance.choice(_STATES),
                    page_size=chance.choice([0, 1, -1, 2**31 - 1]),
                    page_token=chance.choice(texts),
                ),
            ),
            (
                stub.DescribePolicy,
                pb.DescribePolicyRequest(region=region, policy_version=version),
            ),
            (
                stub.DiffPolicies,
                pb.DiffPoliciesRequest(
                    region=region, before_policy_version=version, after_policy_version=other
                ),
            ),
            (
                stub.WithdrawPolicy,
                pb.WithdrawPolicyRequest(
                    request_id=chance.choice([new_id(), text]),
                    region=region,
                    policy_version=version,
                ),
            ),
        ]
        call, request = chance.choice(calls)
        try:
            call(request, timeout=CALL_SECONDS)
        except grpc.RpcError as error:
            reason = error_of(error).reason
            assert reason not in ("", "ERROR_REASON_INTERNAL"), (seed, request)

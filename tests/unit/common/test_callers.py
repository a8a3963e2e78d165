import contextvars

import pytest

from yibao_common.rpc.callers import acting_as, current_caller
from yibao_common.values.caller import (
    Caller,
    Role,
    are_two_operators,
    caller_of_uri,
    is_same_operator,
    parse_caller,
)
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

CERTIFICATE = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e"


@pytest.mark.parametrize(
    ("path", "caller"),
    [
        (
            "institution/H50011200001",
            Caller(
                Role.INSTITUTION,
                "H50011200001",
                "institution/H50011200001",
                institution_id="H50011200001",
            ),
        ),
        (
            "terminal/P50011200001/T-7",
            Caller(
                Role.TERMINAL,
                "T-7",
                "terminal/P50011200001/T-7",
                institution_id="P50011200001",
            ),
        ),
        (
            "agency/500100/wang",
            Caller(Role.AGENCY, "500100", "agency/500100/wang", "wang", "500100"),
        ),
        (
            "bank/500100/icbc/li",
            Caller(Role.BANK, "icbc", "bank/500100/icbc/li", "li", "500100"),
        ),
        (
            "supervisor/500100/zhao",
            Caller(Role.SUPERVISOR, "500100", "supervisor/500100/zhao", "zhao", "500100"),
        ),
        (
            "supervisor/50/zhao",
            Caller(Role.SUPERVISOR, "50", "supervisor/50/zhao", "zhao", "50"),
        ),
        ("province/50", Caller(Role.PROVINCE, "50", "province/50", region="50")),
        ("province/500000", Caller(Role.PROVINCE, "500000", "province/500000", region="500000")),
        (f"holder/{CERTIFICATE}", Caller(Role.HOLDER, CERTIFICATE, f"holder/{CERTIFICATE}")),
        ("channel/alipay", Caller(Role.CHANNEL, "alipay", "channel/alipay")),
        ("service/settlement", Caller(Role.SERVICE, "settlement", "service/settlement")),
    ],
)
def test_a_certificate_path_names_a_caller(path: str, caller: Caller) -> None:
    assert parse_caller(path) == caller
    assert caller_of_uri(f"spiffe://yibao.dev/{path}", trust_domain="yibao.dev") == caller


@pytest.mark.parametrize(
    "path",
    [
        "",
        "institution",
        "institution/",
        "institution/X50011200001",
        "institution/H5001120000",
        "institution/H500112000011",
        "institution/H50011200001/",
        "institution/H50011200001/more",
        "institution/H50011200001\n",
        "terminal/H50011200001",
        "agency/500100",
        "agency/50010/wang",
        "agency/500100/",
        "agency/500100/wang/li",
        "agency/500100/wáng",
        "bank/icbc",
        "bank/500100/icbc",
        "bank/500100/icbc/",
        "supervisor/500100",
        "supervisor/5001/zhao",
        "province/5",
        "province/5001",
        "holder/someone",
        "channel/",
        "service/../settlement",
        "doctor/1",
        "INSTITUTION/H50011200001",
    ],
)
def test_any_other_path_names_nobody(path: str) -> None:
    with pytest.raises(RuleError) as refusal:
        parse_caller(path)
    assert refusal.value.reason is Reason.CALLER_UNKNOWN


@pytest.mark.parametrize(
    "uri",
    [
        "spiffe://elsewhere/service/settlement",
        "spiffe://yibao.dev.evil/service/settlement",
        "https://yibao.dev/service/settlement",
        "spiffe://yibao.dev",
        "service/settlement",
    ],
)
def test_another_trust_domain_names_nobody(uri: str) -> None:
    with pytest.raises(RuleError) as refusal:
        caller_of_uri(uri, trust_domain="yibao.dev")
    assert refusal.value.reason is Reason.CALLER_UNKNOWN


@pytest.mark.parametrize(
    ("path", "region", "allowed"),
    [
        ("agency/500100/wang", "500100", True),
        ("agency/500100/wang", "500101", False),
        ("bank/500100/icbc/li", "500100", True),
        ("bank/500100/icbc/li", "500101", False),
        ("supervisor/500100/zhao", "500100", True),
        ("supervisor/500100/zhao", "500101", False),
        ("supervisor/50/zhao", "500100", True),
        ("supervisor/50/zhao", "510100", False),
        ("province/50", "500100", True),
        ("province/50", "510100", False),
        ("province/500000", "500100", True),
        ("province/500000", "510100", False),
        ("institution/H50011200001", "510100", True),
        ("service/settlement", "510100", True),
        ("channel/alipay", "510100", True),
    ],
)
def test_a_region_binds_whoever_is_of_one(path: str, region: str, allowed: bool) -> None:
    caller = parse_caller(path)
    if allowed:
        caller.require_region(region)
        return
    with pytest.raises(RuleError) as refusal:
        caller.require_region(region)
    assert refusal.value.reason is Reason.OUT_OF_SCOPE
    assert refusal.value.metadata == {"scope": f"region/{region}"}


def test_a_holder_acts_for_one_certificate() -> None:
    parse_caller(f"holder/{CERTIFICATE}").require_certificate(CERTIFICATE)
    parse_caller("channel/alipay").require_certificate(CERTIFICATE)
    with pytest.raises(RuleError) as refusal:
        parse_caller(f"holder/{CERTIFICATE}").require_certificate(CERTIFICATE.replace("e", "f"))
    assert refusal.value.reason is Reason.OUT_OF_SCOPE


@pytest.mark.parametrize(
    ("path", "institution_id", "allowed"),
    [
        ("institution/H50011200001", "H50011200001", True),
        ("institution/H50011200001", "H50011200002", False),
        ("institution/H50011200001", "", False),
        ("terminal/H50011200001/T1", "H50011200001", True),
        ("terminal/H50011200001/T1", "H50011200002", False),
        ("agency/500100/wang", "H50011200002", True),
        ("agency/500100/wang", "", True),
    ],
)
def test_an_institution_asks_for_its_own(path: str, institution_id: str, allowed: bool) -> None:
    caller = parse_caller(path)
    if allowed:
        caller.require_institution(institution_id)
        return
    with pytest.raises(RuleError) as refusal:
        caller.require_institution(institution_id)
    assert refusal.value.reason is Reason.OUT_OF_SCOPE


def test_only_institutions_and_terminals_have_an_institution_of_their_own() -> None:
    assert parse_caller("terminal/H50011200001/T1").own_institution() == "H50011200001"
    with pytest.raises(RuleError) as refusal:
        parse_caller("agency/500100/wang").own_institution()
    assert refusal.value.reason is Reason.OUT_OF_SCOPE


def test_the_current_caller_is_that_of_the_call() -> None:
    outer, inner = parse_caller("channel/alipay"), parse_caller("service/settlement")
    with acting_as(outer):
        with acting_as(inner):
            assert current_caller() is inner
        assert current_caller() is outer
    # In a context of its own, as each call has: tests that pass the gate set one here.
    with pytest.raises(AssertionError):
        contextvars.Context().run(current_caller)


@pytest.mark.parametrize(
    ("path", "other", "is_same"),
    [
        ("agency/330100/wang", "agency/330100/wang", True),
        ("agency/330100/wang", "agency/330100/WanG", True),
        ("agency/330100/wang", "agency/330100/wang.2", False),
        ("agency/330100/wang", "agency/500100/wang", False),
        ("agency/330100/wang", "", False),
    ],
)
def test_names_that_differ_in_case_alone_are_of_one_operator(
    path: str, other: str, is_same: bool
) -> None:
    assert is_same_operator(path, other) is is_same
    assert is_same_operator(other, path) is is_same
    assert are_two_operators(path, other) is not is_same
    assert not are_two_operators(path, None)

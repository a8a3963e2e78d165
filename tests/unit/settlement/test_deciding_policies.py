"""What application decides of policies, without a database."""

import datetime as dt
import json

import pytest
from support.memory.settlement.work import REGION, MemoryWork, request
from support.policies import classify, head, policy_data

from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.policy import (
    NAMED_MAX,
    Approved,
    ApprovePolicy,
    Policies,
    SubmitPolicy,
    WithdrawPolicy,
)
from yibao_settlement.files.policy.file import load_policy
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.policy.version import PolicyState, PolicyVersion

NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
ACTIVE, DRAFT = PolicyState.ACTIVE, PolicyState.DRAFT


class Desk:
    def __init__(self) -> None:
        self.kept = MemoryWork()
        self.policies = Policies(self.kept, clock=lambda: NOW)

    def submit(self, request_id: str, start: str, end: str = "", **more: str) -> str:
        """Submits a policy and returns its version."""
        days = {"start_date": start, **({"end_date": end} if end else {})}
        data = policy_data(classify(), **{"region": REGION, **days, **more})
        contents = json.dumps(data, ensure_ascii=False).encode()
        policy = load_policy(contents, name="policy_file")
        asked = request("SubmitPolicy", request_id)
        answer = self.policies.submit(SubmitPolicy(asked, policy, contents), told)
        assert answer.endswith(policy.version.encode())
        return policy.version

    def approve(self, request_id: str, version: str, *, operator: str = "checker") -> bytes:
        asked = request("ApprovePolicy", request_id, operator=operator)
        return self.policies.approve(ApprovePolicy(asked, version), told_with_bills)

    def refused(self, version: str, *, operator: str = "checker") -> Reason:
        """Returns why an approval is refused; nothing of it is left."""
        rows, epoch, records = dict(self.kept.policies.rows), self.kept.epoch, len(self.records())
        with pytest.raises(RuleError) as raised:
            self.approve("refused", version, operator=operator)
        assert self.kept.policies.rows == rows
        assert (self.kept.epoch, len(self.records())) == (epoch, records)
        return raised.value.reason

    def stored(self, version: str) -> PolicyVersion:
        return self.policies.find(REGION, version, parse_caller(f"agency/{REGION}/maker"))

    def records(self) -> list[tuple[str, str, dict[str, str]]]:
        return [
            (entry.method, entry.caller, dict(entry.detail))
            for entry in self.kept.work.audit.entries
        ]


def told(policy: PolicyVersion) -> bytes:
    return f"{policy.state.name} {policy.policy_version}".encode()


def told_with_bills(approved: Approved) -> bytes:
    settled = approved.settled
    named = [str(settled.count), *settled.settlement_ids] if settled.count else []
    return " ".join([told(approved.policy).decode(), *named, *approved.item_codes]).encode()


def test_maker_and_checker_stand_on_record_with_the_version() -> None:
    desk = Desk()
    version = desk.submit("s", "2024-01-01")
    assert (desk.stored(version).state, desk.kept.epoch) == (DRAFT, 0)
    assert desk.approve("a", version) == b"ACTIVE " + version.encode()
    stored = desk.stored(version)
    maker, checker = f"agency/{REGION}/maker", f"agency/{REGION}/checker"
    assert (stored.state, stored.maker, stored.checker) == (ACTIVE, maker, checker)
    assert (stored.approve_time, desk.kept.epoch) == (NOW, 1)
    of_it = {"policy_version": version, "policy_id": "small", "maker": maker}
    assert desk.records() == [
        ("SubmitPolicy", maker, of_it),
        ("ApprovePolicy", checker, of_it),
    ]


def test_a_repeated_request_is_answered_again_and_recorded_once() -> None:
    desk = Desk()
    version = desk.submit("s", "2024-01-01")
    desk.submit("s", "2024-01-01")
    assert desk.approve("a", version) == desk.approve("a", version)
    assert [method for method, _, _ in desk.records()] == ["SubmitPolicy", "ApprovePolicy"]


def test_contents_submitted_before_are_answered_as_they_are_by_now() -> None:
    desk = Desk()
    version = desk.submit("s", "2024-01-01")
    desk.approve("a", version)
    assert desk.submit("another", "2024-01-01") == version
    assert desk.stored(version).state is ACTIVE
    assert desk.kept.answers["another"].response == b"ACTIVE " + version.encode()
    # Nothing was done, so nothing is on record.
    assert len(desk.records()) == 2


def test_a_file_of_another_region_is_refused_before_its_request_id_is_looked_at() -> None:
    desk = Desk()
    desk.submit("s", "2024-01-01")
    with pytest.raises(RuleError) as raised:
        desk.submit("s", "2024-01-01", region="999001")
    assert raised.value.reason is Reason.OUT_OF_SCOPE
    assert raised.value.metadata == {"scope": "region/999001"}


def test_an_approval_is_refused_for_the_first_reason_in_order() -> None:
    desk = Desk()
    maker = "maker"
    assert desk.refused("unknown", operator=maker) is Reason.POLICY_VERSION_UNKNOWN
    active = desk.submit("1", "2024-01-01", "2024-12-31")
    desk.approve("2", active)
    # It is no draft, its maker asks, and it overlaps with itself.
    assert desk.refused(active, operator=maker) is Reason.POLICY_STATE
    overlapping = desk.submit("3", "2024-12-31", "2025-12-31")
    assert desk.refused(overlapping, operator=maker) is Reason.SAME_MAKER_AND_CHECKER
    assert desk.refused(overlapping) is Reason.POLICY_OVERLAP


@pytest.mark.parametrize(
    ("first", "second", "is_refused"),
    [
        (("2024-01-01", "2024-12-31"), ("2025-01-01", "2025-12-31"), False),
        (("2024-01-01", "2024-12-31"), ("2024-12-31", "2025-12-31"), True),
        (("2024-01-01", "2024-12-31"), ("2023-01-01", "2024-01-01"), True),
        (("2024-01-01", "2024-12-31"), ("2023-01-01", "2023-12-31"), False),
        (("2024-01-01", "2024-12-31"), ("2023-01-01", ""), True),
        # An open-ended one makes room for what begins later, not for what began before.
        (("2024-01-01", ""), ("2024-01-02", ""), False),
        (("2024-01-01", ""), ("2024-01-01", ""), True),
        (("2024-01-01", ""), ("2023-01-01", ""), True),
        (("2024-01-01", ""), ("2023-01-01", "2023-12-31"), False),
    ],
)
def test_no_day_is_decided_by_two_policies(
    first: tuple[str, str], second: tuple[str, str], is_refused: bool
) -> None:
    desk = Desk()
    desk.approve("1", desk.submit("2", *first))
    version = desk.submit("3", *second, title="another")
    if is_refused:
        assert desk.refused(version) is Reason.POLICY_OVERLAP
    else:
        desk.approve("4", version)
        assert desk.stored(version).state is ACTIVE


def test_policies_of_another_insurance_type_stand_beside() -> None:
    desk = Desk()
    desk.approve("1", desk.submit("2", "2024-01-01"))
    desk.approve("3", desk.submit("4", "2024-01-01", insurance_type="390"))
    assert len(desk.kept.policies.active("310")) == len(desk.kept.policies.active("390")) == 1


def test_an_open_ended_policy_ends_the_day_before_its_successor() -> None:
    desk = Desk()
    former = desk.submit("1", "2024-01-01")
    desk.approve("2", former)
    latter = desk.submit("3", "2025-07-01")
    desk.approve("4", latter)
    assert desk.stored(former).end_date == dt.date(2025, 6, 30)
    assert desk.stored(former).state is ACTIVE
    _, _, detail = desk.records()[-1]
    assert (detail["policy_version"], detail["ended"]) == (latter, former)


def test_no_approval_leaves_days_without_the_policy_that_they_had() -> None:
    desk = Desk()
    open_ended = desk.submit("1", "2024-01-01")
    desk.approve("2", open_ended)
    closed = desk.submit("3", "2024-06-01", "2024-12-31")
    with pytest.raises(RuleError) as raised:
        desk.approve("4", closed)
    assert raised.value.reason is Reason.POLICY_LEAVES_GAP
    assert raised.value.metadata == {"policy_version": open_ended, "first_day": "2025-01-01"}
    assert desk.refused(closed) is Reason.POLICY_LEAVES_GAP
    assert desk.stored(open_ended).end_date is None
    # What was wanted is said by two open-ended ones, of which the second ends the first.
    summer, after = desk.submit("5", "2024-06-01"), desk.submit("6", "2025-01-01")
    desk.approve("7", summer)
    desk.approve("8", after)
    assert desk.stored(summer).end_date == dt.date(2024, 12, 31)
    # The last day that there is leaves none behind it.
    desk.approve("9", desk.submit("10", "2026-01-01", "9999-12-31"))


def test_bills_that_are_settled_already_are_told_and_stand_on_record() -> None:
    desk = Desk()
    desk.kept.policies.settlement_ids += [f"s{number}" for number in range(NAMED_MAX + 1)]
    version = desk.submit("1", "2024-01-01")
    _, _, count, *named = desk.approve("2", version).decode().split(" ")
    assert int(count) == NAMED_MAX + 1
    assert named == desk.kept.policies.settlement_ids[:NAMED_MAX]
    _, _, detail = desk.records()[-1]
    assert detail["settled_bills"] == count


def test_items_that_lack_the_share_which_a_policy_asks_them_for_are_told() -> None:
    """Their bills would be refused at the counter, one by one."""
    desk = Desk()
    since, end = dt.date(2024, 1, 1), dt.date(2024, 12, 31)
    items = [
        CatalogueItem(code, code, catalogue_class, share, "", since, last)
        for code, catalogue_class, share, last in (
            ("A1", "01", None, None),
            ("B1", "02", None, None),
            ("B2", "02", 0, None),
            ("B3", "02", None, end),
        )
    ]
    desk.kept.catalogue.put_items(items)
    rows = [{"prepay_ppm": {"01": 0}, "by_item": ["02"], "own_cost": ["03"]}]
    step = {"classify": {**head("S1"), "rows": rows}}
    data = policy_data(step, region=REGION, start_date="2025-01-01")
    contents = json.dumps(data, ensure_ascii=False).encode()
    policy = load_policy(contents, name="policy_file")
    desk.policies.submit(SubmitPolicy(request("SubmitPolicy", "1"), policy, contents), told)
    assert desk.approve("2", policy.version).endswith(policy.version.encode() + b" B1")


def test_a_policy_that_bills_are_settled_for_is_not_withdrawn() -> None:
    desk = Desk()
    version = desk.submit("1", "2027-01-01")
    desk.approve("2", version)
    desk.kept.policies.settlement_ids.append("s1")
    rows, epoch = dict(desk.kept.policies.rows), desk.kept.epoch
    command = WithdrawPolicy(request("WithdrawPolicy", "3", operator="maker"), version)
    with pytest.raises(RuleError) as raised:
        desk.policies.withdraw(command, lambda each: told(each.withdrawn))
    assert (raised.value.reason, raised.value.metadata) == (Reason.POLICY_STATE, {"state": "2"})
    assert (desk.kept.policies.rows, desk.kept.epoch) == (rows, epoch)


def test_a_withdrawal_stands_on_record_with_what_goes_on() -> None:
    desk = Desk()
    former, latter = desk.submit("1", "2024-01-01"), desk.submit("2", "2027-01-01")
    desk.approve("3", former)
    desk.approve("4", latter)
    command = WithdrawPolicy(request("WithdrawPolicy", "5", operator="maker"), latter)
    desk.policies.withdraw(command, lambda each: told(each.withdrawn))
    method, _, detail = desk.records()[-1]
    assert (method, detail["reopened"], detail["policy_version"]) == (
        "WithdrawPolicy",
        former,
        latter,
    )
    assert desk.stored(former).end_date is None
    assert desk.stored(latter).state is PolicyState.WITHDRAWN

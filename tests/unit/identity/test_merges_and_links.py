"""Who may decide a merge, and what links of relatives are allowed."""

import dataclasses
import datetime as dt

import pytest

from yibao_common.values.citizen_number import Gender
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.config import RelativesConfig
from yibao_identity.rules.merge import (
    Merge,
    MergeState,
    check_differ,
    check_one_human,
    decide,
)
from yibao_identity.rules.person import Person
from yibao_identity.rules.relative import (
    LinkPurpose,
    LinkState,
    Relation,
    RelativeLink,
    check_limit,
    check_relation,
    confirm,
    end,
)

NOW = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=1)
MAKER, CHECKER = "agency/500100/wang", "agency/500100/zhang"
PROPOSED = Merge("500100", "m", "r", "s", "同一人", MergeState.PROPOSED, MAKER, NOW)
ASKED = RelativeLink(
    "500100",
    "l",
    "p",
    "q",
    LinkPurpose.SHOW_CODE,
    Relation.PARENT,
    LinkState.REQUESTED,
    NOW,
)


@pytest.mark.parametrize(
    ("is_approved", "state"), [(True, MergeState.APPROVED), (False, MergeState.REJECTED)]
)
def test_another_operator_decides_a_merge(is_approved: bool, state: MergeState) -> None:
    """I-28: one person, one record; two operators make it so."""
    decided = decide(PROPOSED, is_approved=is_approved, checker=CHECKER, note="ok", now=LATER)
    assert decided == dataclasses.replace(
        PROPOSED, state=state, checker=CHECKER, decide_time=LATER, decision_note="ok"
    )


@pytest.mark.parametrize("is_approved", [True, False])
def test_the_maker_decides_nothing(is_approved: bool) -> None:
    with pytest.raises(RuleError) as caught:
        decide(PROPOSED, is_approved=is_approved, checker=MAKER, note="", now=LATER)
    assert caught.value.reason is Reason.SAME_MAKER_AND_CHECKER


@pytest.mark.parametrize("state", [MergeState.APPROVED, MergeState.REJECTED])
@pytest.mark.parametrize("checker", [MAKER, CHECKER])
def test_a_merge_is_decided_once(state: MergeState, checker: str) -> None:
    merge = dataclasses.replace(PROPOSED, state=state)
    with pytest.raises(RuleError) as caught:
        decide(merge, is_approved=True, checker=checker, note="", now=LATER)
    assert caught.value.reason is Reason.MERGE_STATE
    assert caught.value.metadata == {"merge_id": "m", "state": state.name}


def test_a_record_is_not_merged_into_itself() -> None:
    check_differ(retired_person_id="r", surviving_person_id="s")
    with pytest.raises(RuleError) as caught:
        check_differ(retired_person_id="r", surviving_person_id="r")
    assert [fault.field for fault in caught.value.faults] == ["surviving_person_id"]


DIED = dt.date(2026, 3, 1)


@pytest.mark.parametrize(
    ("retired", "surviving", "is_refused"),
    [
        (None, None, False),
        (DIED, None, False),
        (None, DIED, False),
        (DIED, DIED, False),
        (DIED, DIED + dt.timedelta(days=1), True),
        (DIED + dt.timedelta(days=1), DIED, True),
    ],
)
def test_whoever_died_did_so_on_one_day(
    retired: dt.date | None, surviving: dt.date | None, is_refused: bool
) -> None:
    """I-31: no merge decides in silence which day it was."""
    records = [
        Person(
            "500100", each, "01", each, "张三", Gender.MALE, DIED.replace(1950), NOW, death_date=day
        )
        for each, day in (("r", retired), ("s", surviving))
    ]
    if not is_refused:
        check_one_human(*records, parent_ids=(), field="merge_id")
        return
    with pytest.raises(RuleError) as caught:
        check_one_human(*records, parent_ids=(), field="merge_id")
    (fault,) = caught.value.faults
    assert fault.field == "merge_id"
    assert "different days" in fault.message


@pytest.mark.parametrize("relation", Relation)
@pytest.mark.parametrize("purpose", LinkPurpose)
def test_only_the_closest_relatives_share_an_account(
    purpose: LinkPurpose, relation: Relation
) -> None:
    def check() -> None:
        check_relation(purpose, relation, person_id="p", relative_id="q")

    if purpose is LinkPurpose.SHARE_ACCOUNT and relation is Relation.OTHER:
        with pytest.raises(RuleError) as caught:
            check()
        assert caught.value.reason is Reason.RELATION_NOT_ALLOWED
        assert caught.value.metadata == {"relation": "OTHER"}
    else:
        check()


def test_nobody_is_a_relative_of_oneself() -> None:
    with pytest.raises(RuleError) as caught:
        check_relation(LinkPurpose.SHOW_CODE, Relation.OTHER, person_id="p", relative_id="p")
    assert [fault.field for fault in caught.value.faults] == ["relative_id"]


@pytest.mark.parametrize(
    ("purpose", "others", "is_allowed"),
    [
        (LinkPurpose.SHOW_CODE, 4, True),
        (LinkPurpose.SHOW_CODE, 5, False),
        (LinkPurpose.SHOW_CODE, 6, False),
        (LinkPurpose.SHARE_ACCOUNT, 15, True),
        (LinkPurpose.SHARE_ACCOUNT, 16, False),
    ],
)
def test_links_of_a_purpose_are_limited(
    purpose: LinkPurpose, others: int, is_allowed: bool
) -> None:
    limits = {LinkPurpose.SHOW_CODE: 5, LinkPurpose.SHARE_ACCOUNT: 16}
    if is_allowed:
        check_limit(others, purpose, limits=limits)
        return
    with pytest.raises(RuleError) as caught:
        check_limit(others, purpose, limits=limits)
    assert caught.value.reason is Reason.RELATIVE_LINK_LIMIT
    assert caught.value.metadata == {"limit": str(limits[purpose])}


@pytest.mark.parametrize(
    ("state", "may_confirm", "may_end"),
    [
        (LinkState.REQUESTED, True, True),
        (LinkState.CONFIRMED, False, True),
        (LinkState.ENDED, False, False),
    ],
)
def test_a_link_is_confirmed_once_and_ended_once(
    state: LinkState, may_confirm: bool, may_end: bool
) -> None:
    link = dataclasses.replace(ASKED, state=state)
    for act, is_allowed, after in (
        (confirm, may_confirm, LinkState.CONFIRMED),
        (end, may_end, LinkState.ENDED),
    ):
        if is_allowed:
            assert act(link, now=LATER).state is after
            continue
        with pytest.raises(RuleError) as caught:
            act(link, now=LATER)
        assert caught.value.reason is Reason.RELATIVE_LINK_STATE
        assert caught.value.metadata == {"link_id": "l", "state": state.name}


def test_a_link_keeps_when_it_was_confirmed_and_ended() -> None:
    assert confirm(ASKED, now=LATER).confirm_time == LATER
    assert end(ASKED, now=LATER).end_time == LATER


def test_the_limits_are_those_of_the_rules_unless_told_otherwise() -> None:
    limits = RelativesConfig()
    assert (limits.show_code_most, limits.share_account_most) == (5, 16)

"""In which order links are checked, whom they lock, and of whom settlement is told."""

import pytest
from support.person_desk import MAKER, REGION, PersonDesk, answer, refusal

from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.calls import Calls
from yibao_identity.application.relative import ConfirmLink, EndLink, Relatives, RequestLink
from yibao_identity.rules.relative import LinkPurpose, LinkState, Relation, RelativeLink

SHARE, SHOW = LinkPurpose.SHARE_ACCOUNT, LinkPurpose.SHOW_CODE
HOLDER_OF_C = "holder/01900000-0000-7000-8000-00000000000c"


@pytest.fixture
def desk() -> PersonDesk:
    desk = PersonDesk()
    desk.persons_named("a", "b", "c")
    desk.person("merged", number=4, merged_into="a")
    desk.holders.certificates[HOLDER_OF_C.removeprefix("holder/")] = "c"
    return desk


def relatives(desk: PersonDesk, *, most: int = 1, given_most: int = 16) -> Relatives:
    calls = Calls(desk.transactions, clock=desk.shared["clock"])
    limits = {SHARE: most, SHOW: most}
    return Relatives(calls, limits=limits, given_most=given_most, **desk.shared)


def asking(
    desk: PersonDesk,
    person_id: str,
    relative_id: str,
    *,
    purpose: LinkPurpose = SHARE,
    relation: Relation = Relation.PARENT,
    caller: str = MAKER,
) -> RequestLink:
    request = desk.request("RequestRelativeLink", caller=caller)
    return RequestLink(request, person_id, relative_id, purpose, relation)


def agreeing(
    desk: PersonDesk, link_id: str, relative_id: str, *, caller: str = MAKER
) -> ConfirmLink:
    return ConfirmLink(desk.request("ConfirmRelativeLink", caller=caller), link_id, relative_id)


def ending(desk: PersonDesk, link_id: str, person_id: str, *, caller: str = MAKER) -> EndLink:
    return EndLink(desk.request("EndRelativeLink", caller=caller), link_id, person_id)


def test_asking_looks_at_the_caller_the_relation_the_persons_and_their_links(
    desk: PersonDesk,
) -> None:
    ask, other = relatives(desk).request, Relation.OTHER
    foreign = asking(desk, "x", "x", relation=other, caller=HOLDER_OF_C)
    assert refusal(ask, foreign) is Reason.OUT_OF_SCOPE
    assert refusal(ask, asking(desk, "x", "x", relation=other)) is Reason.FIELD_OUT_OF_RANGE
    assert refusal(ask, asking(desk, "a", "x", relation=other)) is Reason.RELATION_NOT_ALLOWED
    assert refusal(ask, asking(desk, "a", "x")) is Reason.PERSON_NOT_FOUND
    assert refusal(ask, asking(desk, "a", "merged")) is Reason.PERSON_MERGED
    answer(ask, asking(desk, "a", "b"))
    assert refusal(ask, asking(desk, "a", "b")) is Reason.RELATIVE_LINK_EXISTS
    assert refusal(ask, asking(desk, "a", "c")) is Reason.RELATIVE_LINK_LIMIT
    # Another purpose, and what others ask for, does not count.
    answer(ask, asking(desk, "a", "b", purpose=SHOW, relation=other))
    answer(ask, asking(desk, "b", "a"))


def test_a_holder_who_acts_for_somebody_else_is_put_on_record(desk: PersonDesk) -> None:
    decides = relatives(desk)
    assert refusal(decides.request, asking(desk, "a", "c", caller=HOLDER_OF_C)) is (
        Reason.OUT_OF_SCOPE
    )
    with pytest.raises(RuleError):
        decides.list(REGION, "a", parse_caller(HOLDER_OF_C))
    assert [(each.method, each.outcome, each.subject_ids) for each in desk.recorded] == [
        ("RequestRelativeLink", "OUT_OF_SCOPE", ()),
        ("ListRelativeLinks", "OUT_OF_SCOPE", ()),
    ]
    answer(decides.request, asking(desk, "c", "a", caller=HOLDER_OF_C))
    assert [each.state for each in decides.list(REGION, "c", parse_caller(HOLDER_OF_C))] == [
        LinkState.REQUESTED
    ]


def test_agreeing_looks_at_the_caller_the_link_its_state_and_the_limit(desk: PersonDesk) -> None:
    decides = relatives(desk, most=2)
    foreign = agreeing(desk, "x", "b", caller=HOLDER_OF_C)
    assert refusal(decides.confirm, foreign) is Reason.OUT_OF_SCOPE
    assert refusal(decides.confirm, agreeing(desk, "x", "b")) is Reason.RELATIVE_LINK_NOT_FOUND
    first: RelativeLink = answer(decides.request, asking(desk, "a", "b"))
    second: RelativeLink = answer(decides.request, asking(desk, "a", "c"))
    as_asker = agreeing(desk, first.link_id, "a")
    assert refusal(decides.confirm, as_asker) is Reason.RELATIVE_LINK_NOT_FOUND
    answer(decides.confirm, agreeing(desk, first.link_id, "b"))
    again = agreeing(desk, first.link_id, "b")
    lowered = relatives(desk, most=1)
    assert refusal(lowered.confirm, again) is Reason.RELATIVE_LINK_STATE
    too_many = agreeing(desk, second.link_id, "c")
    assert refusal(lowered.confirm, too_many) is Reason.RELATIVE_LINK_LIMIT


def test_an_account_pays_for_no_more_relatives_than_it_may(desk: PersonDesk) -> None:
    decides = relatives(desk, given_most=1)
    shown: RelativeLink = answer(decides.request, asking(desk, "a", "c", purpose=SHOW))
    first: RelativeLink = answer(decides.request, asking(desk, "a", "c"))
    second: RelativeLink = answer(decides.request, asking(desk, "b", "c"))
    for each in (shown, first):
        answer(decides.confirm, agreeing(desk, each.link_id, "c"))
    too_many = agreeing(desk, second.link_id, "c")
    assert refusal(decides.confirm, too_many) is Reason.RELATIVE_LINK_LIMIT
    answer(decides.end, ending(desk, first.link_id, "c"))
    answer(decides.confirm, agreeing(desk, second.link_id, "c"))


def test_ending_looks_at_the_caller_the_link_and_its_state(desk: PersonDesk) -> None:
    decides = relatives(desk)
    assert refusal(decides.end, ending(desk, "x", "b", caller=HOLDER_OF_C)) is Reason.OUT_OF_SCOPE
    assert refusal(decides.end, ending(desk, "x", "b")) is Reason.RELATIVE_LINK_NOT_FOUND
    link: RelativeLink = answer(decides.request, asking(desk, "a", "b"))
    by_other = ending(desk, link.link_id, "c")
    assert refusal(decides.end, by_other) is Reason.RELATIVE_LINK_NOT_FOUND
    answer(decides.end, ending(desk, link.link_id, "b"))
    assert refusal(decides.end, ending(desk, link.link_id, "a")) is Reason.RELATIVE_LINK_STATE


def test_persons_are_locked_before_their_link(desk: PersonDesk) -> None:
    decides = relatives(desk)
    link: RelativeLink = answer(decides.request, asking(desk, "b", "a"))
    desk.holders.locked.clear()
    answer(decides.confirm, agreeing(desk, link.link_id, "a"))
    assert (desk.holders.locked, desk.relatives.locked) == (["a", "b"], [link.link_id])


@pytest.mark.parametrize(("purpose", "told"), [(SHARE, {"a"}), (SHOW, set[str]())])
def test_settlement_is_told_whose_account_may_pay_and_nothing_else(
    desk: PersonDesk, purpose: LinkPurpose, told: set[str]
) -> None:
    decides = relatives(desk)
    link: RelativeLink = answer(decides.request, asking(desk, "a", "b", purpose=purpose))
    assert desk.told == set()
    answer(decides.confirm, agreeing(desk, link.link_id, "b"))
    assert desk.told == told
    desk.told.clear()
    answer(decides.end, ending(desk, link.link_id, "a"))
    assert desk.told == told
    assert [each.detail["state"] for each in desk.recorded] == ["REQUESTED", "CONFIRMED", "ENDED"]
    assert {each.subject_ids for each in desk.recorded} == {("a", "b")}


def test_a_link_never_agreed_to_ends_without_a_word_to_settlement(desk: PersonDesk) -> None:
    link: RelativeLink = answer(relatives(desk).request, asking(desk, "a", "b"))
    answer(relatives(desk).end, ending(desk, link.link_id, "b"))
    assert desk.told == set()

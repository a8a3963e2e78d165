"""In which order merges are checked, and what an approved one does, and in which order."""

import datetime as dt
import pickle

import pytest
from support.person_desk import CHECKER, MAKER, NOW, REGION, PersonDesk, answer, refusal

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.merge import DecideMerge, Merges, ProposeMerge
from yibao_identity.application.work import Work
from yibao_identity.rules.credential import CredentialKind
from yibao_identity.rules.merge import Merge, MergeState
from yibao_identity.rules.relative import LinkPurpose, LinkState, Relation, RelativeLink


@pytest.fixture
def desk() -> PersonDesk:
    desk = PersonDesk()
    desk.persons_named("a", "b", "c")
    return desk


class Closer:
    """Closes nothing, and keeps of whom it was to close, and as whom."""

    def __init__(self) -> None:
        self.closed: list[tuple[str, dt.datetime, str]] = []

    def __call__(self, work: Work, person_id: str, *, at: dt.datetime, caller: str) -> None:
        # What the duplicate has is closed once nobody can take it for a person any more.
        assert work.persons.find(person_id) is not None
        assert work.holders.survivor_of(person_id) != person_id
        self.closed.append((person_id, at, caller))


def merges(desk: PersonDesk, *closers: Closer) -> Merges:
    return Merges(desk.transactions, closers=closers, **desk.shared)


def proposing(desk: PersonDesk, retired: str, surviving: str) -> ProposeMerge:
    return ProposeMerge(desk.request("ProposeMerge"), retired, surviving, "同一人")


def deciding(
    desk: PersonDesk, merge_id: str, *, is_approved: bool = True, caller: str = CHECKER
) -> DecideMerge:
    return DecideMerge(desk.request("DecideMerge", caller=caller), merge_id, is_approved, "核实")


def proposed(desk: PersonDesk, retired: str = "a", surviving: str = "b") -> Merge:
    made: Merge = answer(merges(desk).propose, proposing(desk, retired, surviving))
    return made


def test_proposing_looks_at_both_before_it_looks_for_another_proposal(desk: PersonDesk) -> None:
    propose = merges(desk).propose
    assert refusal(propose, proposing(desk, "x", "x")) is Reason.FIELD_OUT_OF_RANGE
    assert refusal(propose, proposing(desk, "a", "x")) is Reason.PERSON_NOT_FOUND
    proposed(desk, "a", "b")
    desk.work.persons.retire("c", merged_into="b")
    assert refusal(propose, proposing(desk, "a", "c")) is Reason.PERSON_MERGED
    assert refusal(propose, proposing(desk, "b", "a")) is Reason.MERGE_STATE


def test_a_proposal_tells_settlement_nothing_and_is_put_on_record(desk: PersonDesk) -> None:
    merge = proposed(desk, "b", "a")
    assert desk.holders.locked == ["a", "b"]
    assert (merge.state, merge.maker, desk.told) == (MergeState.PROPOSED, MAKER, set())
    (entry,) = desk.recorded
    assert entry.subject_ids == ("b", "a")
    assert entry.detail == {"merge_id": merge.merge_id, "explanation": "同一人"}


def test_deciding_looks_at_state_and_maker_before_it_looks_at_persons(desk: PersonDesk) -> None:
    decide = merges(desk).decide
    assert refusal(decide, deciding(desk, "x", caller=MAKER)) is Reason.MERGE_NOT_FOUND
    merge = proposed(desk)
    desk.suspend(CredentialKind.ECERT, "a")
    desk.persons.rows.pop("b")
    desk.person("b", number=2, merged_into="c")
    by_maker = deciding(desk, merge.merge_id, caller=MAKER)
    assert refusal(decide, by_maker) is Reason.SAME_MAKER_AND_CHECKER
    assert refusal(decide, deciding(desk, merge.merge_id)) is Reason.PERSON_MERGED
    desk.persons.rows.pop("b")
    desk.person("b", number=2)
    assert refusal(decide, deciding(desk, merge.merge_id)) is Reason.ECERT_SUSPENDED
    answer(decide, deciding(desk, merge.merge_id, is_approved=False))
    decided_before = deciding(desk, merge.merge_id, caller=MAKER)
    assert refusal(decide, decided_before) is Reason.MERGE_STATE


def test_a_suspended_credential_keeps_nobody_from_rejecting(desk: PersonDesk) -> None:
    merge = proposed(desk)
    desk.suspend(CredentialKind.CARD, "a")
    rejected: Merge = answer(merges(desk).decide, deciding(desk, merge.merge_id, is_approved=False))
    assert (rejected.state, rejected.checker) == (MergeState.REJECTED, CHECKER)
    assert desk.told == set()


def test_an_approved_merge_ends_the_duplicate_and_tells_of_all_whom_it_touches(
    desk: PersonDesk,
) -> None:
    desk.period("a", "e1")
    desk.period("b", "e2", insurance_type="510")
    for link_id, person_id, purpose in (
        ("l1", "c", LinkPurpose.SHARE_ACCOUNT),
        ("l2", "c", LinkPurpose.SHOW_CODE),
    ):
        desk.work.relatives.insert(link(desk, link_id, person_id, "a", purpose), requested_by="")
    merge = proposed(desk)
    desk.holders.locked.clear()
    cards, certificates = Closer(), Closer()
    answer(merges(desk, cards, certificates).decide, deciding(desk, merge.merge_id))
    assert (desk.holders.locked, desk.merges.locked) == (["a", "b"], [merge.merge_id])
    assert desk.persons.rows["a"].merged_into == "b"
    assert cards.closed == certificates.closed == [("a", NOW, CHECKER)]
    assert {each.state for each in desk.relatives.rows.values()} == {LinkState.ENDED}
    standing = desk.enrolments.standing(["a", "b"])
    assert standing["a"] == []
    assert sorted(each.insurance_type for each in standing["b"]) == ["310", "510"]
    assert desk.told == {"a", "b", "c"}
    assert desk.recorded[-1].detail == {
        "merge_id": merge.merge_id,
        "state": "APPROVED",
        "maker": MAKER,
        "checker": CHECKER,
    }


def test_cover_of_a_duplicate_that_was_born_too_early_begins_at_birth(desk: PersonDesk) -> None:
    desk.period("a", "e1", start_date=dt.date(1985, 1, 1))
    merge = proposed(desk)
    answer(merges(desk).decide, deciding(desk, merge.merge_id))
    (period,) = desk.enrolments.standing(["b"])["b"]
    assert period.start_date == desk.persons.rows["b"].birth_date


def test_a_merge_that_fails_at_a_credential_leaves_all_as_it_was(desk: PersonDesk) -> None:
    merge = proposed(desk)

    class PowerFailureError(Exception):
        pass

    def fail(*_arguments: object, **_named: object) -> None:
        raise PowerFailureError

    failing = Merges(desk.transactions, closers=(fail,), **desk.shared)
    with pytest.raises(PowerFailureError):
        failing.decide(deciding(desk, merge.merge_id), pickle.dumps)
    assert desk.persons.rows["a"].merged_into is None
    assert merges(desk).find(REGION, merge.merge_id) == merge
    assert (desk.told, len(desk.recorded)) == (set(), 1)


def test_pages_begin_after_a_merge_that_exists(desk: PersonDesk) -> None:
    first = proposed(desk)
    answer(merges(desk).decide, deciding(desk, first.merge_id, is_approved=False))
    second = proposed(desk)

    def page(before: str, state: MergeState | None = None) -> list[str]:
        found = merges(desk).page(REGION, state=state, before_merge_id=before, limit=9)
        return [each.merge_id for each in found]

    assert page("") == [second.merge_id, first.merge_id]
    assert page(second.merge_id) == [first.merge_id]
    assert page("", MergeState.PROPOSED) == [second.merge_id]
    with pytest.raises(RuleError) as caught:
        page("x")
    assert caught.value.reason is Reason.MERGE_NOT_FOUND


def link(
    desk: PersonDesk, link_id: str, person_id: str, relative_id: str, purpose: LinkPurpose
) -> RelativeLink:
    now = desk.shared["clock"]()
    return RelativeLink(
        REGION,
        link_id,
        person_id,
        relative_id,
        purpose,
        Relation.PARENT,
        LinkState.CONFIRMED,
        now,
        now,
    )

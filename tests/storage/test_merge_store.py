"""Merges in the database: two operators, one transaction, nothing left behind."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.identity_world import citizen_number
from support.person_stores import CHECKER, MAKER, REGION, AuditRow, PersonWorld

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.application.merge import Merges
from yibao_identity.rules.certificate import CertificateState
from yibao_identity.rules.credential import Credential, CredentialKind, CredentialState
from yibao_identity.rules.document import ShownDocument
from yibao_identity.rules.merge import MergeState
from yibao_identity.rules.relative import LinkPurpose, LinkState
from yibao_identity.storage import tables


@pytest.fixture
def world(databases: Databases) -> PersonWorld:
    return PersonWorld(databases.open("yibao_identity"))


def give_certificate(world: PersonWorld, person_id: str, *, subject: str) -> str:
    certificate_id = new_id()
    with world.database.write() as connection:
        connection.execute(
            sa.insert(tables.certificate).values(
                region=REGION,
                certificate_id=certificate_id,
                person_id=person_id,
                subject=subject,
                state=CertificateState.ACTIVE.value,
                activate_time=world.clock(),
                activated_by=MAKER,
                proofing_method=1,
                proofing_reference="face/1",
            )
        )
    return certificate_id


def test_an_approved_merge_ends_the_duplicate_in_one_transaction(world: PersonWorld) -> None:
    """I-28: one person, one record."""
    retired, surviving = world.person_id(), world.person_id()
    relative = world.person_id()
    world.add(retired, "510", dt.date(2026, 5, 1))
    certificate_id = give_certificate(world, retired, subject="SUBJECT000001")
    link = world.link(relative, retired, LinkPurpose.SHARE_ACCOUNT)
    before = len(world.feed())
    merge = world.merge(retired, surviving)
    assert merge.state is MergeState.APPROVED
    assert (merge.maker, merge.checker) == (MAKER, CHECKER)
    duplicate = world.persons.find(REGION, retired)
    assert duplicate is not None
    assert (duplicate.person.merged_into, duplicate.enrolments) == (surviving, ())
    survivor = world.persons.find(REGION, surviving)
    assert survivor is not None
    assert [each.insurance_type for each in survivor.enrolments] == ["310", "510"]
    told = world.changes(REGION, after_sequence=before, limit=10)
    by_person = {each.standing.person_id: each.standing for each in told}
    assert set(by_person) == {retired, surviving, relative}
    assert by_person[retired].merged_into == surviving
    assert by_person[retired].credentials == (
        Credential(
            "SUBJECT000001",
            CredentialKind.ECERT,
            CredentialState.CLOSED,
            certificate_id=certificate_id,
        ),
    )
    assert by_person[surviving].merged_into is None
    assert by_person[surviving].enrolments == survivor.enrolments
    assert by_person[relative].payer_ids == ()
    (ended,) = world.relatives.list(REGION, relative, world.asked("").caller)
    assert (ended.link_id, ended.state) == (link.link_id, LinkState.ENDED)


def test_the_audit_names_maker_and_checker(world: PersonWorld) -> None:
    retired, surviving = world.person_id(), world.person_id()
    merge = world.merge(retired, surviving)
    proposed, decided = world.audit()[-2:]
    subjects = (retired, surviving)
    assert proposed.method == "ProposeMerge"
    assert (proposed.caller, proposed.subject_ids) == (MAKER, subjects)
    assert decided == AuditRow(
        "DecideMerge",
        CHECKER,
        subjects,
        "OK",
        f"checker={CHECKER} maker={MAKER} merge_id={merge.merge_id} state=APPROVED",
    )


def test_a_rejected_merge_changes_nothing_and_may_be_proposed_again(world: PersonWorld) -> None:
    retired, surviving = world.person_id(), world.person_id()
    merge = world.propose(retired, surviving)
    changes = world.feed()
    assert world.decide(merge.merge_id, approve=False).state is MergeState.REJECTED
    assert world.feed() == changes
    found = world.persons.find(REGION, retired)
    assert found is not None
    assert found.person.merged_into is None
    assert len(found.enrolments) == 1
    world.merge(retired, surviving)


@pytest.mark.parametrize("approve", [True, False])
def test_the_maker_does_not_decide(world: PersonWorld, approve: bool) -> None:
    merge = world.propose(world.person_id(), world.person_id())
    before = world.everything()
    with pytest.raises(RuleError) as caught:
        world.decide(merge.merge_id, approve=approve, caller=MAKER)
    assert caught.value.reason is Reason.SAME_MAKER_AND_CHECKER
    assert world.everything() == before
    assert world.merges.find(REGION, merge.merge_id) == merge


@pytest.mark.parametrize("approve", [True, False])
def test_a_merge_is_decided_once(world: PersonWorld, approve: bool) -> None:
    merge = world.propose(world.person_id(), world.person_id())
    decided = world.decide(merge.merge_id, approve=approve)
    before = world.everything()
    with pytest.raises(RuleError) as caught:
        world.decide(merge.merge_id)
    assert caught.value.reason is Reason.MERGE_STATE
    assert caught.value.metadata == {"merge_id": merge.merge_id, "state": decided.state.name}
    assert world.everything() == before


def test_persons_in_a_merge_that_waits_are_in_no_other(world: PersonWorld) -> None:
    first, second, third = (world.person_id() for _ in range(3))
    waiting = world.propose(first, second)
    for retired, surviving in (
        (first, second),
        (second, first),
        (first, third),
        (third, first),
        (second, third),
        (third, second),
    ):
        with pytest.raises(RuleError) as caught:
            world.propose(retired, surviving)
        assert caught.value.reason is Reason.MERGE_STATE
        assert caught.value.metadata == {"merge_id": waiting.merge_id, "state": "PROPOSED"}


@pytest.mark.parametrize("side", ["retired", "surviving"])
def test_a_merged_record_is_merged_no_more(world: PersonWorld, side: str) -> None:
    gone, survivor, other = (world.person_id() for _ in range(3))
    world.merge(gone, survivor)
    with pytest.raises(RuleError) as caught:
        world.propose(*((gone, other) if side == "retired" else (other, gone)))
    assert caught.value.reason is Reason.PERSON_MERGED
    assert caught.value.metadata == {"person_id": gone, "merged_into": survivor}


def refused_field(act: Callable[..., object], *arguments: str) -> str:
    """Returns the field that a call is refused for."""
    with pytest.raises(RuleError) as caught:
        act(*arguments)
    assert caught.value.reason is Reason.FIELD_OUT_OF_RANGE
    (fault,) = caught.value.faults
    return fault.field


def test_a_newborn_is_not_merged_with_a_parent(world: PersonWorld) -> None:
    """I-28: neither with the record that took the parent's place."""
    parent, other = world.person_id(), world.person_id()
    newborn = world.newborn(parent).person.person_id
    world.merge(parent, other)
    for pair in ((newborn, other), (other, newborn)):
        assert refused_field(world.propose, *pair) == "surviving_person_id"
    twin = world.newborn(other, number="A123456780").person.person_id
    assert world.merge(newborn, twin).state is MergeState.APPROVED


def test_nobody_died_before_being_born(world: PersonWorld) -> None:
    """I-31: a merge carries a death, so it lies after both births, also once it is approved."""
    old, young = world.person_id(), world.person_id()
    merge = world.propose(old, young)
    world.die(old, dt.date(2001, 5, 5))
    number = citizen_number(77, birth="20100101")
    world.update(young, document=ShownDocument("01", number))
    before = world.everything()
    assert refused_field(world.decide, merge.merge_id) == "merge_id"
    assert world.everything() == before
    world.decide(merge.merge_id, approve=False)
    for pair in ((old, young), (young, old)):
        assert refused_field(world.propose, *pair) == "surviving_person_id"


def test_unknown_persons_and_merges_are_refused(world: PersonWorld) -> None:
    known, unknown = world.person_id(), new_id()
    for pair in ((known, unknown), (unknown, known)):
        with pytest.raises(RuleError) as caught:
            world.propose(*pair)
        assert caught.value.reason is Reason.PERSON_NOT_FOUND
        assert caught.value.metadata == {"person_id": unknown}
    with pytest.raises(RuleError) as caught:
        world.propose(known, known)
    assert caught.value.reason is Reason.FIELD_OUT_OF_RANGE
    with pytest.raises(RuleError) as caught:
        world.decide(unknown)
    assert caught.value.reason is Reason.MERGE_NOT_FOUND
    with pytest.raises(RuleError) as caught:
        world.merges.find(REGION, unknown)
    assert caught.value.reason is Reason.MERGE_NOT_FOUND


def test_pages_of_merges_go_from_the_newest_to_the_oldest(world: PersonWorld) -> None:
    made = [world.propose(world.person_id(), world.person_id()) for _ in range(5)]
    world.decide(made[2].merge_id, approve=False)
    found: list[str] = []
    while page := world.merges.page(
        REGION, state=None, before_merge_id=found[-1] if found else "", limit=2
    ):
        found += [each.merge_id for each in page]
    assert found == [each.merge_id for each in reversed(made)]
    rejected = world.merges.page(REGION, state=MergeState.REJECTED, before_merge_id="", limit=9)
    assert [each.merge_id for each in rejected] == [made[2].merge_id]


def test_a_merge_that_fails_half_way_leaves_everything_as_it_was(world: PersonWorld) -> None:
    retired, surviving = world.person_id(), world.person_id()
    merge = world.propose(retired, surviving)
    before, both = world.everything(), [world.persons.find(REGION, retired)]

    class PowerFailureError(Exception):
        pass

    def fail(*_arguments: object, **_named: object) -> None:
        raise PowerFailureError

    whole = world.merges
    world.merges = Merges(world.transactions, clock=world.clock, ids=new_id, closers=(fail,))
    with pytest.raises(PowerFailureError):
        world.decide(merge.merge_id)
    assert world.everything() == before
    assert [world.persons.find(REGION, retired)] == both
    world.merges = whole
    assert world.decide(merge.merge_id).state is MergeState.APPROVED


def test_many_checkers_at_once_merge_once(world: PersonWorld) -> None:
    retired, surviving = world.person_id(), world.person_id()
    merge = world.propose(retired, surviving)
    changes = len(world.feed())

    def decide(number: int) -> str:
        try:
            return world.decide(merge.merge_id, caller=f"agency/{REGION}/c{number}").state.name
        except RuleError as refusal:
            return refusal.reason.name

    with ThreadPoolExecutor(4) as threads:
        outcomes = sorted(threads.map(decide, range(4)))
    assert outcomes == ["APPROVED", "MERGE_STATE", "MERGE_STATE", "MERGE_STATE"]
    assert len(world.feed()) == changes + 2


def test_of_merges_in_a_circle_proposed_at_once_one_waits(world: PersonWorld) -> None:
    persons = [world.person_id() for _ in range(3)]
    pairs = [(0, 1), (1, 2), (2, 0), (1, 0)]

    def propose(pair: tuple[int, int]) -> str:
        try:
            return world.propose(persons[pair[0]], persons[pair[1]]).state.name
        except RuleError as refusal:
            return refusal.reason.name

    with ThreadPoolExecutor(4) as threads:
        outcomes = sorted(threads.map(propose, pairs))
    assert outcomes == ["MERGE_STATE", "MERGE_STATE", "MERGE_STATE", "PROPOSED"]

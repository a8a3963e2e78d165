"""Links of relatives in the database: limits hold, also where many ask at once."""

import dataclasses
import functools
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.ecert_desk import CHANNEL, EcertDesk
from support.person_stores import MAKER, REGION, PersonWorld

from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.application import relative
from yibao_identity.rules.certificate import CertificateState
from yibao_identity.rules.relative import LinkPurpose, LinkState, Relation
from yibao_identity.storage import tables

SHARE, SHOW = LinkPurpose.SHARE_ACCOUNT, LinkPurpose.SHOW_CODE
AGENCY = parse_caller(MAKER)


@pytest.fixture
def world(databases: Databases) -> PersonWorld:
    return PersonWorld(databases.open("yibao_identity"))


def holder(
    world: PersonWorld, person_id: str, state: CertificateState = CertificateState.ACTIVE
) -> str:
    """Gives a person an e-certificate and returns the path of its holder."""
    certificate_id = new_id()
    with world.database.write() as connection:
        connection.execute(
            sa.insert(tables.certificate).values(
                region=REGION,
                certificate_id=certificate_id,
                person_id=person_id,
                subject=certificate_id.replace("-", "").upper()[-13:],
                state=state.value,
                activate_time=world.clock(),
                activated_by=MAKER,
                proofing_method=1,
                proofing_reference="face/1",
            )
        )
    return f"holder/{certificate_id}"


def payers(world: PersonWorld, person_id: str) -> tuple[str, ...]:
    """Returns whose accounts settlement is told may pay for a person."""
    changes = world.changes(REGION, after_sequence=0, limit=1_000)
    return next(each.standing.payer_ids for each in changes if each.standing.person_id == person_id)


def test_an_account_is_shared_from_agreement_to_end(world: PersonWorld) -> None:
    person, first, second = (world.person_id() for _ in range(3))
    before = len(world.feed())
    asked = world.ask(person, first, SHARE, Relation.SPOUSE)
    assert asked.state is LinkState.REQUESTED
    assert (len(world.feed()), payers(world, person)) == (before, ())
    confirmed = world.confirm(asked)
    assert confirmed.state is LinkState.CONFIRMED
    assert confirmed.confirm_time is not None
    world.link(person, second, SHARE)
    assert world.feed(after=before) == [person, person]
    assert payers(world, person) == (first, second)
    assert world.end(asked.link_id, first).state is LinkState.ENDED
    assert payers(world, person) == (second,)
    assert world.feed(after=before) == [person] * 3


def test_a_link_by_which_no_code_was_shown_ends_without_a_word_to_settlement(
    world: PersonWorld,
) -> None:
    person, relative = world.person_id(), world.person_id()
    before = len(world.feed())
    link = world.link(person, relative, SHOW)
    world.end(link.link_id, person)
    assert len(world.feed()) == before


def test_a_link_that_was_never_agreed_to_ends_without_a_word_to_settlement(
    world: PersonWorld,
) -> None:
    person, relative = world.person_id(), world.person_id()
    before = len(world.feed())
    world.end(world.ask(person, relative, SHARE).link_id, relative)
    assert len(world.feed()) == before


def test_a_sixth_code_is_not_shown(world: PersonWorld) -> None:
    person = world.person_id()
    links = [world.ask(person, world.person_id()) for _ in range(5)]
    sixth = world.person_id()
    before = world.everything()
    with pytest.raises(RuleError) as caught:
        world.ask(person, sixth)
    assert caught.value.reason is Reason.RELATIVE_LINK_LIMIT
    assert caught.value.metadata == {"limit": "5"}
    assert world.everything() == before
    # Links of the other purpose, and those in which others ask, do not count.
    world.ask(person, sixth, SHARE)
    world.ask(sixth, person)
    world.end(links[0].link_id, person)
    world.ask(person, sixth)


def test_one_code_may_be_shown_by_several(world: PersonWorld) -> None:
    relative = world.person_id()
    for _ in range(6):
        world.link(world.person_id(), relative, SHOW)


def test_the_limit_is_counted_again_at_agreement(world: PersonWorld) -> None:
    person = world.person_id()
    first, second = (world.ask(person, world.person_id()) for _ in range(2))
    world.relatives = world.links_limited_to(show_code=1)
    world.confirm(first)
    with pytest.raises(RuleError) as caught:
        world.confirm(second)
    assert caught.value.reason is Reason.RELATIVE_LINK_LIMIT
    assert caught.value.metadata == {"limit": "1"}


def test_the_same_two_have_one_link_for_a_purpose(world: PersonWorld) -> None:
    person, relative = world.person_id(), world.person_id()
    link = world.ask(person, relative)
    for _ in range(2):
        with pytest.raises(RuleError) as caught:
            world.ask(person, relative)
        assert caught.value.reason is Reason.RELATIVE_LINK_EXISTS
        assert caught.value.metadata == {"link_id": link.link_id}
        if link.state is LinkState.REQUESTED:
            link = world.confirm(link)
    world.end(link.link_id, person)
    world.ask(person, relative)


def test_a_link_is_between_two_persons_in_use(world: PersonWorld) -> None:
    person, merged, unknown = world.person_id(), world.person_id(), new_id()
    world.merge(merged, world.person_id())
    for pair, reason in (
        ((person, unknown), Reason.PERSON_NOT_FOUND),
        ((unknown, person), Reason.PERSON_NOT_FOUND),
        ((person, merged), Reason.PERSON_MERGED),
        ((merged, person), Reason.PERSON_MERGED),
        ((person, person), Reason.FIELD_OUT_OF_RANGE),
    ):
        with pytest.raises(RuleError) as caught:
            world.ask(*pair)
        assert caught.value.reason is reason


def test_a_link_is_found_by_those_whom_it_is_about(world: PersonWorld) -> None:
    person, relative, other = (world.person_id() for _ in range(3))
    link = world.ask(person, relative)
    assert world.relatives.list(REGION, person, AGENCY) == [link]
    assert world.relatives.list(REGION, relative, AGENCY) == [link]
    assert world.relatives.list(REGION, other, AGENCY) == []
    with pytest.raises(RuleError) as caught:
        world.relatives.list(REGION, new_id(), AGENCY)
    assert caught.value.reason is Reason.PERSON_NOT_FOUND
    with pytest.raises(RuleError) as caught:
        world.end(link.link_id, other)
    assert caught.value.reason is Reason.RELATIVE_LINK_NOT_FOUND
    with pytest.raises(RuleError) as caught:
        world.end(new_id(), person)
    assert caught.value.reason is Reason.RELATIVE_LINK_NOT_FOUND


def test_only_the_relative_agrees(world: PersonWorld) -> None:
    person, relative = world.person_id(), world.person_id()
    link = world.ask(person, relative)
    with pytest.raises(RuleError) as caught:
        world.confirm(dataclasses.replace(link, relative_id=person))
    assert caught.value.reason is Reason.RELATIVE_LINK_NOT_FOUND


def test_the_newest_links_come_first(world: PersonWorld) -> None:
    person = world.person_id()
    made = [world.ask(person, world.person_id()) for _ in range(3)]
    assert world.relatives.list(REGION, person, AGENCY) == list(reversed(made))


def test_links_that_ended_push_none_off_the_list_that_stands(
    world: PersonWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = world.person_id()
    made = [world.ask(person, world.person_id()) for _ in range(4)]
    confirmed = world.confirm(made[1])
    ended = [world.end(link.link_id, person) for link in made[2:]]
    listed = [confirmed, made[0], *reversed(ended)]
    assert world.relatives.list(REGION, person, AGENCY) == listed
    monkeypatch.setattr(relative, "_MOST_LISTED", 2)
    assert world.relatives.list(REGION, person, AGENCY) == listed[:2]


def test_a_holder_acts_for_itself_alone(world: PersonWorld) -> None:
    """A holder's certificate is that of an e-certificate, and so of one person."""
    person, relative = world.person_id(), world.person_id()
    asker, agreer = holder(world, person), holder(world, relative)
    before = len(world.audit())
    for act in (
        lambda: world.ask(person, relative, caller=agreer),
        lambda: world.relatives.list(REGION, person, parse_caller(agreer)),
        lambda: world.ask(person, relative, caller=f"holder/{new_id()}"),
    ):
        with pytest.raises(RuleError) as caught:
            act()
        assert caught.value.reason is Reason.OUT_OF_SCOPE
        assert caught.value.metadata == {"scope": f"person/{person}"}
    refused = world.audit()[before:]
    assert [(row.outcome, row.subject_ids) for row in refused] == [("OUT_OF_SCOPE", ())] * 3
    link = world.ask(person, relative, caller=asker)
    with pytest.raises(RuleError) as caught:
        world.confirm(link, caller=asker)
    assert caught.value.reason is Reason.OUT_OF_SCOPE
    world.confirm(link, caller=agreer)
    with pytest.raises(RuleError) as caught:
        world.end(link.link_id, relative, caller=asker)
    assert caught.value.reason is Reason.OUT_OF_SCOPE
    world.end(link.link_id, person, caller=asker)


def test_the_holder_of_a_closed_certificate_acts_for_nobody(world: PersonWorld) -> None:
    person, relative = world.person_id(), world.person_id()
    closed = holder(world, person, CertificateState.CLOSED)
    with pytest.raises(RuleError) as caught:
        world.ask(person, relative, caller=closed)
    assert caught.value.reason is Reason.OUT_OF_SCOPE


@pytest.mark.parametrize("is_closed", [False, True], ids=["standing", "closed"])
def test_nothing_is_agreed_to_by_the_phone_of_a_suspended_certificate(
    databases: Databases, is_closed: bool
) -> None:
    """I-04: whoever misuses it would let the holder's account pay; a counter sees the person."""
    desk = EcertDesk(databases.open("yibao_identity"))
    person, relative = desk.person_id(), desk.activate()
    link = desk.ask(person, relative.person_id, SHARE, Relation.SPOUSE)
    case = desk.suspend(desk.report(relative.subject))
    callers = [CHANNEL]
    if is_closed:
        # Nobody is its holder any more, and the app cannot be told apart.
        desk.close(relative.certificate_id)
    else:
        callers.append(f"holder/{relative.certificate_id}")
    for caller in callers:
        for act in (
            functools.partial(desk.confirm, link, caller=caller),
            functools.partial(desk.ask, relative.person_id, person, caller=caller),
        ):
            with pytest.raises(RuleError) as caught:
                act()
            assert caught.value.reason is Reason.ECERT_SUSPENDED
            assert caught.value.metadata == {"case_id": case.case_id}
    assert payers(desk, person) == ()
    assert desk.confirm(link).state is LinkState.CONFIRMED
    # Whoever is suspended may always let go.
    desk.end(link.link_id, relative.person_id, caller=callers[-1])
    again = desk.ask(person, relative.person_id, SHARE, Relation.SPOUSE)
    desk.lift(case)
    assert desk.confirm(again, caller=CHANNEL).state is LinkState.CONFIRMED


@pytest.mark.parametrize("is_closed", [False, True], ids=["standing", "closed"])
def test_what_a_suspended_payer_agreed_to_by_phone_pays_nothing_meanwhile(
    databases: Databases, is_closed: bool
) -> None:
    """I-04: whoever misuses the phone may have agreed; what a counter saw goes on."""
    desk = EcertDesk(databases.open("yibao_identity"))
    payer, other = desk.activate(), desk.activate()
    by_phone, at_counter = desk.person_id(), desk.person_id()
    for person, caller in ((by_phone, f"holder/{payer.certificate_id}"), (at_counter, MAKER)):
        link = desk.ask(person, payer.person_id, SHARE, Relation.CHILD)
        desk.confirm(link, caller=caller)
        desk.confirm(
            desk.ask(person, other.person_id, SHARE, Relation.SPOUSE),
            caller=f"holder/{other.certificate_id}",
        )
    both = (payer.person_id, other.person_id)
    case = desk.report(payer.subject)
    if is_closed:
        desk.close(payer.certificate_id)
    before = len(desk.feed())
    case = desk.suspend(case)
    assert by_phone in desk.feed(after=before)
    assert payers(desk, by_phone) == (other.person_id,)
    assert payers(desk, at_counter) == both
    before = len(desk.feed())
    desk.lift(case)
    assert by_phone in desk.feed(after=before)
    assert payers(desk, by_phone) == both


def test_the_limit_holds_where_many_ask_at_once(world: PersonWorld) -> None:
    person = world.person_id()
    relatives = [world.person_id() for _ in range(8)]

    def ask(relative: str) -> str:
        try:
            return world.ask(person, relative).state.name
        except RuleError as refusal:
            return refusal.reason.name

    with ThreadPoolExecutor(4) as threads:
        outcomes = sorted(threads.map(ask, relatives))
    assert outcomes == ["RELATIVE_LINK_LIMIT"] * 3 + ["REQUESTED"] * 5


def test_two_who_ask_each_other_at_once_both_get_their_links(world: PersonWorld) -> None:
    pairs = [(world.person_id(), world.person_id()) for _ in range(4)]
    both = [*pairs, *((second, first) for first, second in pairs)]
    with ThreadPoolExecutor(4) as threads:
        links = list(threads.map(lambda pair: world.ask(*pair), both))
    assert {each.state for each in links} == {LinkState.REQUESTED}
    assert world.count(tables.relative_link) == 8


def test_the_audit_names_both_and_what_became_of_the_link(world: PersonWorld) -> None:
    person, relative = world.person_id(), world.person_id()
    world.end(world.link(person, relative, SHARE).link_id, person)
    assert [(row.method, row.detail.split()[-1]) for row in world.audit()[-3:]] == [
        ("RequestRelativeLink", "state=REQUESTED"),
        ("ConfirmRelativeLink", "state=CONFIRMED"),
        ("EndRelativeLink", "state=ENDED"),
    ]
    assert {row.subject_ids for row in world.audit()[-3:]} == {(person, relative)}

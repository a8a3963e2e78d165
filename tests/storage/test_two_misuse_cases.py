"""Two cases that hold one credential: it is free only when neither holds it any more.

A case holds the credential that it is about, and, where that one has ended, what stands in
its place: what the holder got since, or has in the record that stays after a merge.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.ecert_desk import EcertDesk, Phone
from support.person_stores import REGION

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.card import CardState
from yibao_identity.rules.certificate import CertificateState
from yibao_identity.rules.credential import CredentialKind, CredentialState
from yibao_identity.rules.misuse import CaseState, MisuseCase
from yibao_identity.storage import tables

ECERT, CARD = CredentialKind.ECERT, CredentialKind.CARD
FORMER_CARD, MIDDLE_CARD, LATER_CARD = (f"CARD00000000{number}" for number in range(3))


@pytest.fixture
def desk(databases: Databases) -> EcertDesk:
    return EcertDesk(databases.open("yibao_identity"))


@dataclass(frozen=True, slots=True)
class Two:
    """Cases about a credential that has ended, and about the one that took its place."""

    holder_id: str
    former: MisuseCase
    later: MisuseCase


def issued_later(desk: EcertDesk, kind: CredentialKind) -> Two:
    """The holder closed the credential after the report and got another one."""
    if kind is CARD:
        person_id = desk.person_id()
        desk.give_card(person_id, FORMER_CARD, number=0, state=CardState.REPLACED)
        desk.give_card(person_id, LATER_CARD)
        return Two(person_id, desk.report(FORMER_CARD), desk.report(LATER_CARD))
    closed = desk.activate()
    former = desk.report(closed.subject)
    desk.close(closed.certificate_id)
    return Two(closed.person_id, former, desk.report(desk.activate(closed.person_id).subject))


def merged_later(desk: EcertDesk, kind: CredentialKind) -> Two:
    """The holder's record was a duplicate: the one that stays has another credential."""
    retired, surviving = desk.person_id(), desk.person_id()
    if kind is CARD:
        desk.give_card(retired, FORMER_CARD, number=0)
        desk.give_card(surviving, LATER_CARD)
        subjects = FORMER_CARD, LATER_CARD
    else:
        subjects = desk.activate(retired).subject, desk.activate(surviving).subject
    former, later = (desk.report(subject) for subject in subjects)
    desk.merge(retired, surviving)
    return Two(surviving, former, later)


WAYS = pytest.mark.parametrize("two_cases", [issued_later, merged_later])
KINDS = pytest.mark.parametrize("kind", [ECERT, CARD], ids=lambda kind: kind.name)
TwoCases = Callable[[EcertDesk, CredentialKind], Two]


def marks(desk: EcertDesk) -> dict[str, str | None]:
    """Returns which case suspends each card and e-certificate, by subjects."""
    found: dict[str, str | None] = {}
    with desk.database.read() as connection:
        for table in (tables.card.c, tables.certificate.c):
            rows = connection.execute(sa.select(table.subject, table.suspension_case_id))
            found |= {row.subject: row.suspension_case_id for row in rows}
    return found


def told(desk: EcertDesk, subject: str, person_id: str) -> CredentialState:
    """Returns what settlement is told of a credential."""
    changes = desk.changes(REGION, after_sequence=0, limit=1_000)
    standing = next(e.standing for e in changes if e.standing.person_id == person_id)
    (found,) = [each.state for each in standing.credentials if each.subject == subject]
    return found


def refusal_of(act: Callable[..., object], *args: object) -> RuleError:
    with pytest.raises(RuleError) as refused:
        act(*args)
    return refused.value


@KINDS
def test_a_second_case_about_one_credential_is_not_decided(
    desk: EcertDesk, kind: CredentialKind
) -> None:
    """I-04: neither the first one's mark nor its end is touched by the second."""
    person_id = desk.person_id()
    if kind is CARD:
        desk.give_card(person_id, LATER_CARD)
    subject = LATER_CARD if kind is CARD else desk.activate(person_id).subject
    first, second = (desk.report(subject) for _ in range(2))
    desk.suspend(first)
    before = (len(desk.feed()), len(desk.audit()))
    refused = refusal_of(desk.suspend, second)
    assert (refused.reason, refused.metadata) == (
        Reason.MISUSE_CASE_STATE,
        {"case_id": first.case_id, "state": "SUSPENDED"},
    )
    assert marks(desk) == {subject: first.case_id}
    assert desk.cases.find(REGION, second.case_id).state is CaseState.REPORTED
    assert (len(desk.feed()), len(desk.audit())) == before
    desk.lift(second)
    assert marks(desk) == {subject: first.case_id}
    desk.lift(first)
    assert marks(desk) == {subject: None}
    assert told(desk, subject, person_id) is CredentialState.USABLE


@KINDS
@WAYS
def test_a_case_about_what_has_ended_keeps_the_mark_of_another_on_what_stands(
    desk: EcertDesk, two_cases: TwoCases, kind: CredentialKind
) -> None:
    two = two_cases(desk, kind)
    desk.suspend(two.later)
    desk.suspend(two.former)
    assert marks(desk) == {
        two.former.subject: two.former.case_id,
        two.later.subject: two.later.case_id,
    }


@KINDS
@WAYS
def test_lifting_the_case_about_what_has_ended_leaves_the_other_ones_suspension(
    desk: EcertDesk, two_cases: TwoCases, kind: CredentialKind
) -> None:
    two = two_cases(desk, kind)
    desk.suspend(two.later)
    desk.suspend(two.former)
    desk.lift(two.former)
    assert marks(desk) == {two.former.subject: None, two.later.subject: two.later.case_id}
    assert told(desk, two.later.subject, two.holder_id) is CredentialState.SUSPENDED
    desk.lift(two.later)
    assert set(marks(desk).values()) == {None}
    assert told(desk, two.later.subject, two.holder_id) is CredentialState.USABLE


@KINDS
@WAYS
def test_lifting_the_case_about_what_stands_leaves_it_to_the_one_about_what_has_ended(
    desk: EcertDesk, two_cases: TwoCases, kind: CredentialKind
) -> None:
    """I-04: the other case holds what took the place of its credential, so it takes over."""
    two = two_cases(desk, kind)
    desk.suspend(two.later)
    desk.suspend(two.former)
    desk.lift(two.later)
    assert set(marks(desk).values()) == {two.former.case_id}
    assert told(desk, two.later.subject, two.holder_id) is CredentialState.SUSPENDED
    desk.lift(two.former)
    assert set(marks(desk).values()) == {None}
    assert told(desk, two.later.subject, two.holder_id) is CredentialState.USABLE


@KINDS
@WAYS
def test_what_the_case_about_what_has_ended_holds_is_not_suspended_again(
    desk: EcertDesk, two_cases: TwoCases, kind: CredentialKind
) -> None:
    two = two_cases(desk, kind)
    desk.suspend(two.former)
    refused = refusal_of(desk.suspend, two.later)
    assert refused.metadata == {"case_id": two.former.case_id, "state": "SUSPENDED"}
    assert set(marks(desk).values()) == {two.former.case_id}
    # Once the first one is lifted, the second can be decided.
    desk.lift(two.former)
    assert set(marks(desk).values()) == {None}
    desk.suspend(two.later)
    assert marks(desk)[two.later.subject] == two.later.case_id


@pytest.mark.parametrize("is_first_lifted_first", [True, False])
@KINDS
def test_cases_of_two_merged_records_hold_what_the_one_that_stays_has(
    desk: EcertDesk, kind: CredentialKind, is_first_lifted_first: bool
) -> None:
    """I-04: neither is about what stands; whichever is lifted, the other one holds it."""
    first, middle, last = (desk.person_id() for _ in range(3))
    if kind is CARD:
        subjects = (FORMER_CARD, MIDDLE_CARD, LATER_CARD)
        for number, person_id in enumerate((first, middle, last)):
            desk.give_card(person_id, subjects[number], number=number)
    else:
        one, two, three = (desk.activate(each).subject for each in (first, middle, last))
        subjects = (one, two, three)
    cases = [desk.report(subject) for subject in subjects[:2]]
    desk.merge(first, middle)
    desk.merge(middle, last)
    for case in reversed(cases):
        desk.suspend(case)
    assert marks(desk)[subjects[2]] == cases[1].case_id
    if is_first_lifted_first:
        cases.reverse()
    held_by, lifted = cases
    desk.lift(lifted)
    assert marks(desk) == {
        lifted.subject: None,
        held_by.subject: held_by.case_id,
        subjects[2]: held_by.case_id,
    }
    assert told(desk, subjects[2], last) is CredentialState.SUSPENDED
    desk.lift(held_by)
    assert set(marks(desk).values()) == {None}
    assert told(desk, subjects[2], last) is CredentialState.USABLE


def test_a_phone_works_again_when_the_last_case_is_lifted(desk: EcertDesk) -> None:
    two = issued_later(desk, ECERT)
    with desk.database.read() as connection:
        table = tables.certificate.c
        query = sa.select(table.certificate_id).where(table.subject == two.later.subject)
        certificate_id = connection.execute(query).scalar_one()
    phone = desk.enrol(Phone(certificate_id))
    desk.suspend(two.later)
    desk.suspend(two.former)
    desk.lift(two.later)
    refused = refusal_of(desk.renew, phone)
    assert (refused.reason, refused.metadata) == (
        Reason.ECERT_SUSPENDED,
        {"case_id": two.former.case_id},
    )
    desk.lift(two.former)
    desk.renew(phone)
    assert desk.certificates.find(REGION, certificate_id).state is CertificateState.ACTIVE


def test_a_case_of_a_merged_record_keeps_the_one_that_stays_from_a_certificate(
    desk: EcertDesk,
) -> None:
    """I-04: nothing stood in its place when it was suspended, and nothing comes there."""
    retired, surviving, other = (desk.person_id() for _ in range(3))
    case = desk.report(desk.activate(retired).subject)
    desk.merge(retired, surviving)
    desk.suspend(case)
    refused = refusal_of(desk.activate, surviving)
    assert (refused.reason, refused.metadata) == (
        Reason.ECERT_SUSPENDED,
        {"case_id": case.case_id},
    )
    # Nor is the suspension shaken off by another merge.
    merge = desk.propose(surviving, other)
    refused = refusal_of(desk.decide, merge.merge_id)
    assert (refused.reason, refused.metadata) == (
        Reason.ECERT_SUSPENDED,
        {"case_id": case.case_id},
    )
    desk.lift(case)
    desk.activate(surviving)
    desk.decide(merge.merge_id)

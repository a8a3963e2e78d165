"""Death is one event: whichever call tells of it ends all that the person could use."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from support.card_acts import NUMBER, CardActs
from support.databases import Databases
from support.ecert_desk import EcertDesk, Phone
from support.person_stores import CHECKER, MAKER, REGION, TERMS
from support.refusals import reason_of

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.death import Report
from yibao_identity.application.feed import PersonStanding
from yibao_identity.rules.card import Card, CardClosing, CardState
from yibao_identity.rules.certificate import Certificate, CertificateState
from yibao_identity.rules.credential import CredentialState
from yibao_identity.rules.device import DeviceState
from yibao_identity.rules.relative import LinkPurpose, LinkState, RelativeLink
from yibao_identity.storage import tables

DIED = dt.date(2026, 10, 20)
AFTER = dt.date(2026, 10, 21)


@dataclass
class Life:
    """A person with a card, an e-certificate on a phone, and a relative whose account pays."""

    desk: EcertDesk
    acts: CardActs
    person_id: str
    card: Card
    certificate: Certificate
    phone: Phone
    links: tuple[RelativeLink, RelativeLink]

    def die(self, path: str, day: dt.date = DIED) -> None:
        """Tells of the death by a call."""
        if path == "RecordDeath":
            self.desk.die(self.person_id, day)
        else:
            report = Report(day, "death/1")
            self.acts.close(self.card, CardClosing.HOLDER_DIED, death=report)

    def standing(self, person_id: str = "") -> PersonStanding:
        """Returns what the feed told last of the person."""
        wanted = person_id or self.person_id
        changes = self.desk.changes(REGION, after_sequence=0, limit=1_000)
        return [each.standing for each in changes if each.standing.person_id == wanted][-1]


def shown_at_counters(desk: EcertDesk, person_id: str) -> None:
    """Lets a person be known by the document that `CardActs` shows."""
    with desk.database.write() as connection:
        connection.execute(
            sa.update(tables.person)
            .where(tables.person.c.person_id == person_id)
            .values(number_hash=desk.vault.number_hash("01", NUMBER))
        )


@pytest.fixture
def life(databases: Databases) -> Life:
    desk = EcertDesk(databases.open("yibao_identity"))
    acts = CardActs(desk.transactions)
    acts.now = desk.clock.now
    person_id = desk.person_id()
    shown_at_counters(desk, person_id)
    relative = desk.person_id()
    certificate = desk.activate(person_id)
    return Life(
        desk,
        acts,
        person_id,
        acts.active(person_id),
        certificate,
        desk.enrol(Phone(certificate.certificate_id)),
        (
            desk.link(relative, person_id, LinkPurpose.SHARE_ACCOUNT),
            desk.ask(person_id, relative),
        ),
    )


each_path = pytest.mark.parametrize("path", ["RecordDeath", "CloseCard"])


@each_path
def test_a_death_ends_all_credentials_and_links_at_once(life: Life, path: str) -> None:
    """I-31: card, e-certificate, phones, family links, cover; settlement is told by date."""
    desk = life.desk
    payer_of, _ = life.links
    life.die(path)
    assert life.acts.read(life.card).state is CardState.CLOSED
    found = desk.certificates.find(REGION, life.certificate.certificate_id)
    assert found.state is CertificateState.CLOSED
    with desk.database.read() as connection:
        states = connection.execute(sa.select(tables.device.c.state)).scalars().all()
        links = connection.execute(sa.select(tables.relative_link.c.state)).scalars().all()
    assert states == [DeviceState.REVOKED.value]
    assert set(links) == {LinkState.ENDED.value}
    standing = life.standing()
    assert standing.death_date == DIED
    assert {each.state for each in standing.credentials} == {CredentialState.CLOSED}
    assert [each.end_date for each in standing.enrolments] == [DIED]
    # The account of who died pays for no relative any more.
    assert life.standing(payer_of.person_id).payer_ids == ()
    person = desk.persons.find(REGION, life.person_id)
    assert person.person.death_date == DIED
    assert [each.end_date for each in person.enrolments] == [DIED]


@each_path
def test_nothing_new_is_made_for_who_died(life: Life, path: str) -> None:
    """I-31: no card, no e-certificate, no link, no cover, no second death."""
    desk, person_id = life.desk, life.person_id
    life.die(path)
    relative = desk.person_id()
    attempts: list[Any] = [
        lambda: life.acts.issue(person_id),
        lambda: life.acts.order(life.card),
        lambda: life.acts.collect(life.card),
        lambda: desk.activate(person_id),
        lambda: desk.ask(person_id, relative),
        lambda: desk.ask(relative, person_id),
        lambda: desk.add(person_id, "390", AFTER),
        lambda: desk.die(person_id),
    ]
    for attempt in attempts:
        assert reason_of(attempt) is Reason.PERSON_DECEASED
    for attempt in (
        lambda: life.acts.set_pin(life.card),
        lambda: life.acts.close(life.card, CardClosing.HOLDER_DIED),
    ):
        assert reason_of(attempt) is Reason.CARD_CLOSED
    # What happened before is put right all the same.
    period = desk.persons.find(REGION, person_id).enrolments[0]
    desk.change(person_id, period.enrolment_id, TERMS, dt.date(2026, 5, 1))
    assert desk.update(person_id, name="李四").person.person_name == "李四"


@pytest.mark.parametrize("day", [dt.date(1990, 2, 28), dt.date(2026, 11, 3)])
@each_path
def test_a_death_lies_between_birth_and_today(life: Life, path: str, day: dt.date) -> None:
    """I-31."""
    assert reason_of(lambda: life.die(path, day)) is Reason.FIELD_OUT_OF_RANGE
    assert life.acts.read(life.card).state is CardState.ACTIVE


def test_a_death_is_recorded_on_its_day(life: Life) -> None:
    life.die("RecordDeath", dt.date(2026, 11, 2))
    assert life.standing().death_date == dt.date(2026, 11, 2)


def test_a_wrong_report_is_revoked_by_another_operator(life: Life) -> None:
    """I-31: cover is as before; what ended is made anew, the card in seven days."""
    desk, person_id = life.desk, life.person_id
    assert reason_of(lambda: desk.revive(person_id)) is Reason.DEATH_NOT_FOUND
    life.die("RecordDeath")
    refused = reason_of(lambda: desk.revive(person_id, caller=MAKER))
    assert refused is Reason.SAME_MAKER_AND_CHECKER
    revived = desk.revive(person_id)
    assert revived.person.death_date is None
    assert [each.end_date for each in revived.enrolments] == [None]
    standing = life.standing()
    assert standing.death_date is None
    assert [each.end_date for each in standing.enrolments] == [None]
    assert desk.activate(person_id).state is CertificateState.ACTIVE
    assert reason_of(lambda: life.acts.issue(person_id)) is Reason.REPLACEMENT_NOT_FOUND
    assert life.acts.next(life.card).state is CardState.ISSUED
    told = desk.audit()
    assert {"RecordDeath", "RevokeDeath"} <= {each.method for each in told}
    assert any(CHECKER in each.caller for each in told if each.method == "RevokeDeath")
    # The right day takes its place; both reports stay on record.
    desk.die(person_id, AFTER)
    assert desk.count(tables.death) == 2


@pytest.mark.parametrize("who_died", ["retired", "surviving"])
def test_a_merge_carries_a_death_to_the_record_that_stays(life: Life, who_died: str) -> None:
    """I-31: the human died, whichever record told of it."""
    desk = life.desk
    duplicate = desk.person_id()
    desk.die(duplicate if who_died == "retired" else life.person_id)
    desk.merge(duplicate, life.person_id)
    assert life.standing().death_date == DIED
    assert life.acts.read(life.card).state is CardState.CLOSED
    with pytest.raises(RuleError) as caught:
        desk.activate(life.person_id)
    assert caught.value.reason is Reason.PERSON_DECEASED
    assert caught.value.metadata == {"death_date": "2026-10-20"}

"""What settlement is told of a person: what stands on the day on which the feed is read."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from support.memory.disease import MemoryDiseases
from support.memory.enrolment import MemoryEnrolments
from support.memory.feed import MemoryFeed
from support.memory.transactions import MemoryTransactions
from support.memory.work import memory_work

from yibao_common.values.citizen_number import Gender
from yibao_identity.application.feed import (
    Bookmark,
    Feed,
    FeedCard,
    FeedCertificate,
    FeedEntry,
    FeedPerson,
)
from yibao_identity.rules.card import CardState
from yibao_identity.rules.certificate import CertificateState
from yibao_identity.rules.credential import CredentialState
from yibao_identity.rules.disease import Disease
from yibao_identity.rules.enrolment import Enrolment, EnrolmentStatus
from yibao_identity.rules.relative import LinkPurpose, LinkState, Relation, RelativeLink

REGION = "500100"
# Still the day before in UTC, and the day after the deadline in Shanghai.
NOW = dt.datetime(2026, 11, 26, 17, tzinfo=dt.UTC)
DEADLINE = dt.date(2026, 11, 26)
SHARED = RelativeLink(
    *(REGION, "l1", "a", "b"),
    *(LinkPurpose.SHARE_ACCOUNT, Relation.CHILD, LinkState.CONFIRMED, NOW),
)


def period(insurance_type: str, start: dt.date) -> Enrolment:
    return Enrolment(
        insurance_type,
        "11",
        (),
        EnrolmentStatus.NORMAL,
        start,
        enrolment_id=f"e{insurance_type}",
        record_time=NOW,
        recorded_by="w",
    )


def feed_of(rows: MemoryFeed, *enrolments: Enrolment, held: Sequence[Disease] = ()) -> Feed:
    diseases = MemoryDiseases({each.disease_registration_id: ("a", each) for each in held})
    periods = MemoryEnrolments({each.enrolment_id: ("a", each) for each in enrolments})
    work = memory_work(REGION, feed_rows=rows, enrolments=periods, diseases=diseases)
    return Feed(MemoryTransactions(work), clock=lambda: NOW)


def after(sequence: int) -> Bookmark:
    return Bookmark("", sequence, 0, "")


def rows() -> MemoryFeed:
    return MemoryFeed(
        entries=[FeedEntry(7, "a", NOW), FeedEntry(8, "b", NOW), FeedEntry(9, "a", NOW)],
        told=[
            FeedPerson("a", dt.date(1990, 3, 7), None, None, "张小三", Gender.MALE),
            FeedPerson("b", dt.date(1960, 3, 7), "a", None, "李", Gender.FEMALE),
        ],
    )


def test_a_page_tells_of_its_own_persons_in_the_order_of_changes() -> None:
    feed = feed_of(rows())
    page = feed.page(REGION, after(6), limit=2)
    told = [(each.sequence, each.standing.person_id) for each in page.changes]
    assert told == [(7, "a"), (8, "b")]
    assert [each.standing.merged_into for each in page.changes] == [None, "a"]
    assert (page.epoch, page.head_sequence, page.starts_anew) == ("epoch 1", 9, False)
    assert [each.sequence for each in feed.page(REGION, after(8), limit=2).changes] == [9]
    assert feed.page(REGION, after(9), limit=2).changes == ()


def test_of_a_name_the_first_character_is_told_and_the_gender() -> None:
    first, second = feed_of(rows()).page(REGION, after(6), limit=2).changes
    assert (first.standing.person_name_masked, first.standing.gender) == ("张**", Gender.MALE)
    assert (second.standing.person_name_masked, second.standing.gender) == ("李", Gender.FEMALE)
    for printed in (repr(first), str(rows().told)):
        assert "张" not in printed


def test_credentials_are_told_as_they_stand_today() -> None:
    told = dataclasses.replace(
        rows(),
        ecerts=[
            FeedCertificate("a", "c1", "S1", CertificateState.CLOSED, "m"),
            FeedCertificate("a", "c2", "S2", CertificateState.ACTIVE, "m"),
        ],
        issued=[
            FeedCard("a", "S3", CardState.ISSUED, DEADLINE, False),
            FeedCard("a", "S4", CardState.ISSUED, DEADLINE + dt.timedelta(days=1), False),
            FeedCard("a", "S5", CardState.ACTIVE, DEADLINE, True),
            FeedCard("b", "S6", CardState.ACTIVE, DEADLINE, False),
        ],
    )
    first, second = feed_of(told).page(REGION, after(6), limit=2).changes
    assert [(each.subject, each.state) for each in first.standing.credentials] == [
        ("S1", CredentialState.CLOSED),
        ("S2", CredentialState.SUSPENDED),
        ("S3", CredentialState.RESTRICTED),
        ("S4", CredentialState.NOT_ACTIVATED),
        ("S5", CredentialState.SUSPENDED),
    ]
    assert [each.state for each in second.standing.credentials] == [CredentialState.USABLE]


def test_those_pay_who_agreed_to_share_their_account_and_still_do() -> None:
    agreed = [
        SHARED,
        dataclasses.replace(SHARED, relative_id="c", purpose=LinkPurpose.SHOW_CODE),
        dataclasses.replace(SHARED, relative_id="d", state=LinkState.ENDED),
        dataclasses.replace(SHARED, relative_id="e", state=LinkState.REQUESTED),
        dataclasses.replace(SHARED, relative_id="f"),
    ]
    told = feed_of(dataclasses.replace(rows(), agreed=agreed))
    first, *_ = told.page(REGION, after(0), limit=9).changes
    assert first.standing.payer_ids == ("b", "f")


def test_diseases_are_told_in_their_order_without_those_that_were_taken_back() -> None:
    first, second = dt.date(2026, 3, 1), dt.date(2026, 5, 1)
    recorded = {"record_time": NOW, "recorded_by": "w"}
    held = [
        Disease("M2", second, None, "d1", **recorded),  # type: ignore[arg-type]
        Disease("M1", first, second, "d2", **recorded),  # type: ignore[arg-type]
        Disease("M3", first, first - dt.timedelta(days=1), "d3", **recorded),  # type: ignore[arg-type]
        Disease("M4", first, None, "d4", NOW, "w", NOW),
    ]
    told, *_ = feed_of(rows(), held=held).page(REGION, after(0), limit=9).changes
    assert [each.disease_code for each in told.standing.diseases] == ["M1", "M2"]


def test_periods_are_told_in_their_order() -> None:
    later, earlier = period("310", dt.date(2026, 3, 1)), period("390", dt.date(2026, 1, 1))
    first, *_ = feed_of(rows(), later, earlier).page(REGION, after(0), limit=9).changes
    assert first.standing.enrolments == (earlier, later)


def test_who_read_this_feed_goes_on_and_who_read_another_one_starts_anew() -> None:
    feed = feed_of(rows())
    page = feed.page(REGION, after(9), limit=2)
    epoch, head, mark = page.epoch, page.head_sequence, page.head_mark
    assert not feed.page(REGION, Bookmark(epoch, 7, head, mark), limit=2).starts_anew
    changed = dataclasses.replace(
        rows().entries[-1], record_time=NOW + dt.timedelta(microseconds=1)
    )
    others = {
        "another epoch": feed_of(dataclasses.replace(rows(), epoch="epoch 2")),
        "an end before": feed_of(dataclasses.replace(rows(), entries=rows().entries[:2])),
        "another change there": feed_of(
            dataclasses.replace(
                rows(),
                entries=[*rows().entries[:2], changed, FeedEntry(10, "a", NOW)],
            )
        ),
    }
    for name, other in others.items():
        # What was told of a person may stem from the head, however far the changes were read.
        for sequence in (7, 9):
            answer = other.page(REGION, Bookmark(epoch, sequence, head, mark), limit=2)
            assert (answer.starts_anew, answer.changes) == (True, ()), name


def test_who_read_beyond_the_end_starts_anew_even_without_an_epoch() -> None:
    assert feed_of(rows()).page(REGION, after(10), limit=2).starts_anew


def test_revoked_phones_are_told_with_their_certificate() -> None:
    certificate = FeedCertificate("a", "c1", "S1", CertificateState.ACTIVE, None)
    told = dataclasses.replace(rows(), ecerts=[certificate], revoked={"c1": ["00aa"]})
    first, *_ = feed_of(told).page(REGION, after(6), limit=2).changes
    (credential,) = first.standing.credentials
    assert credential.revoked_device_certificate_ids == ("00aa",)

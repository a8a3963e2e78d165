"""Codes that relatives showed count no more once these may show none (I-03, I-04)."""

import datetime as dt
import os
import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.ecert_desk import EcertDesk
from support.person_stores import REGION

from yibao_identity.application.code.queue import IssueCode, IssueWork
from yibao_identity.application.relative_code import (
    IssueRelativeCode,
    RelativeCode,
    RelativeIssueWork,
)
from yibao_identity.rules.certificate import Certificate
from yibao_identity.rules.code import QrClaims
from yibao_identity.rules.relative import LinkPurpose, RelativeLink
from yibao_identity.storage import tables

FAR = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


class Family(EcertDesk):
    """A child who shows the code of a parent."""

    def __init__(self, databases: Databases) -> None:
        super().__init__(databases.open("yibao_identity"))
        self.child, self.parent = self.activate(), self.activate()
        self.shown = self.agree(self.child, self.parent)

    def agree(self, shower: Certificate, relative: Certificate) -> RelativeLink:
        return self.link(shower.person_id, relative.person_id, LinkPurpose.SHOW_CODE)

    def show(self, shower: Certificate | None = None, link: RelativeLink | None = None) -> QrClaims:
        """Returns a code of a relative, by default of the parent."""
        shower, link = shower or self.child, link or self.shown
        work = RelativeIssueWork(
            self.transactions,
            key_expire_time=lambda: FAR,
            clock=self.clock,
            random_bytes=os.urandom,
        )
        caller = f"holder/{shower.certificate_id}"
        command = IssueRelativeCode(shower.certificate_id, link.link_id, "01301", caller)
        (code,) = work(REGION, [command])
        assert isinstance(code, RelativeCode), code
        return code.claims

    def own(self, holder: Certificate) -> QrClaims:
        """Returns a code that its holder shows."""
        work = IssueWork(
            self.transactions,
            key_expire_time=lambda: FAR,
            clock=self.clock,
            random_bytes=os.urandom,
        )
        (code,) = work(REGION, [IssueCode(holder.certificate_id, "01301", "channel/wallet")])
        assert isinstance(code, QrClaims), code
        return code

    def counting_since(self, certificate: Certificate) -> dt.datetime | None:
        """Returns since when settlement is told that the codes of a certificate count."""
        latest = {
            each.standing.person_id: each.standing
            for each in self.changes(REGION, after_sequence=0, limit=1_000)
        }
        (found,) = [
            each
            for each in latest[certificate.person_id].credentials
            if each.subject == certificate.subject
        ]
        return found.codes_since_time

    @property
    def told(self) -> int:
        return len(self.feed())


@pytest.fixture
def family(databases: Databases) -> Family:
    return Family(databases)


def next_second(code: QrClaims) -> dt.datetime:
    return dt.datetime.fromtimestamp(code.issue_second + 1, dt.UTC)


def suspend_child(family: Family) -> None:
    family.suspend(family.report(family.child.subject))


ENDS: dict[str, Callable[[Family], object]] = {
    "the link, by who showed": lambda f: f.end(f.shown.link_id, f.child.person_id),
    "the link, by the relative": lambda f: f.end(f.shown.link_id, f.parent.person_id),
    "the e-certificate is suspended": suspend_child,
    "the e-certificate is closed": lambda f: f.close(f.child.certificate_id),
    "death": lambda f: f.die(f.child.person_id),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_the_end_of_showing_withdraws_what_was_shown(
    family: Family, end: Callable[[Family], object]
) -> None:
    family.show()
    newest = family.show()
    before = family.told
    end(family)
    assert family.counting_since(family.parent) == next_second(newest)
    assert family.parent.person_id in family.feed(after=before)
    # What the relative shows from then on counts.
    own = family.own(family.parent)
    assert own.issue_second >= newest.issue_second + 1


def test_a_merge_withdraws_what_the_duplicate_showed(family: Family) -> None:
    duplicate = family.activate(family.register(name="李四").person.person_id)
    link = family.agree(duplicate, family.parent)
    code = family.show(duplicate, link)
    survivor = family.register(name="李四").person.person_id
    family.merge(duplicate.person_id, survivor)
    assert family.counting_since(family.parent) == next_second(code)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_where_nothing_was_shown_the_relatives_codes_all_count(
    family: Family, end: Callable[[Family], object]
) -> None:
    family.own(family.parent)
    before = family.told
    end(family)
    assert family.counting_since(family.parent) is None
    assert family.parent.person_id not in family.feed(after=before)


def test_a_code_that_nobody_takes_any_more_is_not_told_of(family: Family) -> None:
    family.show()
    family.clock.now += dt.timedelta(hours=2)
    family.end(family.shown.link_id, family.child.person_id)
    assert family.counting_since(family.parent) is None


def test_what_others_showed_goes_on_by_the_end_of_one_link(family: Family) -> None:
    other = family.activate()
    link = family.agree(family.child, other)
    shown, others = family.show(), family.show(link=link)
    family.end(family.shown.link_id, family.parent.person_id)
    assert family.counting_since(family.parent) == next_second(shown)
    assert family.counting_since(other) is None
    suspend_child(family)
    assert family.counting_since(other) == next_second(others)
    # The link to the parent had ended before.
    assert family.counting_since(family.parent) == next_second(shown)


def test_the_last_withdrawal_counts(family: Family) -> None:
    family.show()
    family.end(family.shown.link_id, family.child.person_id)
    again = family.agree(family.child, family.parent)
    code = family.show(link=again)
    family.end(again.link_id, family.child.person_id)
    assert family.counting_since(family.parent) == next_second(code)
    assert family.count(tables.code_withdrawal) == 2


def test_a_code_ahead_of_the_clock_is_withdrawn_too(family: Family) -> None:
    """Where the second has a code of another use, the next one may be given out."""
    family.clock.now = family.clock.now.replace(microsecond=0)
    standing = family.clock.now
    own = family.own(family.parent)
    family.clock.now = standing
    ahead = family.show()
    assert ahead.issue_second == own.issue_second + 1
    family.clock.now = standing
    family.end(family.shown.link_id, family.child.person_id)
    assert family.counting_since(family.parent) == next_second(ahead)


def test_a_code_waits_for_the_suspension_that_is_under_way(family: Family) -> None:
    """Whoever suspends holds the links: a code is before, and withdrawn, or there is none."""
    link, outcomes = tables.relative_link, list[object]()

    def suspend() -> None:
        suspend_child(family)
        outcomes.append("suspended")

    thread = threading.Thread(target=suspend)
    with family.database.write() as connection:
        held = sa.select(link.c.link_id).where(
            link.c.region == REGION, link.c.link_id == family.shown.link_id
        )
        connection.execute(held.with_for_update())
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
    thread.join(20)
    assert outcomes == ["suspended"]

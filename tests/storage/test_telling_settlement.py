"""Offsite's feed: numbered without gaps, of what stands, told apart from any other."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.databases import Databases, as_owner
from support.offsite_feeds import REGION, care, hold, offsite_transactions, tell_settlement

from yibao_common.commands.feed import Bookmark, FeedPage
from yibao_common.db.database import Database
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.application.feed import Feed, OffsiteChange
from yibao_offsite.application.work import Work
from yibao_offsite.storage import tables
from yibao_offsite.storage.feed import renew_epochs

NOTHING = Bookmark("", 0, 0, "")


@pytest.fixture
def database(databases: Databases) -> Database:
    return databases.open("yibao_offsite")


def feed_of(database: Database) -> Feed:
    return Feed(offsite_transactions(database))


def bookmark_of(page: FeedPage[OffsiteChange], sequence: int) -> Bookmark:
    return Bookmark(page.epoch, sequence, page.head_sequence, page.head_mark)


def test_what_stands_is_told_with_each_change(database: Database) -> None:
    feed = feed_of(database)
    first, other = care(new_id()), care(new_id(), end_date=None, is_void=True)
    held = hold(new_id())
    tell_settlement(database, first, held)
    changed = care(first.registration_id, person_id=first.person_id, version=2, origin=2)
    tell_settlement(database, other, changed)
    page = feed.page(REGION, NOTHING, limit=10)
    assert [each.sequence for each in page.changes] == [1, 2, 3, 4]
    subjects = [each.subject for each in page.changes]
    # Who reads from the beginning is never told of what is over.
    assert subjects == [changed, held, other, changed]
    assert (page.head_sequence, page.starts_anew) == (4, False)
    rest = feed.page(REGION, bookmark_of(page, 2), limit=1)
    assert [each.sequence for each in rest.changes] == [3]
    assert feed.page(REGION, bookmark_of(page, 4), limit=1).changes == ()
    assert feed.head_sequence(REGION) == 4
    assert feed.head_sequence("330100") == 0


def test_of_one_transaction_the_last_that_is_told_of_a_subject_is_told_once(
    database: Database,
) -> None:
    registration_id = new_id()
    tell_settlement(database, care(registration_id), care(registration_id, version=2))
    page = feed_of(database).page(REGION, NOTHING, limit=10)
    assert [each.subject.version for each in page.changes] == [2]


def test_what_is_refused_tells_nothing(database: Database) -> None:
    def refuse(work: Work) -> None:
        work.feed.tell_registration(care(new_id()))
        raise RuleError(Reason.REGISTRATION_STATE, "no")

    with pytest.raises(RuleError):
        offsite_transactions(database).change(REGION, refuse)
    assert feed_of(database).page(REGION, NOTHING, limit=1).head_sequence == 0


def test_numbers_have_no_gap_whoever_tells_at_once(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: tell_settlement(database, care(new_id())), range(16)))
    page = feed_of(database).page(REGION, NOTHING, limit=100)
    assert [each.sequence for each in page.changes] == list(range(1, 17))


def test_a_region_has_an_epoch_from_the_first_question(database: Database) -> None:
    feed = feed_of(database)
    page = feed.page(REGION, NOTHING, limit=1)
    assert len(page.epoch) == 36
    assert feed.page(REGION, bookmark_of(page, 0), limit=1) == page


def test_another_feed_is_noticed_by_epoch_and_by_the_mark_of_its_newest_change(
    database: Database,
) -> None:
    feed = feed_of(database)
    tell_settlement(database, care(new_id()))
    read = bookmark_of(feed.page(REGION, NOTHING, limit=1), 1)
    # Restored from a backup, and told of something else since.
    with as_owner(database) as connection:
        connection.execute(sa.delete(tables.feed_change))
        connection.execute(sa.update(tables.feed_head).values(sequence=0))
    assert feed.page(REGION, read, limit=1).starts_anew
    tell_settlement(database, care(new_id()))
    page = feed.page(REGION, read, limit=1)
    assert (page.starts_anew, page.changes) == (True, ())
    read = bookmark_of(page, 1)
    assert not feed.page(REGION, read, limit=1).starts_anew
    with database.write() as connection:
        assert renew_epochs(connection) == [REGION]
    assert feed.page(REGION, read, limit=1).starts_anew

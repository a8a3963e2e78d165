"""What runs beside settlement's batches, on a database: its feed, its folds, its reference data."""

import datetime as dt
from collections.abc import Sequence

from yibao_common.db.database import Database
from yibao_common.db.transactions import StoredTransactions
from yibao_common.values.clock import Clock, system_clock
from yibao_common.values.ids import Ids, new_id
from yibao_settlement.application.checkpoint import Checkpoints
from yibao_settlement.application.feed import (
    Applied,
    EnrolmentChange,
    Feed,
    FeedAnswer,
    FeedPosition,
)
from yibao_settlement.application.work import Work
from yibao_settlement.files.policy.any_file import load_any_policy
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.policy.version import approve, draft_of
from yibao_settlement.rules.visit import Institution
from yibao_settlement.storage import tables
from yibao_settlement.storage.work import UNIT

# That of the feed which tests tell of.
EPOCH = "one"


def transactions_of(database: Database, *, clock: Clock = system_clock) -> StoredTransactions[Work]:
    return StoredTransactions(database, answers=tables.answer, unit=UNIT, clock=clock)


def feed_of(database: Database, *, clock: Clock = system_clock, ids: Ids = new_id) -> Feed:
    return Feed(transactions_of(database, clock=clock), clock=clock, ids=ids)


def tell(
    feed: Feed,
    region: str,
    changes: Sequence[EnrolmentChange],
    *,
    asked: FeedPosition | None = None,
    epoch: str = EPOCH,
    head_sequence: int | None = None,
    starts_anew: bool = False,
    ask_time: dt.datetime | None = None,
) -> Applied:
    """Applies what identity answers, of a feed that ends with `changes` unless it is told."""
    asked = asked or feed.position(region)
    last = changes[-1].sequence if changes else asked.sequence
    head_sequence = last if head_sequence is None else head_sequence
    answer = FeedAnswer(
        epoch,
        changes,
        head_sequence,
        f"mark-{epoch}-{head_sequence}",
        starts_anew,
        ask_time or system_clock(),
    )
    return feed.apply(region, asked, answer)


def checkpoints_of(database: Database) -> Checkpoints:
    return Checkpoints(transactions_of(database), others_ended=database.others_ended)


def fold(database: Database, region: str) -> int:
    """Folds the region's accounts; returns how many."""
    return checkpoints_of(database).fold(region)


def put_reference(
    database: Database,
    region: str,
    *,
    policy_file: bytes,
    institutions: Sequence[Institution],
    items: Sequence[CatalogueItem],
    now: dt.datetime,
) -> None:
    """Stores an active policy, institutions and items, as if imported long ago."""
    policy = load_any_policy(policy_file, name="policy_file")
    draft = draft_of(policy, policy_file, maker="agency/maker", now=now)
    approval = approve(draft, [], checker="agency/checker", now=now)

    def put(work: Work) -> None:
        work.policies.insert(approval.approved)
        work.catalogue.put_institutions(institutions)
        work.catalogue.put_items(items)
        work.reference.raise_epoch()

    transactions_of(database).change(region, put)

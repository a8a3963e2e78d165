"""Cases as stored: what a batch reads of them and writes."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Statement, Update, execute
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.review import (
    Decision,
    Finding,
    Review,
    ReviewAct,
    ReviewEvent,
    ReviewState,
)
from yibao_settlement.storage.batch.loading import Read, Wanted
from yibao_settlement.storage.review import tables

REVIEW_COLUMNS = Review._fields
_CHANGING = (
    *("state", "decision", "reason", "maker", "propose_time"),
    *("checker", "close_time", "reversal_id"),
)

_encode = msgspec.json.Encoder().encode
_findings = msgspec.json.Decoder(tuple[Finding, ...]).decode


def review_from(row: Row) -> Review:
    """Returns the case in a row of REVIEW_COLUMNS."""
    values: dict[str, Any] = dict(zip(REVIEW_COLUMNS, row, strict=True))
    values["findings"] = _findings(values["findings"])
    values["state"] = ReviewState(values["state"])
    if values["decision"] is not None:
        values["decision"] = Decision(values["decision"])
    return Review(**values)


def read_reviews(wanted: Wanted) -> Read:
    """Reads the cases of the settlements that are named."""
    return Read(select_reviews(wanted.region, tuple(wanted.needs.settlement_ids)), keep_reviews)


def select_reviews(region: str, settlement_ids: Sequence[str]) -> Select:
    """Returns the look-up of the cases of settlements."""
    columns = (*REVIEW_COLUMNS, "event_count")
    return Select(tables.review, columns, region, "settlement_id", settlement_ids)


def write_reviews(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes the cases that were opened or changed, and what was done to them."""
    changes, reviews = working_set.changes, working_set.reviews
    yield Insert(
        tables.review,
        (*REVIEW_COLUMNS, "kinds", "event_count"),
        [_row(reviews[each], working_set) for each in changes.reviews_opened],
    )
    yield Update(
        tables.review,
        ("region", "review_id"),
        (*_CHANGING, "event_count"),
        [_changed_row(reviews[each], working_set) for each in sorted(changes.reviews_changed)],
    )
    yield Insert(
        tables.review_event,
        ("region", *ReviewEvent._fields),
        [(working_set.region, *each) for each in changes.review_events],
    )


def find_review(connection: sa.Connection, region: str, *, key: str, value: str) -> Review | None:
    """Returns the case whose `key` has a value, or None."""
    (rows,) = execute(connection, [Select(tables.review, REVIEW_COLUMNS, region, key, (value,))])
    return review_from(rows[0]) if rows else None


def review_events(connection: sa.Connection, region: str, review_id: str) -> list[ReviewEvent]:
    """Returns what was done to a case, in that order."""
    columns = ReviewEvent._fields
    select = Select(
        tables.review_event, columns, region, "review_id", (review_id,), order_by=("number",)
    )
    (rows,) = execute(connection, [select])
    return [_event_from(row) for row in rows]


def _event_from(row: Row) -> ReviewEvent:
    event = ReviewEvent._make(row)
    decision = None if event.decision is None else Decision(event.decision)
    return event._replace(act=ReviewAct(event.act), decision=decision)


def keep_reviews(working_set: WorkingSet, rows: list[Row]) -> None:
    """Keeps cases in the working set."""
    for *row, event_count in rows:
        review = review_from(tuple(row))
        working_set.reviews[review.settlement_id] = review
        working_set.review_events[review.review_id] = event_count
        record = working_set.settlements[review.settlement_id]
        working_set.settlements[review.settlement_id] = record._replace(review=review.note)


def _row(review: Review, working_set: WorkingSet) -> Row:
    kinds = sum(1 << kind for kind in {each.kind for each in review.findings})
    values = review._replace(findings=_encode(review.findings).decode())  # type: ignore[arg-type]
    return (*values, kinds, working_set.review_events[review.review_id])


def _changed_row(review: Review, working_set: WorkingSet) -> Row:
    return (
        review.region,
        review.review_id,
        *(getattr(review, name) for name in _CHANGING),
        working_set.review_events[review.review_id],
    )

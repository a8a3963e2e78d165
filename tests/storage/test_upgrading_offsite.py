"""Registrations of before there was a feed are told to settlement."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.offsite_feeds import offsite_transactions
from support.upgrades import go_back_before

from yibao_common.commands.feed import Bookmark
from yibao_common.db import migrations
from yibao_common.db.rows import Id, Instant
from yibao_common.values.ids import new_id
from yibao_offsite.application.feed import Feed
from yibao_offsite.rules.feed import RegisteredCare

PACKAGE, REGION = "yibao_offsite", "330100"
FIRST_DAY, LAST_DAY = dt.date(2026, 11, 2), dt.date(2027, 5, 2)
# Late in the evening of the day before in UTC, the next day in Shanghai.
CANCELLED = dt.datetime(2027, 1, 31, 16, 30, tzinfo=dt.UTC)
CANCEL_DAY = dt.date(2027, 2, 1)
REGISTRATION = sa.table(
    "registration",
    *(sa.column(name, Id) for name in ("registration_id", "person_id")),
    *(sa.column(name) for name in ("region", "category", "treatment_region", "state")),
    *(sa.column(name, sa.Date) for name in ("start_date", "end_date")),
    *(sa.column(name, Instant) for name in ("register_time", "cancel_time")),
    *(sa.column(name) for name in ("is_urgent", "registered_by")),
)


@pytest.mark.parametrize(
    ("category", "end_date", "cancel_time", "by", "terms", "told_end", "version", "origin"),
    [
        (1, None, None, "agency/330100/wang", 2, None, 1, 1),
        (3, None, CANCELLED, "channel/app", 2, CANCEL_DAY, 2, 2),
        (4, LAST_DAY, None, "agency/330100/wang", 3, LAST_DAY, 1, 1),
        (5, LAST_DAY, CANCELLED, "channel/app", 5, CANCEL_DAY, 2, 2),
        # Over before it was cancelled.
        (5, CANCEL_DAY - dt.timedelta(1), CANCELLED, "channel/app", 5, dt.date(2027, 1, 31), 2, 2),
    ],
)
def test_a_registration_of_before_is_told_with_what_stood_of_it(
    databases: Databases,
    category: int,
    end_date: dt.date | None,
    cancel_time: dt.datetime | None,
    by: str,
    terms: int,
    told_end: dt.date | None,
    version: int,
    origin: int,
) -> None:
    database = databases.owned().open(PACKAGE)
    go_back_before(database, PACKAGE, "0003")
    rows: list[dict[str, Any]] = [
        {
            **{"region": REGION, "registration_id": new_id(), "person_id": new_id()},
            **{"category": category, "treatment_region": "310000"},
            **{"state": 2 if cancel_time else 1, "start_date": FIRST_DAY, "end_date": end_date},
            **{"register_time": CANCELLED - dt.timedelta(90 - at), "cancel_time": cancel_time},
            **{"is_urgent": False, "registered_by": by},
        }
        for at in range(2)
    ]
    with database.write() as connection:
        connection.execute(sa.insert(REGISTRATION), list(reversed(rows)))
    migrations.upgrade(database, PACKAGE)
    page = Feed(offsite_transactions(database)).page(REGION, Bookmark("", 0, 0, ""), limit=10)
    assert [(each.sequence, each.subject) for each in page.changes] == [
        (
            sequence,
            RegisteredCare(
                registration_id=row["registration_id"],
                person_id=row["person_id"],
                category=category,
                treatment_region="310000",
                terms=terms,
                benefits=(1, 2, 3),
                start_date=FIRST_DAY,
                end_date=told_end,
                is_void=False,
                origin=origin,
                version=version,
            ),
        )
        for sequence, row in enumerate(rows, start=1)
    ]
    assert (len(page.epoch), len(page.head_mark), page.head_sequence) == (36, 32, 2)

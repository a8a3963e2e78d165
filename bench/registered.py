"""Registrations of five years as rows, so many that lists of them can be compared."""

import datetime as dt
import random
import uuid
from collections.abc import Iterator

from yibao_common.db.database import Database
from yibao_common.db.rows import Row, insert_rows
from yibao_offsite.rules.registration.kinds import Basis, Category, Channel, Origin, Terms
from yibao_offsite.rules.registration.states import State
from yibao_offsite.storage import tables

REGION = "330100"
DESTINATIONS = tuple(
    f"{head}0{tail}00" for head in (31, 32, 33, 34, 44, 51) for tail in range(1, 8)
)
LAST_DAY = dt.date(2026, 11, 30)
_DAYS = 5 * 365
_AT_ONCE = 2_000
# Of a thousand: who is registered on which terms, and for how long.
_CATEGORIES = (
    (Category.LONG_TERM_RESIDENT, 250, Terms.LONG_TERM, None),
    (Category.RETIRED_RESETTLED, 100, Terms.LONG_TERM, None),
    (Category.POSTED_WORKER, 50, Terms.LONG_TERM, None),
    (Category.REFERRAL, 150, Terms.REFERRAL, 183),
    (Category.OTHER_TEMPORARY, 400, Terms.TEMPORARY, 183),
    (Category.EMERGENCY, 40, Terms.EMERGENCY, 10),
    (Category.MATERNITY, 10, Terms.TEMPORARY, 10),
)
_COLUMNS = tuple(column.name for column in tables.registration.columns)


def person_of(number: int) -> str:
    """Returns the id of the person of a number; half of them are registered twice."""
    return str(uuid.UUID(int=(number << 80) | (7 << 76) | (2 << 62)))


def fill(database: Database, count: int) -> None:
    """Stores registrations, the oldest first, and has the database count them."""
    rows: list[Row] = []
    with database.write() as connection:
        for row in _rows(count):
            rows.append(row)
            if len(rows) == _AT_ONCE:
                insert_rows(connection, tables.registration, _COLUMNS, rows)
                rows.clear()
        insert_rows(connection, tables.registration, _COLUMNS, rows)
    with database.write() as connection:
        connection.exec_driver_sql("ANALYZE")


def _rows(count: int) -> Iterator[Row]:
    choose = random.Random(1)
    weights = [weight for _, weight, _, _ in _CATEGORIES]
    first = dt.datetime.combine(LAST_DAY, dt.time(4), dt.UTC) - dt.timedelta(days=_DAYS)
    # Half of them go to one of three places, as it is.
    places = [len(DESTINATIONS)] * 3 + [3] * (len(DESTINATIONS) - 3)
    for number in range(count):
        time = first + dt.timedelta(days=_DAYS) * (number / count)
        category, _, terms, days = choose.choices(_CATEGORIES, weights)[0]
        start = time.date()
        end = None if days is None else start + dt.timedelta(days=days)
        # One in ten was cancelled; long-term ones end by something else after a while.
        state, ended, cancelled = State.ACTIVE, None, None
        if choose.random() < 0.1:
            state, cancelled = State.CANCELLED, time + dt.timedelta(hours=3)
            ended = start
        elif days is None and choose.random() < 0.5:
            state, ended = State.ENDED, start + dt.timedelta(days=choose.randrange(900))
        elif number > count * 0.999:
            state = State.SUBMITTED
        values: dict[str, object] = dict.fromkeys(_COLUMNS)
        milliseconds = int(time.timestamp() * 1000)
        values |= {
            "region": REGION,
            "registration_id": str(
                uuid.UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62) | number)
            ),
            "person_id": person_of(number * 2 // 3),
            "category": category.value,
            "treatment_region": choose.choices(DESTINATIONS, places)[0],
            "state": state.value,
            "start_date": start,
            "end_date": end,
            "is_urgent": False,
            "register_time": time,
            "registered_by": f"agency/{REGION}/clerk{number % 40}",
            "handed_in_by": f"agency/{REGION}/clerk{number % 40}",
            "cancel_time": cancelled,
            "basis": Basis.NONE.value,
            "application_channel": Channel.WINDOW.value,
            "materials": "[]",
            "origin": Origin.AGENCY.value,
            "registered_party": f"agency/{REGION}",
            "terms": terms.value,
            "benefits": "[1,2]",
            "rules_version": "national",
            "version": 1,
            "ended_date": ended,
        }
        yield tuple(values[name] for name in _COLUMNS)

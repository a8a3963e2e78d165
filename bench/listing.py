"""Lists and searches of registrations: pages a second, where many are stored and where few are."""

import datetime as dt
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from bench.registered import DESTINATIONS, LAST_DAY, REGION, person_of
from yibao_common.db.database import Database
from yibao_offsite.application.registration.rows import RegistrationPlace, RegistrationWish
from yibao_offsite.rules.registration.kinds import Category, TaskKind
from yibao_offsite.rules.registration.states import State
from yibao_offsite.storage.registration.record import StoredRegistrations
from yibao_offsite.storage.tables import registration

# A page of the contract, and one more that tells of another.
_LIMIT = 101
_ALL = tuple(TaskKind)


class Search(NamedTuple):
    """A search: which registrations are wished for, by a choice among so many."""

    name: str
    wish: Callable[[random.Random, int], RegistrationWish]


SEARCHES = (
    Search("all", lambda _, __: RegistrationWish()),
    Search(
        "person",
        lambda choose, count: RegistrationWish(
            person_id=person_of(choose.randrange(count) * 2 // 3)
        ),
    ),
    Search(
        "destination",
        lambda choose, _: RegistrationWish(treatment_region=choose.choice(DESTINATIONS)),
    ),
    Search("submitted", lambda _, __: RegistrationWish(state=State.SUBMITTED)),
    Search("category", lambda _, __: RegistrationWish(category=Category.MATERNITY)),
    Search("today", lambda _, __: RegistrationWish(day=LAST_DAY)),
    Search(
        "day",
        lambda choose, _: RegistrationWish(
            day=LAST_DAY - dt.timedelta(days=choose.randrange(5 * 365))
        ),
    ),
    Search(
        "destination_and_day",
        lambda choose, _: RegistrationWish(
            treatment_region=choose.choice(DESTINATIONS),
            day=LAST_DAY - dt.timedelta(days=choose.randrange(5 * 365)),
        ),
    ),
    Search(
        "destination_and_category",
        lambda choose, _: RegistrationWish(
            treatment_region=choose.choice(DESTINATIONS), category=Category.MATERNITY
        ),
    ),
    Search("from_the_middle", lambda _, __: RegistrationWish()),
)


class Stored(NamedTuple):
    """A database with registrations, how many, and an id in their middle."""

    database: Database
    stored: int
    middle: str

    @classmethod
    def of(cls, database: Database, count: int) -> "Stored":
        """Finds the middle."""
        id = registration.c.registration_id
        query = sa.select(id).where(registration.c.region == REGION).order_by(id)
        with database.read() as connection:
            middle = connection.execute(query.offset(count // 2).limit(1)).scalar_one()
        return cls(database, count, middle)


class Page(NamedTuple):
    """How long a page took, with its transaction, and how many registrations it had."""

    seconds: float
    rows: int


def read_page(stored: Stored, search: Search, choose: random.Random) -> Page:
    """Reads a page of a search."""
    before = (
        RegistrationPlace(LAST_DAY, stored.middle) if search.name == "from_the_middle" else None
    )
    wish = search.wish(choose, stored.stored)
    began = time.perf_counter()
    with stored.database.read() as connection:
        found = StoredRegistrations(connection, REGION).page(wish, before=before, limit=_LIMIT)
    return Page(time.perf_counter() - began, len(found))


class Pages(NamedTuple):
    """Pages of a search a second, at the mean, and how many registrations each had.

    Among few a search may find less than a page, which is read in less time.
    """

    per_second: float
    rows: float


def pages_per_second(
    stores: Mapping[str, Stored], *, times: int, searches: Sequence[Search] = SEARCHES
) -> dict[tuple[str, str], Pages]:
    """Returns what was measured by search and store; the stores take turns."""
    choose = random.Random(2)
    measured: dict[tuple[str, str], list[Page]] = {}
    for search in searches:
        for stored in stores.values():
            read_page(stored, search, choose)
        for _ in range(times):
            for name, stored in stores.items():
                page = read_page(stored, search, choose)
                measured.setdefault((search.name, name), []).append(page)
    return {key: _mean(pages) for key, pages in measured.items()}


def _mean(pages: Sequence[Page]) -> Pages:
    seconds, rows = zip(*pages, strict=True)
    return Pages(1 / statistics.mean(seconds), statistics.mean(rows))

"""Lists are read by an index in their order, and no further than they tell."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.registration_store import Store
from support.registrations import REGION, TODAY

from yibao_common.db.rows import insert_rows
from yibao_common.values.ids import new_id
from yibao_offsite.application.registration.rows import RegistrationPlace, RegistrationWish
from yibao_offsite.rules.registration.kinds import Category
from yibao_offsite.rules.registration.registration import Registration
from yibao_offsite.storage import tables
from yibao_offsite.storage.registration.record import StoredRegistrations

LONG_AGO = TODAY - dt.timedelta(days=900)
# So many that reading them all is not the cheapest.
COUNT = 3_000


class Explained(StoredRegistrations):
    """Says how the database would carry a query out, and finds nothing."""

    plan = ""

    def _all(self, query: sa.Select[Any]) -> list[Registration]:
        kind = self._connection.dialect.name
        told = query.compile(self._connection.engine, compile_kwargs={"literal_binds": True})
        explain = "EXPLAIN QUERY PLAN" if kind == "sqlite" else "EXPLAIN"
        rows = self._connection.exec_driver_sql(f"{explain} {told}")
        self.plan = "\n".join(str(row[-1]) for row in rows)
        return []


@pytest.fixture
def store(databases: Databases) -> Store:
    """Returns a store with a registration of each of many days."""
    made = Store(databases.open("yibao_offsite"))
    made.create()
    table = tables.registration
    with made.database.write() as connection:
        row = dict(connection.execute(sa.select(table)).one()._mapping)
        rows = []
        for number in range(COUNT):
            day = TODAY - dt.timedelta(days=COUNT - number)
            place = f"31{number % 40:02d}00"
            is_rare = number % 100 == 0
            category = (Category.MATERNITY if is_rare else Category.OTHER_TEMPORARY).value
            values = {"start_date": day, "treatment_region": place, "category": category}
            rows.append({**row, **values, "registration_id": new_id()})
        insert_rows(connection, table, tuple(row), [tuple(each.values()) for each in rows])
    with made.database.write() as connection:
        connection.exec_driver_sql("ANALYZE")
    return made


@pytest.mark.parametrize(
    ("wish", "index"),
    [
        (RegistrationWish(day=LONG_AGO), "ix_registration_region_start_date"),
        (
            RegistrationWish(day=LONG_AGO, treatment_region="310000"),
            "ix_registration_region_treatment_region_start_date",
        ),
        (
            RegistrationWish(category=Category.MATERNITY, treatment_region="310000"),
            "ix_registration_region_treatment_region_category",
        ),
    ],
    ids=["of a day", "of a day, to one place", "of a rare category, to one place"],
)
@pytest.mark.parametrize("before", [None, RegistrationPlace(LONG_AGO, new_id())])
def test_registrations_are_read_by_the_index_of_what_is_wished_for(
    store: Store, wish: RegistrationWish, index: str, before: RegistrationPlace | None
) -> None:
    with store.database.read() as connection:
        explained = Explained(connection, REGION)
        explained.page(wish, before=before, limit=101)
    # In its order, so that no more is read than is told.
    assert index in explained.plan
    for other in ("Sort", "TEMP B-TREE", "Seq Scan"):
        assert other not in explained.plan

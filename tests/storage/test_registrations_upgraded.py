"""Registrations that were made before regions had rules."""

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from alembic import command
from support.databases import Databases
from support.registration_store import PACKAGE, SECOND, Store, id_of
from support.registrations import (
    APP,
    CLERK,
    REGION,
)
from support.upgrades import config_of

from yibao_common.db.database import Database
from yibao_common.db.migrations import upgrade
from yibao_common.values.ids import new_id
from yibao_offsite.rules.registration.kinds import (
    Basis,
    Origin,
    Terms,
)
from yibao_offsite.rules.registration.states import Event, State

PERSON_ID = str(uuid.UUID(int=7))


def test_registrations_of_before_keep_what_they_were_granted(databases: Databases) -> None:
    database = Database(databases.empty_url())
    try:
        config = config_of(PACKAGE)
        with database.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "0002")
        old = sa.Table("registration", sa.MetaData(), autoload_with=database.engine)
        ids = [new_id() for _ in range(4)]
        time = dt.datetime(2026, 3, 1, 18, tzinfo=dt.UTC)
        base = {
            "region": REGION,
            "person_id": PERSON_ID,
            "treatment_region": "310000",
            "state": 1,
            "start_date": dt.date(2026, 3, 2),
            "is_urgent": False,
            "register_time": _time(database, time),
            "registered_by": CLERK.path,
        }
        # It is 2 April in Shanghai.
        cancelled = {
            "state": 2,
            "cancel_time": _time(database, dt.datetime(2026, 4, 1, 17, tzinfo=dt.UTC)),
            "cancelled_by": SECOND.path,
        }
        rows = [
            {"registration_id": ids[0], "category": 1},
            {"registration_id": ids[1], "category": 4, "end_date": dt.date(2026, 9, 2)},
            {"registration_id": ids[2], "category": 5, **cancelled, "registered_by": APP.path},
            {
                "registration_id": ids[3],
                "category": 2,
                **cancelled,
                "start_date": dt.date(2026, 5, 1),
            },
        ]
        with database.write() as connection:
            for row in rows:
                connection.execute(sa.insert(old).values(**{**base, **row}))
        database.engine.dispose()
        upgrade(database, PACKAGE)
        store = Store(database)
        found = [store.find(id) for id in ids]
        assert [each.terms for each in found] == [
            *(Terms.LONG_TERM, Terms.REFERRAL),
            *(Terms.TEMPORARY, Terms.LONG_TERM),
        ]
        assert [each.ended_date for each in found] == [
            *(None, None),
            *(dt.date(2026, 4, 2), dt.date(2026, 4, 30)),
        ]
        assert [each.origin for each in found] == [
            *(Origin.AGENCY, Origin.AGENCY),
            *(Origin.SELF_SERVICE, Origin.AGENCY),
        ]
        assert all(each.application.basis is Basis.NONE for each in found)
        assert [each.version for each in found] == [1, 1, 2, 2]
        steps = store.reading.history(REGION, ids[2], institution_id=None)
        assert [(each.event, each.actor) for each in steps] == [
            (Event.GRANTED, APP.path),
            (Event.CANCELLED, SECOND.path),
        ]
        assert store.page(party="agency/330100") == sorted((ids[0], ids[1], ids[3]), reverse=True)
        assert store.page(party="channel/wallet") == [ids[2]]
        # They live on by the rules of now.
        store.steps.cancel(store.act(ids[0]), is_wish=True, encode=id_of)
        assert store.find(ids[0]).state is State.CANCELLED
    finally:
        database.close()


def _time(database: Database, instant: dt.datetime) -> Any:
    if database.engine.dialect.name == "postgresql":
        return instant
    return int(instant.timestamp() * 1_000_000)

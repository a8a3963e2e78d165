"""Requests to register for care elsewhere without papers, each of another person."""

import datetime as dt
from collections.abc import Iterator

from yibao.offsite.v1.registration_pb2 import REGISTRATION_CATEGORY_OTHER_TEMPORARY
from yibao.offsite.v1.registration_service_pb2 import CreateRegistrationRequest
from yibao_common.db.database import Database
from yibao_common.rpc.wire import from_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import system_clock
from yibao_common.values.ids import new_id
from yibao_offsite.rules.person import KnownPerson, Period
from yibao_offsite.storage.person import StoredPersons

_SINCE = dt.date(2014, 1, 1)
# Identity knows nobody of them: later than any reading of its feed, so that none is gone.
_FOR_EVER = 1_000_000
_AT_ONCE = 2_000


def know_persons(database: Database, *, region: str, count: int) -> list[str]:
    """Has offsite know so many insured persons; returns their ids."""
    ids = [new_id() for _ in range(count)]
    period = Period("310", 1, _SINCE, None)
    for start in range(0, count, _AT_ONCE):
        known = [
            KnownPerson(each, dt.date(1950, 1, 1), None, None, (period,), "测*")
            for each in ids[start : start + _AT_ONCE]
        ]
        with database.write() as connection:
            StoredPersons(connection, region).replace(known, reading=_FOR_EVER)
    with database.write() as connection:
        connection.exec_driver_sql("ANALYZE")
    return ids


def registration_requests(
    person_ids: list[str], *, region: str, treatment_region: str
) -> Iterator[bytes]:
    """Yields a serialised request of CreateRegistration for each person."""
    today = from_date(shanghai_day(system_clock()))
    for person_id in person_ids:
        yield CreateRegistrationRequest(
            request_id=new_id(),
            region=region,
            person_id=person_id,
            category=REGISTRATION_CATEGORY_OTHER_TEMPORARY,
            treatment_region=treatment_region,
            start_date=today,
        ).SerializeToString()

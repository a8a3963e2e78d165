"""What requests were answered, and what of settlements of their institution they did."""

import datetime as dt
from collections.abc import Collection, Mapping

import sqlalchemy as sa

from yibao_common.db.rows import Row, select_rows
from yibao_settlement.application.outcome.state import AskedRequest
from yibao_settlement.rules.day.act import DayAct
from yibao_settlement.storage import tables
from yibao_settlement.storage.day.acts import ACT_COLUMNS, act_from, acts_of

_COLUMNS = ("request_id", "method", "answer_time", "institution_id")


def find_asked(
    connection: sa.Connection, region: str, asked: Collection[tuple[str, str]]
) -> dict[tuple[str, str], AskedRequest]:
    """Returns those of some institutions' requests that were answered, or fenced.

    With their answers or, where these are gone, with what they did of the institution's
    settlements.
    """
    found = {}
    for institution_id in sorted({each for each, _ in asked}):
        ids = [request_id for each, request_id in asked if each == institution_id]
        stored = _stored(connection, region, ids)
        gone = {key: each for key, each in stored.items() if each.response is None}
        stored |= with_acts(connection, region, institution_id, gone)
        found.update({(institution_id, key): each for key, each in stored.items()})
    return found


def _stored(
    connection: sa.Connection, region: str, request_ids: Collection[str]
) -> dict[str, AskedRequest]:
    """Returns what of some requests is stored.

    Of one that was answered twice, the answer that stands; of answers that are gone, the first.
    Answers are read before what is kept of those that are gone, so that none is missed that
    goes meanwhile.
    """
    columns = (*_COLUMNS, "response")
    answers = _rows(connection, region, tables.answer, columns, request_ids)
    past = _rows(connection, region, tables.past_answer, _COLUMNS, request_ids)
    found = {row[0]: _gone(row) for row in past}
    for request_id, method, time, institution_id, response in answers:
        found[request_id] = AskedRequest(request_id, method, time, institution_id, bytes(response))
    return found


def _rows(
    connection: sa.Connection,
    region: str,
    table: sa.Table,
    columns: tuple[str, ...],
    request_ids: Collection[str],
) -> list[Row]:
    """Returns rows of some requests, the newest first: of each, the oldest is the last."""
    rows = select_rows(
        connection, table, columns, region=region, key="request_id", among=sorted(request_ids)
    )
    return sorted(rows, key=lambda row: row[2], reverse=True)


def _gone(row: Row) -> AskedRequest:
    request_id, method, answer_time, institution_id = row
    return AskedRequest(request_id, method, answer_time, institution_id, None)


def with_acts(
    connection: sa.Connection,
    region: str,
    institution_id: str,
    asked: Mapping[str, AskedRequest],
) -> dict[str, AskedRequest]:
    """Returns what is known of requests with what they did of an institution's settlements.

    An act bears the time of its answer: it is found by that, for which there are indexes.
    """
    if not asked:
        return {}
    times = sorted({each.answer_time for each in asked.values()})
    table = acts_of(region, institution_id, lambda column: column.in_(times)).c
    query = (
        sa.select(*(table[name] for name in ACT_COLUMNS))
        .where(table.request_id.in_(list(asked)))
        .order_by(table.act_id)
    )
    acts: dict[tuple[str, dt.datetime], list[DayAct]] = {}
    for act in map(act_from, connection.execute(query)):
        acts.setdefault((act.request_id, act.act_time), []).append(act)
    return {
        request_id: each._replace(acts=acts.get((request_id, each.answer_time), ()))
        for request_id, each in asked.items()
    }


def find_answered(
    connection: sa.Connection, region: str, request_ids: Collection[str], before: dt.datetime
) -> dict[str, AskedRequest]:
    """Returns those of some requests that were answered before an instant, without answers.

    Of one that was answered twice, the first time.
    """
    return {
        row[0]: _gone(row)
        for table in (tables.answer, tables.past_answer)
        for row in _rows(connection, region, table, _COLUMNS, request_ids)
        if row[2] < before
    }

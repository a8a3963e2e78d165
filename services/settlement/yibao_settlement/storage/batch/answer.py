"""The answers of the requests of a batch."""

from yibao_common.commands.request import Answer
from yibao_common.db.rows import Insert, Row
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Read, Wanted

_COLUMNS = ("request_id", "digest", "response", "method")


def read_answers(wanted: Wanted) -> Read:
    """Reads what the requests were answered before."""
    return Read(
        wanted.select(tables.answer, _COLUMNS, "request_id", wanted.request_ids), _keep_answers
    )


def write_answers(working_set: WorkingSet) -> Insert:
    """Writes the answers of the batch."""
    region, now = working_set.region, working_set.now
    return Insert(
        tables.answer,
        ("region", *_COLUMNS, "institution_id", "answer_time"),
        [(region, *answer, now) for answer in working_set.changes.answers],
    )


def _keep_answers(working_set: WorkingSet, rows: list[Row]) -> None:
    for request_id, digest, response, method in rows:
        answer = Answer(request_id, bytes(digest), bytes(response), method)
        working_set.answers[request_id] = answer

"""The answers that requests got: kept for repeats, each in the transaction of its effect."""

from collections.abc import Callable

import sqlalchemy as sa

from yibao_common.commands.request import Answer, Request
from yibao_common.db.database import Database
from yibao_common.db.rows import Id, Instant
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError, TransientError

_ATTEMPTS = 3


def answer_table(metadata: sa.MetaData, *more: sa.Column[str]) -> sa.Table:
    """Defines the table of answers; a request id is unique in its region.

    `more` are columns that a service keeps beside, which may be null.
    """
    return sa.Table(
        "answer",
        metadata,
        sa.Column("region", sa.String(6), primary_key=True),
        sa.Column("request_id", Id, primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("response", sa.LargeBinary, nullable=False),
        # The name of the RPC; empty for answers of before it was kept.
        sa.Column("method", sa.String(64), nullable=False),
        sa.Column("answer_time", Instant, nullable=False),
        *more,
        # Rows come in the order of their time, so the small index finds old ones too.
        sa.Index("ix_answer_region_answer_time", "region", "answer_time", postgresql_using="brin"),
    )


def answer_once(
    database: Database,
    answers: sa.Table,
    *,
    request: Request,
    digest: bytes,
    former_digest: bytes,
    clock: Clock,
    work: Callable[[sa.Connection], bytes],
) -> bytes:
    """Runs `work` and stores the bytes it returns, or returns those stored before.

    A transaction of its own, for commands outside the batches. The digests are those of the
    request as they are stored.

    Raises RuleError as `Answer.replay` does, and whatever `work` raises; nothing is stored then.
    """
    region, request_id = request.region, request.request_id
    values: dict[str, object] = {
        "region": region,
        "request_id": request_id,
        "digest": digest,
        "method": request.method,
    }
    if "institution_id" in answers.c:
        values["institution_id"] = request.caller.institution_id or ""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with database.write() as connection:
                known = find_answer(connection, answers, region, request_id)
                if known is not None:
                    return known.replay(request.caller, digest, former_digest)
                response = work(connection)
                connection.execute(
                    sa.insert(answers).values(**values, response=response, answer_time=clock())
                )
                return response
        except RuleError:
            # The same request, sent twice at once, may have done what this one was
            # refused for while this one waited for its locks.
            with database.read() as connection:
                known = find_answer(connection, answers, region, request_id)
            if known is None:
                raise
            return known.replay(request.caller, digest, former_digest)
        except (TransientError, sa.exc.IntegrityError):
            # Two requests met: the second finds the first one's answer, or its rows.
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def find_answer(
    connection: sa.Connection, answers: sa.Table, region: str, request_id: str
) -> Answer | None:
    """Returns what a request id was answered, or None."""
    row = connection.execute(
        sa.select(answers.c.digest, answers.c.response, answers.c.method).where(
            answers.c.region == region, answers.c.request_id == request_id
        )
    ).one_or_none()
    return None if row is None else Answer(request_id, bytes(row[0]), bytes(row[1]), row[2])

"""The answers that requests got: kept for repeats, each in the transaction of its effect."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from yibao_common.commands.request import Answer, Outcome, Request
from yibao_common.db.database import Database
from yibao_common.db.rows import Id, Insert, Instant, Row, Statement, execute, select_rows
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError, TransientError

_ATTEMPTS = 3


class Asked(NamedTuple):
    """A request with its digests as they are stored."""

    request: Request
    digest: bytes
    former_digest: bytes

    def replay(self, answer: Answer) -> bytes:
        """Returns what the request was answered. Raises RuleError as `Answer.replay` does."""
        return answer.replay(self.request.caller, self.digest, self.former_digest)


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
    asked: Asked,
    clock: Clock,
    work: Callable[[sa.Connection], tuple[bytes, Sequence[Statement]]],
) -> bytes:
    """Runs `work` and stores the bytes it returns, or returns those stored before.

    `work` returns what it has to write last with them.

    A transaction of its own, for commands outside the batches.

    Raises RuleError as `Answer.replay` does, and whatever `work` raises; nothing is stored then.
    """
    region, request_id = asked.request.region, asked.request.request_id
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with database.write() as connection:
                known = _find_answers(connection, answers, region, [asked]).get(request_id)
                if known is not None:
                    return asked.replay(known)
                response, last = work(connection)
                given = _stored(answers, region, [(asked, response)], clock=clock)
                execute(connection, [*last, given])
                return response
        except RuleError:
            # The same request, sent twice at once, may have done what this one was
            # refused for while this one waited for its locks.
            with database.read() as connection:
                known = _find_answers(connection, answers, region, [asked]).get(request_id)
            if known is None:
                raise
            return asked.replay(known)
        except (TransientError, sa.exc.IntegrityError):
            # Two requests met: the second finds the first one's answer, or its rows.
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def answer_each(
    connection: sa.Connection,
    answers: sa.Table,
    *,
    region: str,
    asked: Sequence[Asked],
    decide: Callable[[Sequence[int]], Sequence[Outcome[bytes]]],
    close: Callable[[], Sequence[Statement]],
    clock: Clock,
) -> list[Outcome[bytes]]:
    """Answers requests of a region in one transaction, each once by its id.

    `decide` takes the places of those that nobody answered; of a request id that is there more
    than once, one after the other. When all are decided, `close` returns what is written last with
    the answers, where there are any.
    """
    known = _find_answers(connection, answers, region, asked)
    outcomes: dict[int, Outcome[bytes]] = {}
    new: list[tuple[Asked, bytes]] = []
    for places in _rounds(asked):
        decided = [place for place in places if asked[place].request.request_id not in known]
        if decided:
            outcomes |= zip(decided, decide(decided), strict=True)
            # What a request was refused for, the same one may have done, sent twice at once, while
            # this one waited for locks.
            refused = [place for place in decided if isinstance(outcomes[place], RuleError)]
            known |= _find_answers(connection, answers, region, [asked[each] for each in refused])
        for place in places:
            request, found = asked[place].request, known.get(asked[place].request.request_id)
            if found is not None:
                outcomes[place] = _replayed(asked[place], found)
            elif not isinstance(outcome := outcomes[place], RuleError):
                new.append((asked[place], outcome))
                answer = Answer(request.request_id, asked[place].digest, outcome, request.method)
                known[request.request_id] = answer
    transaction = connection.get_transaction()
    assert transaction is not None
    if new:
        execute(connection, [*close(), _stored(answers, region, new, clock=clock)])
    else:
        # Not even rows are kept that were made to be locked.
        transaction.rollback()
    return [outcomes[place] for place in range(len(asked))]


def _rounds(asked: Sequence[Asked]) -> Iterator[list[int]]:
    """Gives the places of all requests, in rounds in which each request id is there once."""
    left = list(range(len(asked)))
    while left:
        first = {asked[place].request.request_id: place for place in reversed(left)}
        chosen = set(first.values())
        yield [place for place in left if place in chosen]
        left = [place for place in left if place not in chosen]


def _replayed(asked: Asked, answer: Answer) -> Outcome[bytes]:
    try:
        return asked.replay(answer)
    except RuleError as refusal:
        return refusal


def _stored(
    answers: sa.Table, region: str, given: Sequence[tuple[Asked, bytes]], *, clock: Clock
) -> Insert:
    """Returns what stores answers."""
    columns: tuple[str, ...]
    columns = ("region", "request_id", "digest", "response", "method", "answer_time")
    time = clock()
    rows: list[Row] = [
        (region, request.request_id, digest, response, request.method, time)
        for (request, digest, _), response in given
    ]
    if "institution_id" in answers.c:
        columns += ("institution_id",)
        whose = [asked.request.caller.institution_id or "" for asked, _ in given]
        rows = [(*row, own) for row, own in zip(rows, whose, strict=True)]
    return Insert(answers, columns, rows)


def _find_answers(
    connection: sa.Connection, answers: sa.Table, region: str, asked: Sequence[Asked]
) -> dict[str, Answer]:
    rows = select_rows(
        connection,
        answers,
        ("request_id", "digest", "response", "method"),
        region=region,
        key="request_id",
        among={each.request.request_id for each in asked},
    )
    return {row[0]: Answer(row[0], bytes(row[1]), bytes(row[2]), row[3]) for row in rows}

"""Stories played up to the first difference, and made short where there is one."""

import contextlib
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from support.databases import KINDS, Databases, PostgresDatabases, PostgresServer, SqliteDatabases
from support.history_model.operations import ConfirmOverride, OfSettlement, Operation, Reprice
from support.history_model.world import World as Model
from support.random_repricings import Switch

from .stories import Story

# Of one difference; each plays the history anew.
MOST_REPLAYS = 150
Begin = Callable[[int, Databases], Story]


@dataclass(slots=True)
class Played:
    """What came of a history: its operations, how they ended, and what differed at the last."""

    seed: int
    kind: str
    operations: list[Operation] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    difference: Exception | None = None


class Servers:
    """A folder for files of SQLite and a server of PostgreSQL, and new databases of either."""

    def __init__(self) -> None:
        """Starts the server."""
        self._folder = tempfile.TemporaryDirectory(prefix="yibao-fuzz-")
        self._server = PostgresServer()

    @contextlib.contextmanager
    def databases(self, kind: str) -> Iterator[Databases]:
        """Gives databases of a kind, which are gone afterwards."""
        with tempfile.TemporaryDirectory(dir=self._folder.name) as folder:
            made: Databases = (
                SqliteDatabases(Path(folder))
                if kind == KINDS[0]
                else PostgresDatabases(self._server)
            )
            with contextlib.closing(made):
                yield made

    def close(self) -> None:
        """Stops the server and removes all that was made."""
        self._server.close()
        self._folder.cleanup()


def play(
    seed: int, kind: str, servers: Servers, begin: Begin, *, tell: Callable[[], None]
) -> Played:
    """Plays the history of a seed up to the first difference; `tell` is called an operation."""
    played = Played(seed, kind)
    with servers.databases(kind) as databases:
        story = begin(seed, databases)
        try:
            for operation in story.operations:
                played.operations.append(operation)
                story.run(operation)
                _count(played.ends, story, operation)
                tell()
            story.finish()
        except Exception as difference:
            played.difference = difference
    return played


def play_in(databases: Databases, begin: Begin, seed: int) -> Model:
    """Plays the history of a seed, raises what differs, and returns the model as it is then."""
    story = begin(seed, databases)
    for operation in story.operations:
        story.run(operation)
    story.finish()
    return story.model


def _count(ends: Counter[str], story: Story, operation: Operation) -> None:
    kind, outcome = type(operation).__name__, story.model.outcomes.get(operation.op_id)
    ends[f"{kind} {outcome.refused if outcome and outcome.refused else 'done'}"] += 1
    if outcome is not None:
        ends["restated bills"] += len(outcome.answer.restated)
        for posting in outcome.postings:
            ends[f"posted {posting.kind}"] += 1


def shortest(
    played: Played, servers: Servers, begin: Begin, *, tell: Callable[[], None]
) -> list[Operation]:
    """Returns few operations after which the same kind of difference is seen.

    `tell` is called each time that some are played.
    """
    kept, left, size = played.operations, MOST_REPLAYS, max(len(played.operations) // 4, 1)
    while True:
        for start in range(0, len(kept), size):
            fewer = without(kept, kept[start : start + size])
            left -= 1
            tell()
            if left < 0:
                break
            if len(fewer) == len(kept):
                continue
            if _alike(_replayed(played, fewer, servers, begin), played.difference):
                kept = fewer
                break
        else:
            if size == 1:
                return kept
            size = max(size // 2, 1)
            continue
        if left < 0 or len(kept) == 1:
            return kept


def without(operations: Sequence[Operation], dropped: Sequence[Operation]) -> list[Operation]:
    """Returns the operations but for some, and but for those that name what these made."""
    # What is repriced is repriced to what decides then.
    gone = {each.op_id for each in dropped if not isinstance(each, Switch)}
    kept: list[Operation] = []

    def is_gone(name: str) -> bool:
        # What was restated has the names of both, the bill's and what it was restated by.
        return not gone.isdisjoint(name.split(" by "))

    for each in operations:
        if isinstance(each, Reprice):
            left = tuple(name for name in each.settlement_ids if not is_gone(name))
            each = replace(each, settlement_ids=left)
            if not left:
                gone.add(each.op_id)
        if isinstance(each, OfSettlement) and is_gone(each.settlement_id):
            gone.add(each.op_id)
        if isinstance(each, ConfirmOverride) and each.override_id in gone:
            gone.add(each.op_id)
        if each.op_id not in gone:
            kept.append(each)
    return kept


def _replayed(
    played: Played, operations: Sequence[Operation], servers: Servers, begin: Begin
) -> Exception | None:
    with servers.databases(played.kind) as databases:
        story = begin(played.seed, databases)
        try:
            for operation in operations:
                story.run(operation)
            story.finish()
        except Exception as difference:
            return difference
    return None


def _alike(found: Exception | None, known: Exception | None) -> bool:
    """Tells whether two differences are of one kind and were found in one place."""
    return found is not None and (type(found), _line(found)) == (type(known), _line(known))


def _line(raised: Exception | None) -> int:
    last = raised.__traceback__ if raised is not None else None
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return 0 if last is None else last.tb_lineno

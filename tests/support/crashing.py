"""Transactions of settlement's batches that end at a point, as their process would."""

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager

from yibao_common.values.clock import Clock
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.work import BatchTransaction, Transactions
from yibao_settlement.application.batch.working_set import WorkingSet

POINTS = ("begun", "loaded", "stored", "committed")


class CrashingTransaction(BatchTransaction):
    """A transaction that ends at a point, as the process would."""

    def __init__(self, inner: BatchTransaction, crash: Callable[[str], None]) -> None:
        self._inner = inner
        self._crash = crash

    def load(self, commands: Sequence[Command], also: Collection[str] = ()) -> WorkingSet:
        working_set = self._inner.load(commands, also)
        self._crash("loaded")
        return working_set

    def store(self, working_set: WorkingSet) -> None:
        self._inner.store(working_set)
        self._crash("stored")


class CrashingTransactions(Transactions):
    """Ends at one point, once."""

    def __init__(self, inner: Transactions, point: str, error: Exception) -> None:
        self._inner = inner
        self._point: str | None = point
        self._error = error

    def begin(self, region: str, clock: Clock | None) -> AbstractContextManager[BatchTransaction]:
        return self._begin(region, clock)

    @contextlib.contextmanager
    def _begin(self, region: str, clock: Clock | None) -> Iterator[BatchTransaction]:
        with self._inner.begin(region, clock) as transaction:
            self._crash("begun")
            yield CrashingTransaction(transaction, self._crash)
        self._crash("committed")

    def _crash(self, point: str) -> None:
        if point == self._point:
            self._point = None
            raise self._error

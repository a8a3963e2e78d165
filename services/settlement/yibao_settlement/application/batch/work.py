"""A batch of commands of one region: load, decide one by one, store, commit."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from yibao_common.commands.request import Outcome
from yibao_common.values.clock import Clock
from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.ids import Ids, IdsAbove
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.family.state import MoreToLockError
from yibao_settlement.application.hold.expire import expire_holds
from yibao_settlement.rules.review import Review


class BatchTransaction(Protocol):
    """One transaction over what a batch of commands reads and writes."""

    def load(self, commands: Sequence[Command], also: Collection[str] = ()) -> WorkingSet:
        """Locks the standing of every person concerned, then reads what is needed.

        `also` are persons to lock with them. Raises MoreToLockError where accounts of others
        would move.
        """
        ...

    def store(self, working_set: WorkingSet) -> None:
        """Writes what the commands changed."""
        ...


class Transactions(Protocol):
    """Begins transactions of one region."""

    def begin(self, region: str, clock: Clock | None) -> AbstractContextManager[BatchTransaction]:
        """Gives a transaction that commits durably when the block ends without error.

        The time of what it decides is asked of the database, whose clock all processes share,
        or of `clock` where there is one, after its locks are held.
        """
        ...


class BatchWork:
    """The work of the settlement service's batcher."""

    def __init__(
        self,
        transactions: Transactions,
        *,
        ids: Ids,
        clock: Clock | None = None,
        tell: Callable[[Review], None] | None = None,
    ) -> None:
        """Takes what a batch needs from outside, and who is told of cases that it opened.

        `clock` stands for that of the database.
        """
        self._tell = tell
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def __call__(self, region: str, commands: Sequence[Command]) -> list[Outcome[bytes]]:
        """Carries out `commands` in one transaction; returns an outcome for each, in order.

        An outcome is the bytes of the answer, durable, or the refusal. Anything else that
        a command raises undoes the whole batch.
        """
        also: frozenset[str] = frozenset()
        while True:
            try:
                working_set, outcomes = self._carried_out(region, commands, also)
                break
            except MoreToLockError as error:
                # Nothing was changed: all are locked anew, in the order of their ids.
                if error.person_ids <= also:
                    raise InvariantError("whom to lock was locked") from error
                also |= error.person_ids
        if self._tell is not None:
            for settlement_id in working_set.changes.reviews_opened:
                self._tell(working_set.reviews[settlement_id])
        return outcomes

    def _carried_out(
        self, region: str, commands: Sequence[Command], also: Collection[str]
    ) -> tuple[WorkingSet, list[Outcome[bytes]]]:
        with self._transactions.begin(region, self._clock) as transaction:
            working_set = transaction.load(commands, also)
            ids = IdsAbove(self._ids, working_set.posting_fence)
            if working_set.holds:
                expire_holds(working_set, ids)
            outcomes = [_outcome(command, working_set, ids) for command in commands]
            transaction.store(working_set)
        return working_set, outcomes


def carry_out(command: Command, working_set: WorkingSet, ids: Ids) -> bytes:
    """Carries out one command and returns the bytes of its answer.

    The order of the checks is part of the contract: a repeated request first, then
    whether the caller may see the thing at all, then its state, then the code, then the
    contents.

    A trial, whose request has no id, is decided as what it tries and changes nothing: it
    is answered, and its answer is not kept.

    Raises RuleError where it is refused; the working set is then as it was.
    """
    request = command.request
    if request.is_trial:
        return command.decide(working_set, ids)
    known = working_set.answers.get(request.request_id)
    if known is not None:
        return known.replay_of(request)
    return working_set.answer(request, command.decide(working_set, ids))


def _outcome(command: Command, working_set: WorkingSet, ids: Ids) -> Outcome[bytes]:
    try:
        return carry_out(command, working_set, ids)
    except RuleError as refusal:
        return refusal

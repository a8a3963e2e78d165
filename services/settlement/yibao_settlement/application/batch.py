"""A batch of commands of one region: load, decide one by one, store, commit."""

from collections.abc import Sequence

from yibao_common.commands.request import Outcome
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_settlement.application.commands import Command
from yibao_settlement.application.decide import decide
from yibao_settlement.application.ports import Encoder, Transactions


class BatchWork:
    """The work of the settlement service's batcher."""

    def __init__(
        self, transactions: Transactions, *, encoder: Encoder, clock: Clock, ids: Ids
    ) -> None:
        """Takes what a batch needs from outside."""
        self._transactions = transactions
        self._encoder = encoder
        self._clock = clock
        self._ids = ids

    def __call__(self, region: str, commands: Sequence[Command]) -> list[Outcome[bytes]]:
        """Carries out `commands` in one transaction; returns an outcome for each, in order.

        An outcome is the bytes of the answer, durable, or the refusal. Anything else that
        a command raises undoes the whole batch.
        """
        outcomes: list[Outcome[bytes]] = []
        with self._transactions.begin(region, self._clock) as transaction:
            working_set = transaction.load(commands)
            for command in commands:
                try:
                    outcomes.append(
                        decide(command, working_set, ids=self._ids, encoder=self._encoder)
                    )
                except RuleError as refusal:
                    outcomes.append(refusal)
            transaction.store(working_set)
        return outcomes

"""What the application needs from adapters: stored state, reference data, encoders."""

import datetime as dt
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from yibao_common.values.clock import Clock
from yibao_settlement.application.commands import Command
from yibao_settlement.application.records import (
    Credit,
    Reversal,
    SettledBill,
    StoredSettlement,
)
from yibao_settlement.application.reference import Reference
from yibao_settlement.application.working_set import WorkingSet
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.enrolment import Enrolment
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.standing import Accumulators, Standing
from yibao_settlement.rules.visit import Visit


class Encoder(Protocol):
    """Writes answers as the bytes that are stored and sent."""

    def visit(self, region: str, visit: Visit) -> bytes:
        """Returns a serialized RegisterVisitResponse."""
        ...

    def settled(self, settled: SettledBill) -> bytes:
        """Returns a serialized SettleBillResponse."""
        ...

    def reversed(self, reversal: Reversal, settle_response: bytes) -> bytes:
        """Returns a serialized ReverseSettlementResponse, from what was settled."""
        ...

    def credited(self, credit: Credit) -> bytes:
        """Returns a serialized CreditAccountResponse."""
        ...


class BatchTransaction(Protocol):
    """One transaction over what a batch of commands reads and writes."""

    def load(self, commands: Sequence[Command]) -> WorkingSet:
        """Locks the standing of every person concerned, then reads the rest."""
        ...

    def store(self, working_set: WorkingSet) -> None:
        """Writes what the commands changed."""
        ...


class Transactions(Protocol):
    """Begins transactions of one region."""

    def begin(self, region: str, clock: Clock) -> AbstractContextManager[BatchTransaction]:
        """Gives a transaction that commits durably when the block ends without error.

        The time of what it decides is asked of `clock` after its locks are held.
        """
        ...


@dataclass(frozen=True, slots=True)
class TrialInputs:
    """What a trial starts from; `year` are the accumulators of the bill's year."""

    visit: Visit
    standing: Standing
    enrolments: Sequence[Enrolment]
    year: Accumulators
    reference: Reference


class Reads(Protocol):
    """What callers read: one snapshot each, no locks. None is for what is not there."""

    def visit(self, region: str, visit_id: str) -> Visit | None:
        """Returns the visit."""
        ...

    def trial_inputs(
        self, region: str, visit_id: str, *, benefit_year: int, item_codes: set[str]
    ) -> TrialInputs | None:
        """Returns what a trial of a bill of the visit starts from."""
        ...

    def settlement(self, region: str, settlement_id: str) -> StoredSettlement | None:
        """Returns the settlement."""
        ...

    def policy(self, region: str, policy_version: str) -> Policy | None:
        """Returns the compiled policy, whatever its state."""
        ...

    def standing(self, region: str, person_id: str) -> Standing | None:
        """Returns the person's account and current year."""
        ...

    def catalogue_item(self, region: str, item_code: str, day: dt.date) -> CatalogueItem | None:
        """Returns the item's row in force on `day`."""
        ...

    def fund_balances(self, region: str) -> list[tuple[str, int]]:
        """Returns every fund account with the sum of its entries in fen, by account."""
        ...

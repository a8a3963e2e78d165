"""What the application needs from adapters: stored state, reference data, encoders."""

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from yibao_settlement.application.commands import Command
from yibao_settlement.application.records import Credit, Reversal, SettledBill
from yibao_settlement.application.working_set import WorkingSet
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.policy import Policy
from yibao_settlement.rules.visit import Institution, Visit


class Reference(Protocol):
    """Institutions, catalogue and policies of a region, as of one moment."""

    def institution(self, institution_id: str) -> Institution | None:
        """Returns the institution, or None where the region has no agreement with it."""
        ...

    def items(self, codes: Sequence[str], day: dt.date) -> Mapping[str, CatalogueItem]:
        """Returns the rows in force on `day`, by code; unknown codes are absent."""
        ...

    def policy(self, insurance_type: str, day: dt.date) -> Policy | None:
        """Returns the active policy that decides `day`, or None."""
        ...


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

    def begin(self, region: str, now: dt.datetime) -> AbstractContextManager[BatchTransaction]:
        """Gives a transaction that commits durably when the block ends without error."""
        ...

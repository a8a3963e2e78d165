"""Imports of what bills are charged by: catalogue items and institutions, all or none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.visit import Institution

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

# Takes how many rows were stored.
Encode = Callable[[int], bytes]


class CatalogueRows(Protocol):
    """Catalogue items and institutions of a region, as one transaction writes them."""

    def put_items(self, items: Sequence[CatalogueItem]) -> None:
        """Stores rows; one with the code and first day of a stored row replaces it."""
        ...

    def put_institutions(self, institutions: Sequence[Institution]) -> None:
        """Stores institutions; one stored before is replaced."""
        ...


@dataclass(frozen=True, slots=True)
class ImportItems:
    """Imports catalogue items."""

    request: Request
    items: Sequence[CatalogueItem]


@dataclass(frozen=True, slots=True)
class ImportInstitutions:
    """Imports institutions that the region has an agreement with."""

    request: Request
    institutions: Sequence[Institution]


class Catalogue:
    """Imports of reference data, each answered once by its request id. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock

    def import_items(self, command: ImportItems, encode: Encode) -> bytes:
        """Stores catalogue rows and returns the answer's bytes.

        Raises:
            RuleError: REQUEST_ID_REUSED.
        """

        def decide(work: "Work") -> bytes:
            work.catalogue.put_items(command.items)
            return self._close(work, command.request, len(command.items), encode)

        return self._transactions.once(command.request, decide)

    def import_institutions(self, command: ImportInstitutions, encode: Encode) -> bytes:
        """Stores institutions and returns the answer's bytes.

        Raises:
            RuleError: REQUEST_ID_REUSED.
        """

        def decide(work: "Work") -> bytes:
            work.catalogue.put_institutions(command.institutions)
            return self._close(work, command.request, len(command.institutions), encode)

        return self._transactions.once(command.request, decide)

    def _close(self, work: "Work", request: Request, stored: int, encode: Encode) -> bytes:
        """Lets every process see the rows, and puts on record what came and from whom."""
        work.reference.raise_epoch()
        detail = {"rows": str(stored), "digest": request.digest.hex()}
        work.audit.add(entry_of(request, at=self._clock(), subject_ids=(), detail=detail))
        return encode(stored)

"""Imports of what bills are charged by: catalogue items and institutions, row by row."""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import FieldFault, RuleError, refusal_of
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.catalogue import (
    Asking,
    classes_asked_of_items,
    institution_faults,
    item_faults,
    repeated_rows,
    row_repeated,
    versions_faults,
)
from yibao_settlement.rules.visit import Institution

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

RowT = TypeVar("RowT", CatalogueItem, Institution)

# Takes, row by row, why it was refused; None where it was stored.
Encode = Callable[[Sequence[RuleError | None]], bytes]


class CatalogueRows(Protocol):
    """Catalogue items and institutions of a region, as one transaction writes them."""

    def put_items(self, items: Sequence[CatalogueItem]) -> None:
        """Stores rows; one with the code and first day of a stored row replaces it."""
        ...

    def without_share(
        self,
        classes: Collection[str],
        *,
        start_date: dt.date,
        end_date: dt.date | None,
        most: int,
    ) -> Sequence[str]:
        """Returns codes of items of some classes that have no share, in force on such days.

        In rising order, at most `most`; `end_date` is None where the days have no end.
        """
        ...

    def limited(self, item_codes: Collection[str]) -> Collection[str]:
        """Returns those of some items that a stored row gives a ceiling or a share."""
        ...

    def put_institutions(self, institutions: Sequence[Institution]) -> None:
        """Stores institutions; one stored before is replaced."""
        ...


class SentRow(NamedTuple, Generic[RowT]):
    """A row of an import and what is wrong with its form.

    What cannot be read stands in `row` as whatever makes no fault of its own. `form_total` is
    how many faults its form has, where only the first of them are given.
    """

    row: RowT
    form_faults: Sequence[FieldFault] = ()
    form_total: int = 0


@dataclass(frozen=True, slots=True)
class ImportItems:
    """Imports catalogue items."""

    request: Request
    rows: Sequence[SentRow[CatalogueItem]]


@dataclass(frozen=True, slots=True)
class ImportInstitutions:
    """Imports institutions that the region has an agreement with."""

    request: Request
    rows: Sequence[SentRow[Institution]]


class Catalogue:
    """Imports of reference data, each answered once by its request id. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        clock: Clock,
        approval_required_in: Collection[str] = (),
    ) -> None:
        """Takes what begins transactions.

        In regions of `approval_required_in` ceilings and shares come, and go, as versions alone.
        """
        self._transactions = transactions
        self._clock = clock
        self._approval_required_in = approval_required_in

    def import_items(self, command: ImportItems, encode: Encode) -> bytes:
        """Stores the rows without a fault and returns the answer's bytes.

        Of rows with one code and first day none is stored: which was meant is not known.

        Raises:
            RuleError: REQUEST_ID_REUSED.
        """
        needs_approval = command.request.region in self._approval_required_in

        def judge(
            asking: Sequence[Asking], kept: Collection[str], limited: Collection[str]
        ) -> _Judged:
            def find_faults(item: CatalogueItem) -> Iterator[FieldFault]:
                yield from item_faults(item, asking)
                yield from versions_faults(
                    item, kept=kept, limited=limited, needs_approval=needs_approval
                )

            refusals = _refusals(
                command.rows,
                keys=[_key(each, each.row.item_code, each.row.start_date) for each in command.rows],
                key_field="item_code",
                find_faults=find_faults,
            )
            return _Judged(refusals, encode(refusals))

        # Before the region is locked and, on SQLite, everybody else kept from writing:
        # thousands of faulty rows take most of a second.
        with self._transactions.read(command.request.region) as work:
            known = self._known(work, command)
        judged = judge(*known)

        def decide(work: "Work") -> bytes:
            # First, because it locks the region: of two imports one waits for the other,
            # and no policy is approved meanwhile.
            work.reference.raise_epoch()
            by_now = self._known(work, command)
            found = judged if by_now == known else judge(*by_now)
            work.catalogue.put_items(_accepted(command.rows, found.refusals))
            return self._close(work, command.request, found)

        return self._transactions.once(command.request, decide)

    def _known(
        self, work: "Work", command: ImportItems
    ) -> tuple[list[Asking], frozenset[str], frozenset[str]]:
        """Returns what policies ask of items, and which are kept by versions or limited."""
        limited: frozenset[str] = frozenset()
        if command.request.region in self._approval_required_in:
            limited = frozenset(work.catalogue.limited(_codes(command.rows)))
        return _asking(work), _kept(work, command.rows), limited

    def import_institutions(self, command: ImportInstitutions, encode: Encode) -> bytes:
        """Stores the rows without a fault and returns the answer's bytes.

        Of rows with one institution none is stored: which was meant is not known.

        Raises:
            RuleError: REQUEST_ID_REUSED.
        """
        refusals = _refusals(
            command.rows,
            keys=[_key(each, each.row.institution_id) for each in command.rows],
            key_field="institution_id",
            find_faults=institution_faults,
        )
        judged = _Judged(refusals, encode(refusals))

        def decide(work: "Work") -> bytes:
            work.reference.raise_epoch()
            work.catalogue.put_institutions(_accepted(command.rows, refusals))
            return self._close(work, command.request, judged)

        return self._transactions.once(command.request, decide)

    def _close(self, work: "Work", request: Request, judged: "_Judged") -> bytes:
        """Puts on record what came, from whom, and how much of it was stored."""
        refusals = judged.refusals
        refused = sum(refusal is not None for refusal in refusals)
        detail = {"rows": str(len(refusals) - refused), "digest": request.digest.hex()}
        if refused:
            detail["refused"] = str(refused)
        work.audit.add(entry_of(request, at=self._clock(), subject_ids=(), detail=detail))
        return judged.answer


class _Judged(NamedTuple):
    """Why each row of an import is refused, and the answer that tells it."""

    refusals: Sequence[RuleError | None]
    answer: bytes


_KEY_FIELDS = {"item_code", "institution_id", "start_date"}


def _key(sent: SentRow[RowT], *values: object) -> tuple[object, ...] | None:
    """Returns the key of a row, None where it cannot be read."""
    if any(fault.field in _KEY_FIELDS for fault in sent.form_faults):
        return None
    return values


def _asking(work: "Work") -> list[Asking]:
    """Returns what the policies in force ask of items."""
    return [
        Asking(each.policy.version, classes, each.start_date, each.end_date)
        for each in work.reference.policies()
        if (classes := classes_asked_of_items(each.policy))
    ]


def _kept(work: "Work", rows: Sequence[SentRow[CatalogueItem]]) -> frozenset[str]:
    """Returns the items that versions of lists keep; none where no version was approved."""
    versions = work.catalogue_versions
    if not versions.newest_number():
        return frozenset()
    return frozenset(versions.kept(_codes(rows)))


def _codes(rows: Sequence[SentRow[CatalogueItem]]) -> set[str]:
    """Returns the codes that can be asked for: others may be of no database."""
    return {
        item.item_code
        for item, faults, total in rows
        if total <= len(faults) and not any(fault.field == "item_code" for fault in faults)
    }


def _refusals(
    rows: Sequence[SentRow[RowT]],
    *,
    keys: Sequence[object],
    key_field: str,
    find_faults: Callable[[RowT], Iterable[FieldFault]],
) -> list[RuleError | None]:
    """Returns why each row is refused, with every fault of it at once."""
    repeated = repeated_rows(keys)
    refusals: list[RuleError | None] = []
    for place, sent in enumerate(rows):
        faults = list(sent.form_faults)
        malformed = {fault.field for fault in faults}
        untold = max(sent.form_total - len(faults), 0)
        if not untold:  # It is not known else which fields are malformed.
            faults += [each for each in find_faults(sent.row) if each.field not in malformed]
        if place in repeated:
            faults.append(row_repeated(key_field, repeated[place]))
        refusals.append(refusal_of(faults, total=len(faults) + untold))
    return refusals


def _accepted(rows: Sequence[SentRow[RowT]], refusals: Sequence[RuleError | None]) -> list[RowT]:
    return [sent.row for sent, refusal in zip(rows, refusals, strict=True) if refusal is None]

"""What becomes of papers by itself: the virus scanner's answer, and an end to what is kept."""

import dataclasses
import datetime as dt
import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.audit import OK, AuditEntry
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_offsite.rules.material.material import Material
from yibao_offsite.rules.material.parts import part_count
from yibao_offsite.rules.material.retention import LastUses, keep_until, may_be_over
from yibao_offsite.rules.material.states import STEPS, State, Step

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

_CALLER = "service/offsite"
_PAGE = 100
# After so many papers that the scanner fails at, a turn ends.
_FAILURES = 3


class ScannerError(Exception):
    """The virus scanner does not answer, or not as it should; the text tells the operator."""


class Verdict(enum.Enum):
    """What a virus scanner says of a file."""

    CLEAN = "clean"
    INFECTED = "infected"


class Scanner(Protocol):
    """A virus scanner. Blocks."""

    def scan(self, parts: Iterable[bytes]) -> Verdict:
        """Returns what is said of a file that comes in parts.

        Raises:
            ScannerError: nothing is said of it.
        """
        ...


class DueRows(Protocol):
    """Which papers something is due of."""

    def to_scan(self, *, after: str | None, limit: int) -> Sequence[str]:
        """Returns papers above `after` that wait for the virus scanner, the oldest first."""
        ...

    def count_to_scan(self) -> int:
        """Returns how many papers wait for the virus scanner."""
        ...

    def unfinished(self, *, before: dt.datetime, limit: int) -> Sequence[str]:
        """Returns files that were begun before an instant and not ended."""
        ...

    def unused(self, *, before: dt.datetime, limit: int) -> Sequence[str]:
        """Returns finished files that were begun before an instant and used for nothing."""
        ...

    def ended(self, by: LastUses, *, after: str | None, limit: int) -> Sequence[str]:
        """Returns files kept whose every use has ended by their day, with ids above `after`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """For how long what is kept; `years` by kind, counted from the end of the last use."""

    unfinished: dt.timedelta
    unused: dt.timedelta
    years: Mapping[str, int]


class DueMaterials:
    """Does what is due, a paper a transaction. Several processes may do it at once. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        keeping: Keeping,
        clock: Clock,
        pruning_clock: Clock | None = None,
    ) -> None:
        """Takes what begins transactions, and for how long papers are kept.

        `pruning_clock` tells by when they are kept no longer, where it is another clock.
        """
        self._transactions = transactions
        self._keeping = keeping
        self._clock = clock
        self._pruning_clock = pruning_clock or clock
        # Where a region's next turn of scanning begins, behind what the scanner failed at.
        self._scanned: dict[str, str] = {}

    def waiting(self, region: str) -> int:
        """Returns how many papers of a region wait for the virus scanner."""
        with self._transactions.read(region) as work:
            return work.material_due.count_to_scan()

    def scan(self, region: str, scanner: Scanner) -> Sequence[str]:
        """Has the oldest papers of a region that wait scanned.

        Returns those that cannot be, because what is stored of them was altered; they go on
        waiting, and nobody reads them.

        Raises:
            ScannerError: the scanner does not answer for one at least, which goes on waiting;
                the others had their turn, or have it next where it fails at several.
        """
        after, problem, failed = self._scanned.pop(region, None), None, 0
        altered: list[str] = []
        with self._transactions.read(region) as work:
            material_ids = work.material_due.to_scan(after=after, limit=_PAGE)
        for material_id in material_ids:
            try:
                if not self._scan(region, material_id, scanner):
                    altered.append(material_id)
            except ScannerError as error:
                problem, failed = error, failed + 1
                # It may be down, and each question takes its time; or it fails at these.
                if failed == _FAILURES:
                    self._scanned[region] = material_id
                    break
        if problem is None:
            return altered
        if altered:
            raise ScannerError(f"{problem}; altered where they are stored: {', '.join(altered)}")
        raise problem

    def prune(self, region: str) -> int:
        """Takes away what is kept no longer, and returns how many papers that were."""
        now = self._pruning_clock()
        keeping, today = self._keeping, shanghai_day(now)
        pruned = self._prune_all(
            region,
            lambda due: due.unfinished(before=now - keeping.unfinished, limit=_PAGE),
            Step.DISCARD,
        )
        pruned += self._prune_all(
            region, lambda due: due.unused(before=now - keeping.unused, limit=_PAGE), Step.REMOVE
        )
        # Of the many whose years are not over none is locked, as long as that can be told.
        by, after = may_be_over(today, keeping.years), None
        while True:
            with self._transactions.read(region) as work:
                page = work.material_due.ended(by, after=after, limit=_PAGE)
            pruned += sum(self._remove_ended(region, each, today) for each in page)
            if len(page) < _PAGE:
                return pruned
            after = page[-1]

    def _scan(self, region: str, material_id: str, scanner: Scanner) -> bool:
        # Outside of any transaction that locks: a scanner may take its time.
        with self._transactions.read(region) as work:
            material = work.materials.find(material_id)
            if material is None or material.state is not State.SCANNING:
                return True
            try:
                verdict = scanner.scan(_parts(work, material))
            except _AlteredError:
                return False
        is_clean = verdict is Verdict.CLEAN
        self._change(
            region,
            material_id,
            Step.FOUND_CLEAN if is_clean else Step.FOUND_INFECTED,
            "ScanMaterial",
            removes=not is_clean,
        )
        return True

    def _prune_all(self, region: str, find: Callable[[DueRows], Sequence[str]], step: Step) -> int:
        """Takes away what was used for nothing, page by page."""
        pruned = 0
        while True:
            with self._transactions.read(region) as work:
                page = find(work.material_due)
            done = sum(
                self._change(region, each, step, "PruneMaterial", is_unused=True) for each in page
            )
            pruned += done
            # What somebody else took is gone; where nothing went, it is not asked again.
            if len(page) < _PAGE or not done:
                return pruned

    def _remove_ended(self, region: str, material_id: str, today: dt.date) -> bool:
        return self._change(region, material_id, Step.REMOVE, "PruneMaterial", ended_by=today)

    def _change(
        self,
        region: str,
        material_id: str,
        step: Step,
        method: str,
        *,
        removes: bool = True,
        is_unused: bool = False,
        ended_by: dt.date | None = None,
    ) -> bool:
        """Takes a step of a paper, where it is still due under the paper's lock."""

        def change(work: "Work") -> bool:
            found = work.materials.lock([material_id])
            if not found or (state := STEPS[step].get(found[0].state)) is None:
                return False
            material = found[0]
            if is_unused and material.uses:
                return False
            if ended_by is not None:
                last = keep_until(material.kind, material.uses, self._keeping.years)
                if last is None or ended_by <= last:
                    return False
            now = self._clock()
            if removes:
                work.materials.remove_contents(material_id)
            remove_time = now if removes else None
            work.materials.update(
                dataclasses.replace(material, state=state, remove_time=remove_time)
            )
            subjects = (material.person_id, material_id)
            detail = {"kind": material.kind, "state": state.name}
            work.audit.add(AuditEntry(region, now, _CALLER, method, subjects, OK, detail, ""))
            return True

        return self._transactions.change(region, change)


class _AlteredError(Exception):
    """A part of a paper does not open."""


def _parts(work: "Work", material: Material) -> Iterator[bytes]:
    count = 0 if material.told is None else part_count(material.told.size_bytes)
    for part in work.materials.open_parts(material, count):
        if part is None:
            raise _AlteredError
        yield part

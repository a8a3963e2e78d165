"""Reading papers: what is known of them, their parts on record, and lists."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.audit import OK, entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_offsite.application.material.rows import Wish
from yibao_offsite.rules.material.access import (
    Purpose,
    check_reads,
    check_sees,
    is_of_region,
)
from yibao_offsite.rules.material.content import is_part_of
from yibao_offsite.rules.material.material import Material, Told, altered, material_not_found
from yibao_offsite.rules.material.parts import part_count, wrong_part
from yibao_offsite.rules.material.states import READABLE, WAIVERS, wrong_state

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


@dataclass(frozen=True, slots=True)
class ReadPart:
    """Reads a part of a file; `asked` says who asks for which region."""

    asked: Request
    material_id: str
    number: int
    purpose: Purpose


class Readings:
    """What callers read of papers. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        evidence_readers: Collection[str],
        clock: Clock,
    ) -> None:
        """Takes what begins transactions, and who reads restricted papers."""
        self._transactions = transactions
        self.evidence_readers = frozenset(evidence_readers)
        self._clock = clock

    def find(self, asked: Request, material_id: str) -> tuple[Material, set[int]]:
        """Returns a paper, and the numbers of its parts that are stored.

        Raises:
            RuleError: MATERIAL_NOT_FOUND.
        """
        with self._transactions.read(asked.region) as work:
            material = _seen(work, material_id, asked)
            return material, work.materials.stored_parts(material_id)

    def listed(
        self, asked: Request, wish: Wish, *, after: str | None, limit: int
    ) -> Sequence[Material]:
        """Returns at most `limit` papers that the caller sees."""
        if not is_of_region(asked.caller):
            wish = wish._replace(party=asked.caller.party)
        with self._transactions.read(asked.region) as work:
            return work.materials.listed(wish, after=after, limit=limit)

    def part(self, command: ReadPart) -> tuple[Material, bytes]:
        """Returns a paper and a part of it. The reading is on record before it is given out.

        Raises:
            RuleError: MATERIAL_NOT_FOUND, MATERIAL_RESTRICTED, MATERIAL_STATE,
                MATERIAL_PART_WRONG, MATERIAL_ALTERED.
        """

        def read(work: "Work") -> tuple[Material, bytes] | RuleError:
            material = _seen(work, command.material_id, command.asked)
            try:
                data = self._read(work, command, material)
            except RuleError as refusal:
                self._record(work, command, material, refusal.reason.name)
                return refusal
            self._record(work, command, material, OK)
            return material, data

        found = self._transactions.change(command.asked.region, read)
        if isinstance(found, RuleError):
            raise found
        return found

    def check(self, asked: Request, material_id: str, sha256: bytes) -> tuple[Material, bool]:
        """Returns a paper and whether it is the file of this SHA-256; goes on record.

        Raises:
            RuleError: MATERIAL_NOT_FOUND, MATERIAL_STATE.
        """

        def compare(work: "Work") -> tuple[Material, bool]:
            material = _seen(work, material_id, asked)
            if material.told is None or material.finish_time is None:
                raise wrong_state(material_id, material.state)
            manifest = work.materials.manifest(material)
            is_same = manifest is not None and manifest.sha256 == sha256
            detail = {"is_same": str(is_same).lower()}
            self._note(work, asked, material, OK, detail)
            return material, is_same

        return self._transactions.change(asked.region, compare)

    def _read(self, work: "Work", command: ReadPart, material: Material) -> bytes:
        check_reads(material, command.asked.caller, command.purpose, self.evidence_readers)
        told = _told(material)
        count = part_count(told.size_bytes)
        if command.number > count:
            raise wrong_part(command.number, count)
        manifest = work.materials.manifest(material)
        data = work.materials.open_part(material, command.number)
        if manifest is None or data is None:
            raise altered(material.material_id, command.number)
        if not is_part_of(manifest, told, command.number, data):
            raise altered(material.material_id, command.number)
        return data

    def _record(self, work: "Work", command: ReadPart, material: Material, outcome: str) -> None:
        detail = {"part": str(command.number), "purpose": command.purpose.name}
        self._note(work, command.asked, material, outcome, detail)

    def _note(
        self,
        work: "Work",
        asked: Request,
        material: Material,
        outcome: str,
        detail: Mapping[str, str],
    ) -> None:
        subjects = (material.person_id, material.material_id)
        work.audit.add(
            entry_of(asked, at=self._clock(), subject_ids=subjects, outcome=outcome, detail=detail)
        )


def _seen(work: "Work", material_id: str, asked: Request) -> Material:
    material = work.materials.find(material_id)
    if material is None:
        raise material_not_found(material_id)
    check_sees(material, asked.caller)
    return material


def _told(material: Material) -> Told:
    if material.told is None or material.state in WAIVERS or material.state not in READABLE:
        raise wrong_state(material.material_id, material.state)
    return material.told

"""What is asked about merges of duplicates, and who answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from yibao_common.commands.request import Request
from yibao_identity.rules.merge import Merge, MergeState

EncodeMerge = Callable[[Merge], bytes]


@dataclass(frozen=True, slots=True)
class ProposeMerge:
    """Proposes that two records are one person (maker)."""

    request: Request
    retired_person_id: str
    surviving_person_id: str
    explanation: str


@dataclass(frozen=True, slots=True)
class DecideMerge:
    """Approves or rejects a proposal (checker)."""

    request: Request
    merge_id: str
    is_approved: bool
    note: str


class Merges(Protocol):
    """Proposals to merge duplicates. Blocks."""

    def propose(self, command: ProposeMerge, encode: EncodeMerge) -> bytes:
        """Stores a proposal once by request id and returns the answer's bytes.

        Raises RuleError PERSON_NOT_FOUND, PERSON_MERGED, MERGE_STATE, REQUEST_ID_REUSED.
        """
        ...

    def decide(self, command: DecideMerge, encode: EncodeMerge) -> bytes:
        """Decides a proposal once by request id and returns the answer's bytes.

        Raises RuleError MERGE_NOT_FOUND, MERGE_STATE, SAME_MAKER_AND_CHECKER, PERSON_MERGED,
        ECERT_SUSPENDED, CARD_SUSPENDED, REQUEST_ID_REUSED.
        """
        ...

    def find(self, region: str, merge_id: str) -> Merge | None:
        """Returns a merge, or None."""
        ...

    def page(
        self, region: str, *, state: MergeState | None, before_merge_id: str, limit: int
    ) -> Sequence[Merge]:
        """Returns at most `limit` merges, the newest first, after the page before."""
        ...

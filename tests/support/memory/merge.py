"""Proposals to merge in memory."""

import dataclasses
from collections.abc import Collection

from yibao_identity.application.merge import MergeRows
from yibao_identity.rules.merge import Merge, MergeState


@dataclasses.dataclass
class MemoryMerges(MergeRows):
    """Merges of one region; `locked` names which were locked, in order."""

    rows: dict[str, Merge] = dataclasses.field(default_factory=dict)
    locked: list[str] = dataclasses.field(default_factory=list)

    def find(self, merge_id: str) -> Merge | None:
        return self.rows.get(merge_id)

    def lock(self, merge_id: str) -> Merge | None:
        self.locked.append(merge_id)
        return self.find(merge_id)

    def waiting(self, person_ids: Collection[str]) -> Merge | None:
        found = (
            each
            for each in self.rows.values()
            if each.state is MergeState.PROPOSED
            and {each.retired_person_id, each.surviving_person_id} & set(person_ids)
        )
        return next(found, None)

    def insert(self, merge: Merge) -> None:
        assert merge.merge_id not in self.rows
        self.rows[merge.merge_id] = merge

    def decide(self, merge: Merge) -> None:
        assert merge.merge_id in self.rows
        self.rows[merge.merge_id] = merge

    def page(self, *, state: MergeState | None, before: Merge | None, limit: int) -> list[Merge]:
        newest_first = list(reversed(self.rows.values()))
        if before is not None:
            newest_first = newest_first[newest_first.index(before) + 1 :]
        return [each for each in newest_first if state in (None, each.state)][:limit]

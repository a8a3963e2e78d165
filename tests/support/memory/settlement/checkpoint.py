"""Checkpoints in memory."""

import dataclasses
from collections.abc import Sequence

from yibao_settlement.application.checkpoint import BEFORE_ALL, CheckpointRows


@dataclasses.dataclass
class MemoryCheckpoints(CheckpointRows):
    """Entries of one region as (account, posting id, fen), and their checkpoints."""

    entries: list[tuple[str, str, int]] = dataclasses.field(default_factory=list)
    through: str | None = BEFORE_ALL
    fence: str = ""
    folded: dict[str, int] = dataclasses.field(default_factory=dict)

    def lock(self) -> str | None:
        return self.through

    def newest_posting(self) -> str:
        return max((posting_id for _, posting_id, _ in self.entries), default=BEFORE_ALL)

    def raise_fence(self, posting_id: str) -> None:
        self.fence = max(self.fence, posting_id)

    def balances(self, prefix: str, *, through: str) -> list[tuple[str, int]]:
        sums: dict[str, int] = {}
        for account_id, posting_id, amount_fen in self.entries:
            if account_id.startswith(prefix) and posting_id <= through:
                sums[account_id] = sums.get(account_id, 0) + amount_fen
        return sorted(sums.items())

    def replace(self, balances: Sequence[tuple[str, int]], *, through: str) -> None:
        self.folded, self.through = dict(balances), through

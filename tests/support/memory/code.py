"""Codes in memory."""

import dataclasses
from collections.abc import Sequence

from yibao_identity.application.code.issued import CodeRows, IssuedCode


@dataclasses.dataclass
class MemoryCodes(CodeRows):
    """Codes of one region, in the order in which they were stored."""

    rows: list[IssuedCode] = dataclasses.field(default_factory=list)

    def insert(self, issued: Sequence[IssuedCode]) -> None:
        self.rows += issued

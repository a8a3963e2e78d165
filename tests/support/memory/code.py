"""Codes in memory."""

import dataclasses
from collections.abc import Sequence

from yibao_identity.application.code.issued import CodeRows, IssuedCode


@dataclasses.dataclass
class MemoryCodes(CodeRows):
    """Codes of one region, in the order in which they were stored."""

    rows: list[IssuedCode] = dataclasses.field(default_factory=list)

    def insert_free(self, issued: Sequence[IssuedCode]) -> bool:
        are_free = True
        for code in issued:
            if self.of_seconds([code.certificate_id], [code.claims.issue_second]):
                are_free = False
            else:
                self.rows.append(code)
        return are_free

    def of_seconds(
        self, certificate_ids: Sequence[str], seconds: Sequence[int]
    ) -> list[IssuedCode]:
        return [
            code
            for code in self.rows
            if code.certificate_id in certificate_ids and code.claims.issue_second in seconds
        ]

"""Codes in memory."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Sequence

from yibao_identity.application.code.issued import CodeRows, IssuedCode
from yibao_identity.rules.relative_code import ShownCode


@dataclasses.dataclass
class MemoryCodes(CodeRows):
    """Codes of one region, in the order in which they were stored."""

    rows: list[IssuedCode] = dataclasses.field(default_factory=list)
    # The holders of certificates, by their ids.
    holders: dict[str, str] = dataclasses.field(default_factory=dict)
    withdrawn: list[ShownCode] = dataclasses.field(default_factory=list)

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

    def newest_shown(
        self, shown_by: Collection[str], *, issued_after: dt.datetime
    ) -> list[ShownCode]:
        newest: dict[str, ShownCode] = {}
        for code in sorted(self.rows, key=lambda each: each.claims.issue_second):
            issue_time = dt.datetime.fromtimestamp(code.claims.issue_second, dt.UTC)
            if code.shown_by in shown_by and issue_time > issued_after:
                holder = self.holders[code.certificate_id]
                newest[code.certificate_id] = ShownCode(holder, code.certificate_id, issue_time)
        return [newest[each] for each in sorted(newest)]

    def withdraw(self, codes: Sequence[ShownCode], *, at: dt.datetime, caller: str) -> None:
        self.withdrawn.extend(codes)

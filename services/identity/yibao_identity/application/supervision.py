"""What supervisors read: the audit rows of a region (I-05)."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.transactions import Transactions

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """A stored row of the audit, with the hashes that chain it.

    `detail` is `key=value` pairs, sorted, joined by spaces.
    """

    region: str
    sequence: int
    record_time: dt.datetime
    caller: str
    method: str
    subject_ids: tuple[str, ...]
    outcome: str
    detail: str
    request_id: str
    previous_hash: bytes
    hash: bytes


class AuditRows(Protocol):
    """The audit of a region, as one transaction reads it."""

    def after(self, sequence: int, *, subject_id: str, limit: int) -> Sequence[AuditEvent]:
        """Returns at most `limit` rows after a number, in their order.

        With `subject_id`, only those about this person, card, certificate, device or case.
        """
        ...


class Supervision:
    """Reads the audit. Blocks."""

    def __init__(self, transactions: "Transactions[Work]") -> None:
        """Takes what begins transactions."""
        self._transactions = transactions

    def events(
        self, region: str, *, after_sequence: int, subject_id: str, limit: int
    ) -> Sequence[AuditEvent]:
        """Returns at most `limit` rows after a number, in their order; see `AuditRows`."""
        with self._transactions.read(region) as work:
            return work.audit_rows.after(after_sequence, subject_id=subject_id, limit=limit)

"""What supervisors read: the audit rows of a region (I-05)."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


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


class Audit(Protocol):
    """The audit of the service."""

    def events(
        self, region: str, *, after_sequence: int, subject_id: str, limit: int
    ) -> Sequence[AuditEvent]:
        """Returns at most `limit` rows after a number, in their order.

        With `subject_id`, only those about this person, card, certificate, device or case.
        """
        ...

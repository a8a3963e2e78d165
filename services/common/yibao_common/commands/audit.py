"""What is put on record of a command: who did what to whom, and the form that is hashed.

`db.audit_chain` writes the rows and checks them.
"""

import datetime as dt
import hashlib
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yibao_common.commands.request import Request

OK = "OK"
FIRST_HASH = bytes(32)

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# What parts subjects, pairs, and a key from its value, is written as %XX inside them.
_PLAIN = "!\"#$&'()*+-./:;<>?@[]^_`{|}~"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that was done, or refused.

    `caller` is the path of the caller's identity, `method` the name of the RPC or job,
    `outcome` is `OK` or the name of a reason. `subject_ids` are UUIDs. `detail` holds no
    personal data. `request_id` is empty where there was none.
    """

    region: str
    at: dt.datetime
    caller: str
    method: str
    subject_ids: tuple[str, ...]
    outcome: str
    detail: Mapping[str, str]
    request_id: str


class AuditTrail:
    """What a unit of work puts on record, kept until its end: the chain is locked last."""

    def __init__(self) -> None:
        """Starts empty."""
        self.entries: list[AuditEntry] = []

    def add(self, entry: AuditEntry) -> None:
        """Keeps an entry; rows are written in the order in which they were added."""
        self.entries.append(entry)


def entry_of(
    request: Request,
    *,
    at: dt.datetime,
    subject_ids: tuple[str, ...],
    outcome: str = OK,
    detail: Mapping[str, str] | None = None,
) -> AuditEntry:
    """Returns the entry that tells of a request; see `AuditEntry` for what may stand in it."""
    return AuditEntry(
        request.region,
        at,
        request.caller.path,
        request.method,
        subject_ids,
        outcome,
        detail or {},
        request.request_id,
    )


def canonical(entry: AuditEntry, sequence: int) -> bytes:
    """Returns the one form of a row that is hashed.

    Region, sequence, microseconds since 1970, caller, method, subject ids, outcome, detail
    and request id: each as UTF-8 text after its length in bytes (four bytes, big-endian),
    so that no two rows have the same form. Numbers are written in decimal.
    """
    _, values = event_values(entry)
    return canonical_text(entry.region, sequence, values)


def chained_hash(previous: bytes, entry: AuditEntry, sequence: int) -> bytes:
    """Returns the hash of a row: SHA-256 over the hash before it and its canonical form."""
    return hashlib.sha256(previous + canonical(entry, sequence)).digest()


def event_values(entry: AuditEntry) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Returns the columns that tell of an entry, and their values."""
    columns = (
        *("record_time", "caller", "method"),
        *("subject_ids", "outcome", "detail", "request_id"),
    )
    detail = " ".join(f"{_plain(key)}={_plain(entry.detail[key])}" for key in sorted(entry.detail))
    subject_ids = ",".join(entry.subject_ids)
    values = (entry.at, entry.caller, entry.method)
    return columns, (*values, subject_ids, entry.outcome, detail, entry.request_id)


def _plain(text: str) -> str:
    return urllib.parse.quote(text, safe=_PLAIN)


def canonical_text(region: str, sequence: int, values: Sequence[Any]) -> bytes:
    """Returns the form of a row by the values of its columns; see `canonical`."""
    at, *texts = values
    microseconds = (at - _EPOCH) // dt.timedelta(microseconds=1)
    fields = (region, str(sequence), str(microseconds), *texts)
    encoded = [field.encode() for field in fields]
    return b"".join(len(field).to_bytes(4, "big") + field for field in encoded)

"""Entries of status lists in memory, and a signer whose signatures can be read."""

import dataclasses
import datetime as dt

from yibao_offsite.application.attestation import AttestationRows, AttestationSigner
from yibao_offsite.rules.attestation import (
    Entry,
    HoldStatement,
    ListContent,
    Statement,
    no_attestation_key,
)
from yibao_offsite.rules.feed import RegisteredCare


@dataclasses.dataclass
class MemoryAttestations(AttestationRows):
    """The entries of one region, and what settlement was told."""

    told_of: dict[str, RegisteredCare] = dataclasses.field(default_factory=dict)
    taken: dict[tuple[int, int], Entry] = dataclasses.field(default_factory=dict)

    def tell(self, told: RegisteredCare) -> None:
        """Does what the end of a unit of work does that tells it."""
        self.told_of[told.registration_id] = told
        for place, entry in self.taken.items():
            if entry.registration_id == told.registration_id:
                self.taken[place] = entry.withdrawn_by(told)

    def told(self, registration_id: str) -> RegisteredCare | None:
        return self.told_of.get(registration_id)

    def entries(self, registration_id: str) -> list[Entry]:
        return [each for each in self.taken.values() if each.registration_id == registration_id]

    def newest_list(self) -> int:
        return max((number for number, _ in self.taken), default=0)

    def take(self, entry: Entry, *, now: dt.datetime) -> bool:
        return self.taken.setdefault((entry.list_number, entry.status_index), entry) is entry

    def extend(self, entry: Entry) -> None:
        self.taken[entry.list_number, entry.status_index] = entry

    def set_entries(self, number: int, *, today: dt.date, now: dt.datetime) -> frozenset[int]:
        return frozenset(
            index
            for (list_number, index), entry in self.taken.items()
            if list_number == number
            and entry.withdraw_date is not None
            and entry.withdraw_date <= today
            and entry.last_expire_time > now
        )


@dataclasses.dataclass
class PlainSigner(AttestationSigner):
    """Signs nothing: what it gives tells what was stated. `key` is None where it has none."""

    key: bytes | None = b"a key id"
    signed_lists: list[ListContent] = dataclasses.field(default_factory=list)

    def key_id(self, region: str) -> bytes:
        if self.key is None:
            raise no_attestation_key(region)
        return self.key

    def sign_registration(self, stated: Statement) -> str:
        return f"{stated.told.registration_id} v{stated.told.version}"

    def sign_hold(self, stated: HoldStatement, *, at: dt.datetime) -> bytes:
        return stated.hold_id.encode()

    def sign_list(self, content: ListContent) -> bytes:
        self.signed_lists.append(content)
        return ",".join(map(str, sorted(content.is_set))).encode()

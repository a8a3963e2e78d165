"""Attestations of registrations: issued from what settlement was told, and taken back with it."""

import datetime as dt
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_offsite.rules.attestation import (
    AT_ONCE,
    LIST_ENTRIES,
    LIST_REFRESH_AFTER,
    VERIFIER_LEEWAY,
    Entry,
    HoldStatement,
    ListContent,
    Statement,
    check_attestable,
    check_place,
    list_not_found,
    not_attestable,
    stated_digest,
)
from yibao_offsite.rules.feed import RegisteredCare
from yibao_offsite.rules.registration.registration import registration_not_found

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

# Where none of so many random entries is free, the list is full enough.
CANDIDATES: Final = 16
_ENTRY_BYTES: Final = 4
# How long a list is handed out before it is looked up anew whether a bit was set.
_LOOK_AFTER = dt.timedelta(seconds=1)
_RESIGN_AFTER = LIST_REFRESH_AFTER / 2
_LIST_URI = re.compile(r"mr:sl/([0-9]{6})/([1-9][0-9]{0,8})", re.ASCII)


class AttestationRows(Protocol):
    """Entries of status lists, as one transaction in a region finds and writes them."""

    def told(self, registration_id: str) -> RegisteredCare | None:
        """Returns what settlement was told of a registration last, or None."""
        ...

    def entries(self, registration_id: str) -> Sequence[Entry]:
        """Returns all entries that a registration ever had."""
        ...

    def newest_list(self) -> int:
        """Returns the number of the list that entries were taken from last, or 0."""
        ...

    def take(self, entry: Entry, *, now: dt.datetime) -> bool:
        """Stores an entry; tells False where its place is taken."""
        ...

    def extend(self, entry: Entry) -> None:
        """Stores until when attestations of a stored entry are valid."""
        ...

    def set_entries(self, number: int, *, today: dt.date, now: dt.datetime) -> frozenset[int]:
        """Returns the entries of a list that are set and that a valid attestation may name."""
        ...


class AttestationSigner(Protocol):
    """Signs with the key that the trust snapshot says; safe between threads."""

    def key_id(self, region: str) -> bytes:
        """Returns the id of the key that signs for a region, 8 bytes.

        Raises RuleError NO_ATTESTATION_KEY, as the others.
        """
        ...

    def sign_registration(self, stated: Statement) -> str:
        """Returns the attestation of a registration as text."""
        ...

    def sign_hold(self, stated: HoldStatement, *, at: dt.datetime) -> bytes:
        """Returns the attestation of a hold; its times are those of signing."""
        ...

    def sign_list(self, content: ListContent) -> bytes:
        """Returns a status list."""
        ...


@dataclass(frozen=True, slots=True)
class Issued:
    """An attestation as it is handed out."""

    text: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class _Kept:
    """A list as it was signed last, and when it was last looked up whether it is still so."""

    document: bytes
    key_id: bytes
    content: ListContent
    look_time: dt.datetime


class Attestations:
    """What callers ask of attestations. Blocks; safe between threads."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        signer: AttestationSigner,
        *,
        life: dt.timedelta,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        """Takes what begins transactions and what signs; `life` is an attestation's."""
        self._transactions = transactions
        self._signer = signer
        self._life = life
        self._clock = clock
        self._random_bytes = random_bytes
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def issue(self, request: Request, registration_id: str) -> Issued:
        """Returns a new attestation of a registration, which is on record before it is signed.

        Raises:
            RuleError: NO_ATTESTATION_KEY, REGISTRATION_NOT_FOUND, REGISTRATION_STATE.
        """
        try:
            self._signer.key_id(request.region)
        except RuleError:
            # What is not there will not be there later either, as in a region that is misspelt.
            with self._transactions.read(request.region) as work:
                self._find(work, request, registration_id)
            raise
        statement = self._transactions.change(
            request.region, lambda work: self._state(work, request, registration_id)
        )
        return Issued(self._signer.sign_registration(statement), statement)

    def status_list(self, uri: str) -> bytes:
        """Returns a status list of this moment, as signed.

        A bit is in what is handed out a second after it was set, in whichever process.

        Raises:
            RuleError: STATUS_LIST_NOT_FOUND, NO_ATTESTATION_KEY.
        """
        found = _LIST_URI.fullmatch(uri)
        if found is None:
            raise list_not_found(uri)
        region, number = found[1], int(found[2])
        key_id, now = self._signer.key_id(region), self._clock()
        with self._lock:
            kept = self._kept.get(uri)
            if (
                kept is not None
                and kept.key_id == key_id
                and abs(now - kept.look_time) < _LOOK_AFTER
            ):
                return kept.document
        with self._transactions.read(region) as work:
            if number > max(1, work.attestations.newest_list()):
                raise list_not_found(uri)
            is_set = work.attestations.set_entries(
                number, today=shanghai_day(now), now=now - VERIFIER_LEEWAY
            )
        return self._signed(uri, ListContent(region, number, is_set, now), key_id)

    def _signed(self, uri: str, content: ListContent, key_id: bytes) -> bytes:
        with self._lock:
            kept = self._kept.get(uri)
            is_good = (
                kept is not None
                and kept.key_id == key_id
                and kept.content.is_set == content.is_set
                and abs(content.issue_time - kept.content.issue_time) < _RESIGN_AFTER
            )
            if kept is not None and is_good:
                made = _Kept(kept.document, key_id, kept.content, content.issue_time)
            else:
                document = self._signer.sign_list(content)
                made = _Kept(document, key_id, content, content.issue_time)
            self._kept[uri] = made
            return made.document

    def _state(self, work: "Work", request: Request, registration_id: str) -> Statement:
        now = self._clock()
        found = self._find(work, request, registration_id)
        work.persons.lock(found.person_id)
        # Read after the lock, so that nothing ends between what is stated and its entry.
        told = self._find(work, request, registration_id)
        check_attestable(told, today=shanghai_day(now))
        expire_time = now + self._life
        entry = self._entry(work, told, expire_time, now)
        subjects = (told.person_id, told.registration_id)
        detail = {
            "version": str(told.version),
            "entry": f"{entry.list_number}/{entry.status_index}",
        }
        work.audit.add(entry_of(request, at=now, subject_ids=subjects, detail=detail))
        return Statement(
            request.region, told, entry.list_number, entry.status_index, now, expire_time
        )

    def _find(self, work: "Work", request: Request, registration_id: str) -> RegisteredCare:
        told = work.attestations.told(registration_id)
        institution_id = request.caller.institution_id
        if told is None:
            registration = work.registrations.find(registration_id)
            # To an institution nothing exists that was not granted.
            if registration is None or institution_id is not None:
                raise registration_not_found(registration_id)
            raise not_attestable(registration_id, registration.state.name)
        if institution_id is not None:
            check_place(told, institution_id=institution_id)
        return told

    def _entry(
        self, work: "Work", told: RegisteredCare, expire_time: dt.datetime, now: dt.datetime
    ) -> Entry:
        """Returns the entry of what is told, taken at random the first time."""
        rows, digest = work.attestations, stated_digest(told)
        for entry in rows.entries(told.registration_id):
            if entry.stated_digest == digest and entry.withdraw_date != AT_ONCE:
                if entry.last_expire_time < expire_time:
                    rows.extend(replace(entry, last_expire_time=expire_time))
                return entry
        number = max(1, rows.newest_list())
        while True:
            for index in self._draw():
                drawn = Entry(
                    number, index, told.registration_id, digest, expire_time
                ).withdrawn_by(told)
                if rows.take(drawn, now=now):
                    return drawn
            number += 1

    def _draw(self) -> list[int]:
        drawn = self._random_bytes(CANDIDATES * _ENTRY_BYTES)
        return [
            int.from_bytes(drawn[start : start + _ENTRY_BYTES]) % LIST_ENTRIES
            for start in range(0, len(drawn), _ENTRY_BYTES)
        ]

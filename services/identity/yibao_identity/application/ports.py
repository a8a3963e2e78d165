"""What storage does for the servicers and the batches."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from yibao_identity.application.commands import ActivateCertificate, IssueCode, RegisterPerson
from yibao_identity.application.records import (
    EnrolledPerson,
    EnrolmentChange,
    PublishedSnapshot,
)
from yibao_identity.rules.certificate import Certificate
from yibao_identity.rules.qr_code import QrClaims
from yibao_identity.rules.trust_list import TrustList


class Persons(Protocol):
    """Insured persons and the feed of their changes. Blocks."""

    def register(self, command: RegisterPerson, encode: Callable[[EnrolledPerson], bytes]) -> bytes:
        """Registers a person once by request id and returns the answer's bytes.

        Raises RuleError PERSON_EXISTS, REQUEST_ID_REUSED, or what the rules refuse.
        """
        ...

    def find(self, region: str, person_id: str) -> EnrolledPerson | None:
        """Returns a person, or None."""
        ...

    def changes(self, region: str, *, after_sequence: int, limit: int) -> list[EnrolmentChange]:
        """Returns at most `limit` changes that follow `after_sequence`, without a gap."""
        ...


class Certificates(Protocol):
    """E-certificates. Blocks."""

    def activate(
        self, command: ActivateCertificate, encode: Callable[[Certificate], bytes]
    ) -> bytes:
        """Activates a certificate once by request id and returns the answer's bytes.

        Raises RuleError PERSON_NOT_FOUND, CERTIFICATE_EXISTS, REQUEST_ID_REUSED.
        """
        ...

    def find(self, region: str, certificate_id: str) -> Certificate | None:
        """Returns a certificate, or None."""
        ...


class IssueTransaction(Protocol):
    """One batch of codes in one region."""

    def certificates(self, certificate_ids: Collection[str]) -> Mapping[str, Certificate]:
        """Returns those that exist, by their ids."""
        ...

    def store(self, issued: Sequence[tuple[IssueCode, QrClaims]]) -> None:
        """Notes what is about to be signed, for whom and who asked."""
        ...


class IssueTransactions(Protocol):
    """Begins the transactions of the batches."""

    def begin(self, region: str) -> AbstractContextManager[IssueTransaction]:
        """Gives a transaction that commits durably when the block ends without error."""
        ...


class Snapshots(Protocol):
    """The trust snapshots that were ever published. Blocks."""

    def newest(self) -> PublishedSnapshot | None:
        """Returns the one with the highest version, or None before the first."""
        ...

    def add(self, snapshot: PublishedSnapshot) -> bool:
        """Stores a snapshot; tells False where its version is taken."""
        ...


class SnapshotSigner(Protocol):
    """Signs trust lists with the trust key."""

    @property
    def key_id(self) -> bytes:
        """The id of the trust key, 8 bytes."""
        ...

    def sign_snapshot(self, trust_list: TrustList) -> bytes:
        """Returns the snapshot to publish."""
        ...


class CodeSigner(Protocol):
    """Signs codes with the issuer's key."""

    def sign_code(self, claims: QrClaims) -> str:
        """Returns the text to draw."""
        ...

"""What storage does for the servicers and the batches."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from yibao_identity.application.commands import IssueCode
from yibao_identity.rules.certificate import Certificate
from yibao_identity.rules.qr_code import QrClaims


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


class CodeSigner(Protocol):
    """Signs codes with the issuer's key."""

    def sign_code(self, claims: QrClaims) -> str:
        """Returns the text to draw."""
        ...

"""Codes that are about to be signed: their rows are durable before their signatures.

What a signature can do once it exists must be known to the issuer, even where the
process dies between the two: a row without a code does no harm, a code without a row
could not be explained.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.code import QrClaims
from yibao_identity.rules.relative_code import ShownCode
from yibao_identity.rules.trust.published import KeyUse


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A code of a certificate, as it is stored before it is signed.

    `issued_to` is the path of the caller. `shown_by` is the certificate of the relative who
    shows it, and None where the holder does.
    """

    claims: QrClaims
    certificate_id: str
    issued_to: str
    shown_by: str | None = None


class CodeRows(Protocol):
    """Codes of a region. Only inserted, and never two of one certificate and second."""

    def insert_free(self, issued: Sequence[IssuedCode]) -> bool:
        """Notes what is about to be signed, for whom and who asked.

        A code of a second in which its certificate has one is left out; returns whether
        none was. Where another transaction stores such a code now, this one waits for it.
        """
        ...

    def of_seconds(
        self, certificate_ids: Sequence[str], seconds: Sequence[int]
    ) -> list[IssuedCode]:
        """Returns the codes of certificates that were or will be issued in `seconds`.

        Of several codes of one second, which only rows of before can be, the last one.
        """
        ...

    def newest_shown(
        self, shown_by: Collection[str], *, issued_after: dt.datetime
    ) -> Sequence[ShownCode]:
        """Returns the newest code of each certificate that the certificates `shown_by` showed.

        Of those issued after a time, in the order of the certificates' ids.
        """
        ...

    def withdraw(self, codes: Sequence[ShownCode], *, at: dt.datetime, caller: str) -> None:
        """Stores that codes and all of their certificates that are older count no more."""
        ...


class CodeSigner(Protocol):
    """Signs codes with the issuer's key."""

    def sign_code(self, claims: QrClaims) -> str:
        """Returns the text to draw."""
        ...


def require_signing_key(*, now: dt.datetime, expire_time: dt.datetime) -> None:
    """Refuses to issue where the issuer's key, which signs until `expire_time`, may not.

    A code of a later second would be refused everywhere.

    Raises:
        RuleError: NO_SIGNING_KEY; another key may be put to use at any moment.
    """
    if now >= expire_time:
        raise no_signing_key(KeyUse.TOKEN)


def no_signing_key(use: KeyUse) -> RuleError:
    """Returns the refusal for want of a key for `use`."""
    return RuleError(
        Reason.NO_SIGNING_KEY,
        f"no {use.value} key of the issuer may sign at present",
        use=use.value,
    )

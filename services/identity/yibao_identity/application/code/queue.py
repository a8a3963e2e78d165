"""Issues the codes of this minute in batches: one look-up and one insert a batch."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_identity.application.code.issued import IssuedCode, require_signing_key
from yibao_identity.application.code.second import AskedCode, store_codes
from yibao_identity.rules.certificate import (
    Certificate,
    certificate_not_found,
    check_may_issue,
)
from yibao_identity.rules.code import QrClaims

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


@dataclass(frozen=True, slots=True)
class IssueCode:
    """Issues a QR code of a certificate for one business type."""

    certificate_id: str
    audience: str
    caller: str


class IssueWork:
    """The work of a batcher: returns for each command the claims to sign, or why not."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        key_expire_time: Callable[[], dt.datetime],
        clock: Clock,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        """Takes storage, until when the issuer's present key signs, and a source of ids."""
        self._transactions = transactions
        self._key_expire_time = key_expire_time
        self._clock = clock
        self._random_bytes = random_bytes

    def __call__(self, region: str, commands: Sequence[IssueCode]) -> list[QrClaims | RuleError]:
        """Decides and stores a batch of one region; durable when it returns."""
        require_signing_key(now=self._clock(), expire_time=self._key_expire_time())
        return self._transactions.change_untried(region, lambda work: self._issue(work, commands))

    def _issue(self, work: "Work", commands: Sequence[IssueCode]) -> list[QrClaims | RuleError]:
        now_second = int(self._clock().timestamp())
        wanted = sorted({command.certificate_id for command in commands})
        certificates = work.certificates.among(wanted)
        asked = [_asked(command, certificates.get(command.certificate_id)) for command in commands]
        stored = iter(
            store_codes(
                work,
                [each for each in asked if isinstance(each, AskedCode)],
                now_second=now_second,
                random_bytes=self._random_bytes,
            )
        )
        outcomes = [next(stored) if isinstance(each, AskedCode) else each for each in asked]
        return [each.claims if isinstance(each, IssuedCode) else each for each in outcomes]


def _asked(command: IssueCode, certificate: Certificate | None) -> AskedCode | RuleError:
    try:
        if certificate is None:
            raise certificate_not_found(command.certificate_id)
        check_may_issue(certificate)
    except RuleError as refusal:
        return refusal
    return AskedCode(certificate, command.audience, command.caller)

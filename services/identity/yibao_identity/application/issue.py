"""Issues QR codes in batches: the intent is stored durably before anything is signed.

What a signature can do once it exists must be known to the issuer, even where the
process dies between the two: a row without a code does no harm, a code without a row
could not be explained.
"""

import datetime as dt
from collections.abc import Callable, Sequence

from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError, TransientError
from yibao_identity.application.commands import IssueCode
from yibao_identity.application.ports import IssueTransactions
from yibao_identity.rules.certificate import (
    Certificate,
    certificate_not_found,
    check_may_issue,
)
from yibao_identity.rules.qr_code import CODE_ID_BYTES, QrClaims, new_claims


class IssueWork:
    """The work of a batcher: returns for each command the claims to sign, or why not."""

    def __init__(
        self,
        transactions: IssueTransactions,
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
        # A code of a later second would be refused everywhere.
        if self._clock() >= self._key_expire_time():
            raise TransientError("no key of the issuer may sign at present")
        with self._transactions.begin(region) as transaction:
            wanted = sorted({command.certificate_id for command in commands})
            certificates = transaction.certificates(wanted)
            outcomes = [
                self._outcome(command, certificates.get(command.certificate_id))
                for command in commands
            ]
            transaction.store(
                [
                    (command, outcome)
                    for command, outcome in zip(commands, outcomes, strict=True)
                    if isinstance(outcome, QrClaims)
                ]
            )
        return outcomes

    def _outcome(self, command: IssueCode, certificate: Certificate | None) -> QrClaims | RuleError:
        try:
            if certificate is None:
                raise certificate_not_found(command.certificate_id)
            check_may_issue(certificate)
            return new_claims(
                issuer=certificate.region,
                subject=certificate.subject,
                audience=command.audience,
                now=self._clock(),
                code_id=self._random_bytes(CODE_ID_BYTES),
            )
        except RuleError as refusal:
            return refusal

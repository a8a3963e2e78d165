"""Verifies the codes and attestations that institutions forward, against the trust held."""

import datetime as dt
import math
from collections.abc import Callable, Collection

from yibao import qr
from yibao.attestation import Attested, AttestedHold
from yibao.settlement.v1.visit_pb2 import Presentation
from yibao.trust import TrustSnapshot
from yibao.trust_store import TrustFolderError, TrustStore
from yibao_common.rpc.wire import to_instant
from yibao_common.values.caller import Caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Code
from yibao_settlement.application.elsewhere.state import AttestationTold
from yibao_settlement.rules.elsewhere.registered import AuditHold
from yibao_settlement.rules.presentation import PresentedCode, check_scan_time
from yibao_settlement.servicer.presentation import check_presentation, token_of
from yibao_settlement.servicer.trust.attested import (
    attested_of,
    signs_attestations,
    states,
    verified,
    verified_hold,
)

_REASONS = {
    "malformed": Reason.QR_MALFORMED,
    "unknown_key": Reason.QR_UNKNOWN_KEY,
    "bad_signature": Reason.QR_BAD_SIGNATURE,
    "not_yet_valid": Reason.QR_NOT_YET_VALID,
    "expired": Reason.QR_EXPIRED,
    "clock_suspect": Reason.CLOCK_SUSPECT,
    "revoked": Reason.QR_REVOKED,
    "wrong_audience": Reason.QR_WRONG_AUDIENCE,
    "stale_trust": Reason.QR_STALE_TRUST,
}
# What text and request alone decide: no such code was ever accepted, so there is no answer
# that a repeat could be owed.
_ALWAYS_REFUSED = frozenset(
    {
        Reason.QR_MALFORMED,
        Reason.QR_BAD_SIGNATURE,
        Reason.QR_OTHER_REGION,
        Reason.QR_WRONG_AUDIENCE,
        Reason.TOKEN_MALFORMED,
        Reason.TOKEN_OTHER_REGION,
    }
)


# By how far clocks may be apart without a word.
_SUSPECT_SECONDS = 60


class TrustHolder:
    """Judges codes by the newest trust of this process."""

    def __init__(
        self, store: TrustStore, *, check_feed: Callable[[str, dt.datetime], None]
    ) -> None:
        """Takes the store; while it holds nothing every code is refused.

        `check_feed(region, now)` raises where what is known of the region's persons is too old.
        """
        self._store = store
        self._check_feed = check_feed
        # Verifying a phone's certificate costs as much as its code; it shows it for days.
        self._certificates = qr.CertificateCache()

    def judge(
        self,
        presentation: Presentation,
        *,
        region: str,
        audience: str,
        caller: Caller,
        now: dt.datetime,
    ) -> Code:
        """Returns the code of a presentation as `check` does, its token, or its refusal.

        Whether a refusal counts is decided with the request: a repeated one gets its
        first answer, however old its code is by then, and whichever terminal repeats it.
        OUT_OF_SCOPE is that of a terminal which says that another one scanned the code.

        Raises RuleError QR_MALFORMED, QR_BAD_SIGNATURE, QR_OTHER_REGION, QR_WRONG_AUDIENCE,
        TOKEN_MALFORMED or TOKEN_OTHER_REGION: such a code is refused for good and keeps nobody
        waiting. FIELD_REQUIRED or FIELD_OUT_OF_RANGE where there is not one of code and token.
        """
        check_presentation(presentation)
        code: Code
        try:
            if presentation.credential_token:
                code = token_of(presentation, region=region, audience=audience)
                self._check_feed(region, now)
            else:
                code = self.check(presentation, region=region, audience=audience, now=now)
            caller.require_terminal(presentation.terminal_id)
        except RuleError as refusal:
            if refusal.reason in _ALWAYS_REFUSED:
                raise
            return refusal
        return code

    def check(
        self,
        presentation: Presentation,
        *,
        region: str,
        audience: str | Collection[str],
        now: dt.datetime,
    ) -> PresentedCode:
        """Returns the code of a presentation, verified as of its scan.

        Raises RuleError: FEED_STALE, QR_STALE_TRUST, CLOCK_SUSPECT or another QR_* reason.
        """
        self._check_feed(region, now)
        scan_time = to_instant(presentation.scan_time)
        # The code is judged as of its scan, the snapshot as of now.
        snapshot = self._snapshot(now)
        try:
            claims = qr.verify(
                presentation.qr_text,
                trust=snapshot,
                audience=audience,
                now=scan_time,
                certificates=self._certificates,
                note_time=self._store.note_time,
            )
        except qr.QrError as error:
            refusal = _refusal(error, snapshot)
            if refusal.reason not in _ALWAYS_REFUSED:
                check_scan_time(scan_time, now=now)
            raise refusal from None
        if claims.issuer != region:
            raise RuleError(
                Reason.QR_OTHER_REGION,
                f"the code was issued by region {claims.issuer} and shown in {region}",
                issuer=claims.issuer,
                region=region,
            )
        check_scan_time(scan_time, now=now)
        return PresentedCode(
            claims.issuer,
            claims.subject,
            claims.code_id.hex(),
            claims.issue_time,
            scan_time,
            presentation.terminal_id,
            "" if claims.device_certificate_id is None else claims.device_certificate_id.hex(),
        )

    def attested(self, text: str, *, region: str, now: dt.datetime) -> AttestationTold:
        """Returns the registration that an attestation states, or its refusal.

        It is decided with the request, as of codes: a repeat gets its first answer.
        """
        if not text:
            return None
        try:
            trust = self._snapshot(now, stale=Reason.ATTESTATION_STALE_TRUST)
            return attested_of(text, trust=trust, region=region, at=now)
        except RuleError as refusal:
            return refusal

    def verify_attestation(self, text: str, *, at: dt.datetime) -> Attested:
        """Returns what an attestation of a registration states, verified as of `at`.

        Raises RuleError: an ATTESTATION_* reason, or CLOCK_SUSPECT.
        """
        trust = self._snapshot(at, stale=Reason.ATTESTATION_STALE_TRUST)
        return verified(text, trust=trust, at=at)

    def verify_hold(self, data: bytes, *, at: dt.datetime) -> AttestedHold:
        """Returns what an attested hold states, or that it is lifted, verified as of `at`.

        Raises RuleError: an ATTESTATION_* reason, or CLOCK_SUSPECT.
        """
        trust = self._snapshot(at, stale=Reason.ATTESTATION_STALE_TRUST)
        return verified_hold(data, trust=trust, at=at)

    def problem_of_hold(
        self,
        region: str,
        hold: AuditHold,
        data: bytes,
        *,
        at: dt.datetime,
        tell_ahead: Callable[[str, int], None],
    ) -> str:
        """Returns why `data` is not the offsite service's attestation of a hold as it is told.

        Empty where it is. Where no key may sign for the region, as where its only one was killed,
        who told it is proved by the connection alone: what is revoked must not wait for the next
        key. Nor does a hold wait for a clock of offsite that is ahead to be set: `tell_ahead` is
        told by how many seconds.
        """
        try:
            trust = self._snapshot(at, stale=Reason.ATTESTATION_STALE_TRUST)
            if not signs_attestations(trust, region):
                return ""
            attested = verified_hold(data, trust=trust, at=at, is_told_now=True)
        except RuleError as refusal:
            return refusal.message or refusal.reason.name
        ahead = math.ceil(attested.issue_second - at.timestamp())
        if ahead > _SUSPECT_SECONDS:
            tell_ahead(region, ahead)
        return "" if states(attested, hold, region=region) else "it is of another hold"

    def _snapshot(
        self, now: dt.datetime, *, stale: Reason = Reason.QR_STALE_TRUST
    ) -> TrustSnapshot:
        try:
            return self._store.current(now=now)
        except qr.QrError as error:
            # Also where this machine's own clock is behind: the caller's is not at fault.
            raise RuleError(stale, error.message) from None
        except TrustFolderError:
            # Nothing is held, and what must not go back cannot be read; the pulls tell of it.
            raise RuleError(stale, "the folder of trust cannot be read") from None


def _refusal(error: qr.QrError, snapshot: TrustSnapshot) -> RuleError:
    reason = _REASONS[error.error]
    if reason is Reason.QR_UNKNOWN_KEY:
        # Whose trust is behind is found by its version.
        version = snapshot.version
        return RuleError(Reason.QR_UNKNOWN_KEY, str(error), trust_version=version)
    if error.offset_seconds is None:
        return RuleError(reason, str(error))
    return RuleError(reason, str(error), offset_seconds=error.offset_seconds)

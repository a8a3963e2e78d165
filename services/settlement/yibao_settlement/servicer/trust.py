"""Verifies the QR codes that institutions forward, against the trust snapshot held."""

import datetime as dt
from collections.abc import Collection

from yibao import qr
from yibao.settlement.v1.visit_pb2 import Presentation
from yibao.trust import TrustSnapshot
from yibao_common.errors import RuleError
from yibao_common.reasons import Reason
from yibao_common.wire import to_instant
from yibao_settlement.application.commands import Code
from yibao_settlement.rules.presentation import PresentedCode, check_scan_time

_REASONS = {
    "malformed": Reason.QR_MALFORMED,
    "unknown_key": Reason.QR_UNKNOWN_KEY,
    "bad_signature": Reason.QR_BAD_SIGNATURE,
    "not_yet_valid": Reason.QR_NOT_YET_VALID,
    "expired": Reason.QR_EXPIRED,
    "clock_suspect": Reason.CLOCK_SUSPECT,
    "wrong_audience": Reason.QR_WRONG_AUDIENCE,
    "stale_trust": Reason.QR_STALE_TRUST,
}


class TrustHolder:
    """Holds the newest verified trust snapshot of this process."""

    def __init__(self) -> None:
        """Starts without a snapshot: every code is refused with QR_STALE_TRUST."""
        self._snapshot: TrustSnapshot | None = None

    def needs_refresh(self, now: dt.datetime) -> bool:
        """Tells whether a newer snapshot should be fetched; the one held may still serve."""
        return self._snapshot is None or self._snapshot.needs_refresh(now)

    def take(self, data: bytes, *, trust_key: bytes, now: dt.datetime) -> None:
        """Verifies a snapshot as published and holds it from now on.

        Raises `QrError` where it is not signed by the pinned key, too old, or older than
        the one held.
        """
        self._snapshot = TrustSnapshot.verify(
            data, trust_key=trust_key, now=now, previous=self._snapshot
        )

    def judge(
        self,
        presentation: Presentation,
        *,
        region: str,
        audience: str | Collection[str],
        now: dt.datetime,
    ) -> Code:
        """Returns the code of a presentation as `check` does, or its refusal.

        Whether a refusal counts is decided with the request: a repeated one gets its
        first answer, however old its code is by then.
        """
        try:
            return self.check(presentation, region=region, audience=audience, now=now)
        except RuleError as refusal:
            return refusal

    def check(
        self,
        presentation: Presentation,
        *,
        region: str,
        audience: str | Collection[str],
        now: dt.datetime,
    ) -> PresentedCode:
        """Returns the code of a presentation, verified as of its scan.

        Raises RuleError: CLOCK_SUSPECT, a QR_* reason, or QR_UNKNOWN_KEY where another
        region issued it.
        """
        if self._snapshot is None:
            raise RuleError(Reason.QR_STALE_TRUST, "no trust snapshot was obtained yet")
        scan_time = to_instant(presentation.scan_time)
        # The code is judged as of its scan, the snapshot as of now.
        if self._snapshot.expire_time <= now:
            raise RuleError(Reason.QR_STALE_TRUST, "the trust snapshot is past its hard age")
        check_scan_time(scan_time, now=now)
        try:
            claims = qr.verify(
                presentation.qr_text, trust=self._snapshot, audience=audience, now=scan_time
            )
        except qr.QrError as error:
            raise _refusal(error) from None
        if claims.issuer != region:
            raise RuleError(Reason.QR_UNKNOWN_KEY, f"the code was issued by region {claims.issuer}")
        return PresentedCode(
            claims.issuer,
            claims.subject,
            claims.code_id.hex(),
            claims.issue_time,
            scan_time,
            presentation.terminal_id,
        )


def _refusal(error: qr.QrError) -> RuleError:
    reason = _REASONS[error.error]
    if error.offset_seconds is None:
        return RuleError(reason, str(error))
    return RuleError(reason, str(error), offset_seconds=error.offset_seconds)

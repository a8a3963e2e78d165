"""`yibao qr verify`: verifies a code as a hospital's counter does."""

import datetime as dt
from pathlib import Path

from rich.console import Console

from yibao import qr
from yibao.trust import TrustRoot, TrustSnapshot
from yibao_cli.inputs import read_file, read_stdin
from yibao_cli.output import is_json, print_document, tell_refused, tell_unusable
from yibao_common.process.config import StartError
from yibao_common.values.clock import Clock
from yibao_identity.rules.code import AUDIENCES

_REFUSED = 1
_UNUSABLE = 2


def run_verify(
    out: Console,
    err: Console,
    text: str,
    *,
    snapshot_file: Path,
    root_file: Path,
    status_list_files: list[Path],
    audiences: list[str],
    challenge: str,
    clock: Clock,
) -> int:
    """Prints what a code states; returns 1 where it is refused, 2 where an input is of no use."""
    now = clock()
    try:
        if text == "-":
            text = read_stdin().decode("utf-8", "replace")
        root = _root(root_file)
        nonce = _challenge(challenge)
        root.check_age(now)
        trust = _trust(snapshot_file, status_list_files, root=root, now=now)
        accepted = audiences or list(AUDIENCES)
        claims = qr.verify(
            qr.scanned(text), trust=trust, audience=accepted, now=now, challenge=nonce
        )
    except StartError as error:
        tell_unusable(str(error), err)
        return _UNUSABLE
    except qr.QrError as refused:
        tell_refused(str(refused), err, reason=refused.error)
        return _REFUSED
    if is_json():
        print_document(out, _document(claims))
        return 0
    out.print("\n".join(_lines(claims)), markup=False)
    return 0


def _document(claims: qr.Claims) -> dict[str, object]:
    device = claims.device_certificate_id
    return {
        "mode": claims.mode,
        "region": claims.issuer,
        "subject": claims.subject,
        "audience": claims.audience,
        "issue_time": claims.issue_time.isoformat(),
        "expire_time": claims.expire_time.isoformat(),
        "code_id": claims.code_id.hex(),
        "key_id": claims.key_id.hex(),
        "device_certificate_id": None if device is None else device.hex(),
    }


def _lines(claims: qr.Claims) -> list[str]:
    signer = "the issuer" if claims.mode == "A" else "the holder's phone"
    lines = [
        f"mode      {claims.mode}, signed by {signer}",
        f"region    {claims.issuer}",
        f"subject   {claims.subject}",
        f"audience  {claims.audience}",
        f"issued    {claims.issue_time.isoformat()}",
        f"expires   {claims.expire_time.isoformat()}",
        f"code id   {claims.code_id.hex()}",
        f"key id    {claims.key_id.hex()}",
    ]
    if claims.device_certificate_id is not None:
        lines.append(f"device    {claims.device_certificate_id.hex()}")
    return lines


def _challenge(digits: str) -> bytes | None:
    if not digits:
        return None
    try:
        challenge = bytes.fromhex(digits)
    except ValueError:
        challenge = b""
    if len(challenge) != qr.CHALLENGE_BYTES:
        raise StartError(f"the challenge {digits} is not {2 * qr.CHALLENGE_BYTES} digits")
    return challenge


def _root(path: Path) -> TrustRoot:
    """Returns the root in a file, which is taken as it is; raises StartError where it is none."""
    try:
        return TrustRoot.first(read_file(path))
    except qr.QrError as error:
        raise StartError(f"{path} is no root of trust: {error.message}") from None


def _trust(
    snapshot_file: Path, status_list_files: list[Path], *, root: TrustRoot, now: dt.datetime
) -> TrustSnapshot:
    """Returns what codes are verified against.

    Raises:
        StartError: a file holds something else.
        qr.QrError: it is refused: signed by others, too old, or unlike another one.
    """
    path = snapshot_file
    try:
        trust = TrustSnapshot.verify(read_file(path), trust_key=root.trust_keys, now=now)
        for path in status_list_files:
            trust = trust.with_status_list(read_file(path), now=now)
    except qr.QrError as error:
        if error.error == "malformed":
            kind = "trust snapshot" if path == snapshot_file else "status list"
            raise StartError(f"{path} is no {kind}: {error.message}") from None
        raise
    return trust

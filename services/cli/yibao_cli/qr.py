"""`yibao qr`: verifies a code as a hospital's counter does."""

import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from rich.console import Console

from yibao import qr
from yibao.trust import TrustSnapshot
from yibao_common.clock import Clock
from yibao_identity.rules.qr_code import AUDIENCES


def run_verify(
    out: Console,
    err: Console,
    text: str,
    *,
    snapshot_file: Path,
    trust_key_file: Path,
    audiences: list[str],
    clock: Clock,
) -> int:
    """Prints what a code states; returns 1 where it is refused, 2 where a file is of no use."""
    if text == "-":
        text = sys.stdin.read().rstrip("\r\n")
    now = clock()
    try:
        key = _trust_key(trust_key_file)
        snapshot = snapshot_file.read_bytes()
    except (OSError, ValueError) as error:
        err.print(str(error), style="red", markup=False, soft_wrap=True)
        return 2
    try:
        trust = TrustSnapshot.verify(snapshot, trust_key=key, now=now)
        claims = qr.verify(text, trust=trust, audience=audiences or list(AUDIENCES), now=now)
    except qr.QrError as refused:
        err.print(f"{refused.error}: {refused}", style="red", markup=False, soft_wrap=True)
        return 1
    lines = (
        f"region    {claims.issuer}",
        f"subject   {claims.subject}",
        f"audience  {claims.audience}",
        f"issued    {claims.issue_time.isoformat()}",
        f"expires   {claims.expire_time.isoformat()}",
        f"code id   {claims.code_id.hex()}",
        f"key id    {claims.key_id.hex()}",
    )
    out.print("\n".join(lines), markup=False)
    return 0


def _trust_key(path: Path) -> bytes:
    """Returns the raw key of a PEM file; raises ValueError where it holds none."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(f"{path} holds no public Ed25519 key in PEM")
    return key.public_bytes_raw()

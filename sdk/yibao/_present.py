"""The phone's side of mode B: makes a code with the phone's key and certificate."""

import datetime as dt
import math
import os
from collections.abc import Callable

from yibao import _device, _device_key, _presentation
from yibao._claims import CHALLENGE_BYTES
from yibao._device_key import PrivateKey
from yibao._token import CODE_ID_BYTES, MAX_LIFE_SECONDS, QrError, unix_seconds


def present(
    certificate: bytes,
    private_key: PrivateKey,
    *,
    audience: str,
    now: dt.datetime,
    challenge: bytes | None = None,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> str:
    """Returns the text of a code of mode B, valid for 60 seconds from `now`.

    Draw a new one every 50 seconds, and never two of one second for different uses:
    settlement takes one code a second of a phone. Near the end of the certificate a code
    lives as long as that; renew it before.

    Args:
        certificate: The device certificate as the service sent it.
        private_key: The phone's key, Ed25519 or P-256.
        audience: The business type that the code is for.
        now: The present instant, aware, corrected by the service's clock.
        challenge: The 8 bytes that the terminal shows, where it shows some.
        random_bytes: Source of randomness.

    Raises:
        ValueError: The certificate is none, is not of `private_key`, is over or not yet
            valid at `now`; the challenge is not 8 bytes; `now` is not aware.
    """
    if challenge is not None and len(challenge) != CHALLENGE_BYTES:
        raise ValueError(f"a challenge has {CHALLENGE_BYTES} bytes")
    try:
        stated = _device.certified(certificate)
    except QrError as error:
        raise ValueError(f"not a device certificate: {error.message}") from None
    if _device_key.raw_public_key(private_key) != stated.device_key:
        raise ValueError("the certificate is of another key")
    issue_second = math.floor(unix_seconds(now))
    if not stated.issue_second <= issue_second < stated.expire_second:
        raise ValueError("the certificate is over or not yet valid: renew it, or mend the clock")
    payload = _presentation.encode_claims(
        audience,
        issue_second=issue_second,
        expire_second=min(issue_second + MAX_LIFE_SECONDS, stated.expire_second),
        code_id=random_bytes(CODE_ID_BYTES),
        challenge=challenge,
    )
    header = _presentation.encode_header(certificate, _device_key.algorithm_of(private_key))
    signature = _device_key.sign(private_key, _presentation.bytes_to_sign(header, payload))
    return _presentation.close_presentation(header, payload, signature)

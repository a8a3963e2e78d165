"""Challenges that a device's key has to sign: nothing is stored, each proves itself.

A challenge is the second at which it ends (8 bytes), 16 random bytes, and 32 bytes that
only this service can make of these, the region and the e-certificate. Every process that
holds the hash key knows it again; one for another certificate is refused. It may be signed
more than once in its time: enrolling a key twice is refused by the key, and a renewal by
the certificate that it names.
"""

import datetime as dt
import hmac
from collections.abc import Callable

from yibao_common.values.clock import Clock
from yibao_identity.application.device.command import Challenge
from yibao_identity.rules.device import challenge_invalid

CHALLENGE_LIFE = dt.timedelta(minutes=5)
_PURPOSE = "device challenge"
_SECOND_BYTES = 8
_RANDOM_BYTES = 16
_STATED_BYTES = _SECOND_BYTES + _RANDOM_BYTES


class Challenges:
    """Makes challenges and knows them again."""

    def __init__(
        self,
        keyed: Callable[[str, bytes], bytes],
        *,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        """Takes what makes 32 bytes of a purpose and contents, as only this service can."""
        self._keyed = keyed
        self._clock = clock
        self._random_bytes = random_bytes

    def make(self, region: str, certificate_id: str) -> Challenge:
        """Returns a new challenge for devices of a certificate."""
        expire_time = self._clock().replace(microsecond=0) + CHALLENGE_LIFE
        second = int(expire_time.timestamp())
        stated = second.to_bytes(_SECOND_BYTES) + self._random_bytes(_RANDOM_BYTES)
        return Challenge(stated + self._proof(region, certificate_id, stated), expire_time)

    def check(self, region: str, certificate_id: str, challenge: bytes) -> None:
        """Refuses what `make` did not return for this certificate in the last five minutes.

        Raises:
            RuleError: DEVICE_CHALLENGE_INVALID.
        """
        stated, proof = challenge[:_STATED_BYTES], challenge[_STATED_BYTES:]
        is_ours = hmac.compare_digest(proof, self._proof(region, certificate_id, stated))
        expire_second = int.from_bytes(stated[:_SECOND_BYTES])
        if not is_ours or self._clock().timestamp() >= expire_second:
            raise challenge_invalid()

    def _proof(self, region: str, certificate_id: str, stated: bytes) -> bytes:
        return self._keyed(_PURPOSE, f"{region}|{certificate_id}|".encode() + stated)

"""One message of each kind that we sign, for libraries that are not ours."""

import base64
from dataclasses import dataclass

from support.attestation_minting import attested, hold, signed, signed_hold
from support.presentation_minting import certificate, device_key, outer, showing
from support.token_minting import Message, payload

from yibao import _base45, _device_key
from yibao._attested import encode_hold, encode_registration


@dataclass(frozen=True)
class Sample:
    """A COSE_Sign1 with the name of its key and what it must be found to hold."""

    name: str
    message: bytes
    key: str
    algorithm: int
    labels: tuple[int, ...]
    content: bytes
    is_good: bool = True

    @property
    def public_key(self) -> bytes:
        """The raw key: 32 bytes of Ed25519, 65 of P-256."""
        return _device_key.raw_public_key(device_key(self.key))

    @property
    def jwk(self) -> dict[str, str]:
        raw = self.public_key
        if len(raw) == 32:
            return {"kty": "OKP", "crv": "Ed25519", "x": _base64(raw)}
        return {"kty": "EC", "crv": "P-256", "x": _base64(raw[1:33]), "y": _base64(raw[33:])}


def samples() -> list[Sample]:
    code = Message(payload())
    ed, p256 = "device", "P-256 device"
    certificates = {name: certificate(name) for name in (ed, p256)}
    altered = bytearray(showing().encode())
    altered[-70] ^= 1
    return [
        Sample("code of mode A", code.encode(), "active", -8, (1, 4), payload()),
        *(
            Sample(f"certificate of {name}", data, "credential", -8, (1, 4), data[19:-66])
            for name, data in certificates.items()
        ),
        Sample("code of mode B", showing().encode(), ed, -8, (1, 13, 16), outer()),
        Sample("code of mode B, P-256", showing(p256).encode(), p256, -7, (1, 13, 16), outer()),
        Sample("code altered", bytes(altered), ed, -8, (1, 13, 16), bytes(altered[-96:-66]), False),
        Sample("code under another key", code.encode(), "next", -8, (1, 4), payload(), False),
        Sample(
            "attestation",
            _base45.decode(signed().removeprefix("MR1-")),
            "attest",
            -8,
            (1, 4, 16),
            encode_registration(attested()),
        ),
        Sample("hold", signed_hold(), "attest", -8, (1, 4, 16), encode_hold(hold())),
        Sample(
            "hold under another key",
            signed_hold(),
            "attest next",
            -8,
            (1, 4, 16),
            encode_hold(hold()),
            False,
        ),
    ]


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

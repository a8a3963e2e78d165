"""Examples of the COSE working group: same structure, and not our profile."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from yibao import _cbor, _device_key
from yibao._ed25519 import load_public_key
from yibao._presentation import open_presentation
from yibao._token import MAX_CODE_PAYLOAD_BYTES, QrError, open_frame, open_short_frame

DATA = Path(__file__).parent / "data" / "cose-wg"
ED25519, ED448 = (
    json.loads((DATA / f"eddsa-sig-0{number}.json").read_text(encoding="utf-8"))
    for number in (1, 2)
)


def parts(example: dict[str, Any]) -> list[Any]:
    message = bytes.fromhex(example["output"]["cbor"])
    assert message[0] == 0xD2  # tag 18, which our decoder refuses
    items = _cbor.decode(message[1:])
    assert isinstance(items, list)
    return items


@pytest.mark.parametrize(
    ("example", "header", "key_id"),
    [(ED25519, {1: -8, 3: 0}, b"11"), (ED448, {1: -8}, b"ed448")],
    ids=["Ed25519", "Ed448"],
)
def test_an_example_decodes_and_encodes_to_itself(
    example: dict[str, Any], header: dict[int, int], key_id: bytes
) -> None:
    items = parts(example)
    assert _cbor.decode(items[0]) == header
    assert items[1] == {4: key_id}
    assert items[2] == example["input"]["plaintext"].encode()
    assert b"\xd2" + _cbor.encode(items) == bytes.fromhex(example["output"]["cbor"])


@pytest.mark.parametrize("example", [ED25519, ED448], ids=["Ed25519", "Ed448"])
def test_the_bytes_to_sign_are_those_of_the_example(example: dict[str, Any]) -> None:
    header, _, payload, _ = parts(example)
    signed = _cbor.encode(["Signature1", header, b"", payload])
    assert signed.hex() == example["intermediates"]["ToBeSign_hex"].lower()


def test_the_ed25519_example_verifies() -> None:
    key = load_public_key(bytes.fromhex(ED25519["input"]["sign0"]["key"]["x_hex"]))
    key.verify(parts(ED25519)[3], bytes.fromhex(ED25519["intermediates"]["ToBeSign_hex"]))


@pytest.mark.parametrize("example", [ED25519, ED448], ids=["Ed25519", "Ed448"])
def test_an_example_is_not_of_our_profile(example: dict[str, Any]) -> None:
    with pytest.raises(QrError) as refused:
        open_frame(bytes.fromhex(example["output"]["cbor"]), max_payload=MAX_CODE_PAYLOAD_BYTES)
    assert refused.value.error == "malformed"


ES256 = sorted(path for path in DATA.glob("*.json") if not path.stem.startswith("eddsa"))


def is_verified(example: dict[str, Any]) -> bool:
    """Verifies an example of ES256 with our encoder and our device keys."""
    sign0 = example["input"]["sign0"]
    key = sign0["key"]
    x, y = (_coordinate(key, name) for name in ("x", "y"))
    message = bytes.fromhex(example["output"]["cbor"])
    # Where the tag is left out, the application knows what it reads.
    items = _cbor.decode(message.removeprefix(b"\xd2"))
    assert isinstance(items, list)
    header, _, content, signature = items
    algorithm = _cbor.decode(header) if header else {}
    if algorithm != {1: _device_key.ES256}:
        return False
    external = bytes.fromhex(sign0.get("external", ""))
    signed = _cbor.encode(["Signature1", header, external, content])
    return _device_key.is_signed(_device_key.load(b"\x04" + x + y), signature, signed)


def _coordinate(key: dict[str, str], name: str) -> bytes:
    if f"{name}_hex" in key:
        return bytes.fromhex(key[f"{name}_hex"])
    return base64.urlsafe_b64decode(key[name] + "=" * (-len(key[name]) % 4))


@pytest.mark.parametrize("path", ES256, ids=lambda path: path.stem)
def test_examples_of_es256_verify_where_they_should(path: Path) -> None:
    example = json.loads(path.read_text(encoding="utf-8"))
    try:
        verified = is_verified(example)
    except _cbor.CborError:
        verified = False
    # This one states its algorithm in the header that is not signed, which we never allow.
    expected = not example.get("fail") and path.stem != "sign-pass-01"
    assert verified == expected


@pytest.mark.parametrize("path", ES256, ids=lambda path: path.stem)
def test_no_example_of_es256_is_of_our_profile(path: Path) -> None:
    data = bytes.fromhex(json.loads(path.read_text(encoding="utf-8"))["output"]["cbor"])
    for read in (open_short_frame, open_presentation):
        with pytest.raises(QrError) as refused:
            read(data)
        assert refused.value.error == "malformed"

"""The EdDSA examples of the COSE working group: same structure, and not our profile."""

import json
from pathlib import Path
from typing import Any

import pytest

from yibao import _cbor
from yibao._ed25519 import load_public_key
from yibao._token import MAX_CODE_PAYLOAD_BYTES, QrError, open_frame

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

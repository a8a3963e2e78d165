"""Makes roots of trust from test keys; the holders are named by their keys."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from support.token_minting import private_key, public_key

from yibao._root import RootContent, SignedRoot, bytes_to_sign, encode_content
from yibao._token import key_id_of

HOLDERS = ("holder 1", "holder 2", "holder 3")
ROOT_FROM = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
# Tests set the clock far ahead; a root lives three years at most.
ROOT_FOR = dt.timedelta(days=3 * 366)


def root_content(trust_keys: Sequence[bytes], **changes: Any) -> RootContent:
    """Returns the content of root 1, or what `changes` make of it."""
    issued = int(ROOT_FROM.timestamp())
    values: dict[str, Any] = {
        "version": 1,
        "issue_second": issued,
        "expire_second": issued + int(ROOT_FOR.total_seconds()),
        "root_keys": tuple(sorted(public_key(name) for name in HOLDERS)),
        "threshold": 2,
        "trust_keys": tuple(sorted(trust_keys)),
    }
    return RootContent(**(values | changes))


def sign_root(payload: bytes, signers: Sequence[str]) -> bytes:
    """Returns the document over `payload`, signed by the test keys of these names."""
    signatures = {}
    for name in signers:
        key_id = key_id_of(public_key(name))
        signatures[key_id] = private_key(name).sign(bytes_to_sign(key_id, payload))
    return SignedRoot(payload, signatures).encode()


def make_root(
    trust_keys: Sequence[bytes], signers: Sequence[str] = HOLDERS[:2], **changes: Any
) -> bytes:
    return sign_root(encode_content(root_content(trust_keys, **changes)), signers)

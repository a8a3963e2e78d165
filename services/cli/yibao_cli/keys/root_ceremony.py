"""Makes roots of trust: drafted by one, signed by their holders one after the other.

All of it works on bytes, without a database or a network, so that it can be done on
machines that have neither.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yibao.issuing import (
    RootContent,
    SignedRoot,
    draft_root,
    key_id_of,
    open_root,
    read_root,
    sign_root,
)
from yibao.trust import QrError, TrustRoot
from yibao_identity.rules.trust.keys import KeyChangeError


@dataclass(frozen=True, slots=True)
class RootStanding:
    """What a document states, who has signed it, and how many are wanted still.

    `missing` counts signatures by this root's own keys, `missing_of_previous` those by the
    keys of the root before; None where that root is not at hand.
    """

    content: RootContent
    signed_by: frozenset[bytes]
    missing: int
    missing_of_previous: int | None

    @property
    def is_complete(self) -> bool:
        """Whether verifiers take it, as far as can be told."""
        return self.missing == 0 and not self.missing_of_previous


def draft_first(
    *,
    root_keys: Collection[bytes],
    threshold: int,
    trust_keys: Collection[bytes],
    now: dt.datetime,
    life: dt.timedelta,
) -> bytes:
    """Returns root 1 without signatures.

    Raises:
        KeyChangeError: verifiers would refuse it.
    """
    content = RootContent(
        1, *_times(now, life), tuple(sorted(root_keys)), threshold, tuple(sorted(trust_keys))
    )
    return _drafted(content)


def draft_next(
    previous: bytes,
    *,
    root_keys: Collection[bytes] = (),
    threshold: int | None = None,
    trust_keys: Collection[bytes] = (),
    now: dt.datetime,
    life: dt.timedelta,
) -> bytes:
    """Returns the root that follows a signed one, without signatures.

    Keys and threshold that are not given stay as they are.

    Raises:
        KeyChangeError: the previous root is not complete, or verifiers would refuse this.
    """
    former = _verified(previous)
    issue_second, expire_second = _times(now, life)
    content = RootContent(
        former.version + 1,
        issue_second,
        expire_second,
        tuple(sorted(root_keys)) or former.root_keys,
        former.threshold if threshold is None else threshold,
        tuple(sorted(trust_keys)) or former.trust_keys,
    )
    return _drafted(content)


def sign(document: bytes, key: Ed25519PrivateKey, *, previous: bytes | None = None) -> bytes:
    """Returns the document with one signature more.

    Raises:
        KeyChangeError: the key belongs to neither this root nor the one before, or has
            signed already.
    """
    signed = _opened(document)
    content = _content(signed)
    public_key = key.public_key().public_bytes_raw()
    holders = {*content.root_keys, *(_verified(previous).root_keys if previous else ())}
    if public_key not in holders:
        hint = "" if previous else "; a key of the root before needs --previous"
        raise KeyChangeError(f"this key is none of root {content.version}{hint}")
    key_id = key_id_of(public_key)
    if key_id in signed.signatures:
        raise KeyChangeError(f"key {key_id.hex()} has signed this root already")
    return sign_root(signed, key_id=key_id, sign=key.sign).encode()


def examine(document: bytes, *, previous: bytes | None = None) -> RootStanding:
    """Returns how far a document is.

    Raises:
        KeyChangeError: it is no root, does not follow the previous one, or a signature
            in it does not fit.
    """
    signed = _opened(document)
    content = _content(signed)
    former = None if previous is None else _verified(previous)
    if former is not None and content.version != former.version + 1:
        raise KeyChangeError(f"root {content.version} does not follow root {former.version}")
    try:
        own = signed.signers(content.root_keys)
        others = frozenset[bytes]() if former is None else signed.signers(former.root_keys)
    except QrError as error:
        raise KeyChangeError(error.message) from None
    # Of a later root alone it cannot be told whether the one before agrees.
    missing_of_previous = 0 if content.version == 1 else None
    if former is not None:
        missing_of_previous = max(0, former.threshold - len(others))
    return RootStanding(
        content, own | others, max(0, content.threshold - len(own)), missing_of_previous
    )


def _times(now: dt.datetime, life: dt.timedelta) -> tuple[int, int]:
    issue_second = int(now.timestamp())
    return issue_second, issue_second + int(life.total_seconds())


def _drafted(content: RootContent) -> bytes:
    document = draft_root(content).encode()
    _content(_opened(document))
    return document


def _opened(document: bytes) -> SignedRoot:
    try:
        return open_root(document)
    except QrError as error:
        raise KeyChangeError(error.message) from None


def _content(signed: SignedRoot) -> RootContent:
    try:
        return read_root(signed)
    except QrError as error:
        raise KeyChangeError(error.message) from None


def _verified(document: bytes) -> TrustRoot:
    try:
        return TrustRoot.first(document)
    except QrError as error:
        raise KeyChangeError(f"the previous root: {error.message}") from None

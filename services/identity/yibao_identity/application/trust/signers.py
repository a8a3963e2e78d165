"""Who signs what verifiers trust: the private keys that a process holds."""

from collections.abc import Collection
from typing import Protocol

from yibao_identity.rules.trust.published import StatusContent, TrustList


class SnapshotSigner(Protocol):
    """Signs trust lists with a trust key."""

    @property
    def key_id(self) -> bytes:
        """The id of the trust key, 8 bytes."""
        ...

    def sign_snapshot(self, trust_list: TrustList) -> bytes:
        """Returns the snapshot to publish."""
        ...


class StatusSigner(Protocol):
    """Signs status lists."""

    @property
    def key_id(self) -> bytes:
        """The id of the key, 8 bytes."""
        ...

    def sign_status(self, content: StatusContent) -> bytes:
        """Returns the list to publish."""
        ...

    def bits_of(self, revoked: Collection[int]) -> bytes:
        """Returns the bits of a list on which these entries are set."""
        ...


class Signers(Protocol):
    """The private keys that this process holds."""

    def snapshot_signer(self, trust_keys: Collection[bytes]) -> SnapshotSigner | None:
        """Returns a signer with one of these public keys, or None where it holds none."""
        ...

    def status_signer(self, public_key: bytes) -> StatusSigner | None:
        """Returns the signer with this public key, or None where it holds it not."""
        ...


class PrivateKeys(Protocol):
    """Makes private keys where this process can use them."""

    def make(self) -> bytes:
        """Makes and keeps a key; returns its raw public half."""
        ...

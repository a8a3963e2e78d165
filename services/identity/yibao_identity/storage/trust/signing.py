"""Signs codes, device certificates, status lists and snapshots, each with keys of its own."""

from collections.abc import Collection

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yibao import issuing
from yibao.trust import TrustSnapshot
from yibao_common.keys.signing_key import SigningKey, SoftwareKey
from yibao_identity.rules.code import QrClaims
from yibao_identity.rules.trust.published import ListedKey, ListedStatus, StatusContent, TrustList


class _Signer:
    """Signs payloads in the frame that all our signed messages share."""

    def __init__(self, key: SigningKey | Ed25519PrivateKey) -> None:
        """Derives the key id."""
        self._key = SoftwareKey(key) if isinstance(key, Ed25519PrivateKey) else key
        self.public_key = self._key.public_key
        self.key_id = issuing.key_id_of(self.public_key)

    def __repr__(self) -> str:
        """Shows the key id only."""
        return f"{type(self).__name__}({self.key_id.hex()})"

    def _sign(self, payload: bytes) -> bytes:
        return issuing.sign_message(payload, key_id=self.key_id, sign=self._key.sign)


class TokenSigner(_Signer):
    """Signs QR codes with an issuer's key. Safe to share between threads."""

    def sign_code(self, claims: QrClaims) -> str:
        """Returns the text to draw: `MI1-` and base45.

        What is signed here can be presented, so it is stored before.
        """
        return issuing.code_text(self._sign(claims.encoded()))


class CredentialSigner(_Signer):
    """Signs device certificates with an issuer's key for that use alone."""

    def sign_certificate(self, certificate: issuing.DeviceCertificate) -> bytes:
        """Returns the certificate for the phone.

        What is signed here can be used, so it is stored before.

        Raises:
            QrError: A verifier would refuse it, for instance for its key.
        """
        return self._sign(issuing.encode_device_certificate(certificate))


class StatusListSigner(_Signer):
    """Signs status lists with an issuer's key for that use alone."""

    def sign_status(self, content: StatusContent) -> bytes:
        """Returns the list to publish."""
        issue_second = int(content.issue_time.timestamp())
        made = issuing.StatusList(
            issuing.list_uri(content.region, content.number),
            issue_second,
            issue_second + int(content.life.total_seconds()),
            int(content.refresh_after.total_seconds()),
            content.bits,
        )
        return issuing.sign_status_list(made, key_id=self.key_id, sign=self._key.sign)

    def bits_of(self, revoked: Collection[int]) -> bytes:
        """Returns the bits of a list on which these entries are set."""
        return issuing.bits_of(revoked)


class TrustSigner(_Signer):
    """Signs trust snapshots with the trust key, which signs nothing else."""

    def sign_snapshot(self, trust_list: TrustList) -> bytes:
        """Returns the snapshot to publish.

        Raises:
            QrError: A verifier would refuse it, for instance because a key is listed
                twice or is the trust key itself; it must not be published.
        """
        issue_second = int(trust_list.issue_time.timestamp())
        content = issuing.SnapshotContent(
            version=trust_list.version,
            issue_second=issue_second,
            expire_second=issue_second + int(trust_list.life.total_seconds()),
            refresh_seconds=int(trust_list.refresh_after.total_seconds()),
            keys=tuple(_entry_of(key) for key in trust_list.keys),
            lists=tuple(_bound_of(each) for each in trust_list.status_lists),
            denied=trust_list.denied,
        )
        snapshot = self._sign(issuing.encode_snapshot(content))
        TrustSnapshot.verify(snapshot, trust_key=self.public_key, now=trust_list.issue_time)
        return snapshot


def _entry_of(key: ListedKey) -> issuing.KeyEntry:
    return issuing.KeyEntry(
        key_id=issuing.key_id_of(key.public_key),
        public_key=key.public_key,
        use=key.use.value,
        issuers=tuple(key.issuers),
        start_second=int(key.start_time.timestamp()),
        expire_second=int(key.expire_time.timestamp()),
        state=issuing.KeyState(key.state.value),
        killed_second=None if key.killed_time is None else int(key.killed_time.timestamp()),
    )


def _bound_of(each: ListedStatus) -> issuing.BoundList:
    uri = issuing.list_uri(each.region, each.number)
    return issuing.BoundList(uri, each.version, each.digest)

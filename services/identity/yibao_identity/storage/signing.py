"""Signs codes, device certificates, status lists and snapshots, each with keys of its own."""

from collections.abc import Collection

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yibao import _base45, _status_list, _token, _trust_format
from yibao._device import DeviceCertificate, encode_device_certificate
from yibao.trust import TrustSnapshot
from yibao_common.keys.signing_key import SigningKey, SoftwareKey
from yibao_identity.rules.qr_code import QrClaims, encode_claims
from yibao_identity.rules.trust_list import ListedKey, ListedStatus, StatusContent, TrustList


class _Signer:
    """Signs payloads in the frame that all our signed messages share."""

    def __init__(self, key: SigningKey | Ed25519PrivateKey) -> None:
        """Derives the key id and the constant opening of every message."""
        self._key = SoftwareKey(key) if isinstance(key, Ed25519PrivateKey) else key
        self.public_key = self._key.public_key
        self.key_id = _token.key_id_of(self.public_key)
        self._opening = _token.frame_opening(self.key_id)

    def __repr__(self) -> str:
        """Shows the key id only."""
        return f"{type(self).__name__}({self.key_id.hex()})"

    def _sign(self, payload: bytes) -> bytes:
        signature = self._key.sign(_token.bytes_to_sign(self._opening, payload))
        return _token.close_frame(self._opening, payload, signature)


class TokenSigner(_Signer):
    """Signs QR codes with an issuer's key. Safe to share between threads."""

    def sign_code(self, claims: QrClaims) -> str:
        """Returns the text to draw: `MI1-` and base45.

        What is signed here can be presented, so it is stored before.
        """
        return _token.TEXT_PREFIX + _base45.encode(self._sign(encode_claims(claims)))


class CredentialSigner(_Signer):
    """Signs device certificates with an issuer's key for that use alone."""

    def sign_certificate(self, certificate: DeviceCertificate) -> bytes:
        """Returns the certificate for the phone.

        What is signed here can be used, so it is stored before.

        Raises:
            QrError: A verifier would refuse it, for instance for its key.
        """
        return self._sign(encode_device_certificate(certificate))


class StatusListSigner(_Signer):
    """Signs status lists with an issuer's key for that use alone."""

    def sign_status(self, content: StatusContent) -> bytes:
        """Returns the list to publish."""
        issue_second = int(content.issue_time.timestamp())
        payload = _status_list.encode_claims(
            _status_list.StatusList(
                _trust_format.list_uri(content.region, content.number),
                issue_second,
                issue_second + int(content.life.total_seconds()),
                int(content.refresh_after.total_seconds()),
                content.bits,
            )
        )
        signature = self._key.sign(_status_list.bytes_to_sign(self.key_id, payload))
        return _status_list.close(self.key_id, payload, signature)

    def bits_of(self, revoked: Collection[int]) -> bytes:
        """Returns the bits of a list on which these entries are set."""
        return _status_list.bits_of(revoked)


class TrustSigner(_Signer):
    """Signs trust snapshots with the trust key, which signs nothing else."""

    def sign_snapshot(self, trust_list: TrustList) -> bytes:
        """Returns the snapshot to publish.

        Raises:
            QrError: A verifier would refuse it, for instance because a key is listed
                twice or is the trust key itself; it must not be published.
        """
        issue_second = int(trust_list.issue_time.timestamp())
        content = _trust_format.SnapshotContent(
            version=trust_list.version,
            issue_second=issue_second,
            expire_second=issue_second + int(trust_list.life.total_seconds()),
            refresh_seconds=int(trust_list.refresh_after.total_seconds()),
            keys=tuple(_entry_of(key) for key in trust_list.keys),
            lists=tuple(_bound_of(each) for each in trust_list.status_lists),
            denied=trust_list.denied,
        )
        snapshot = self._sign(_trust_format.encode(content))
        TrustSnapshot.verify(snapshot, trust_key=self.public_key, now=trust_list.issue_time)
        return snapshot


def _entry_of(key: ListedKey) -> _trust_format.KeyEntry:
    return _trust_format.KeyEntry(
        key_id=_token.key_id_of(key.public_key),
        public_key=key.public_key,
        use=key.use.value,
        issuers=tuple(key.issuers),
        start_second=int(key.start_time.timestamp()),
        expire_second=int(key.expire_time.timestamp()),
        state=_trust_format.KeyState(key.state.value),
        killed_second=None if key.killed_time is None else int(key.killed_time.timestamp()),
    )


def _bound_of(each: ListedStatus) -> _trust_format.BoundList:
    uri = _trust_format.list_uri(each.region, each.number)
    return _trust_format.BoundList(uri, each.version, each.digest)

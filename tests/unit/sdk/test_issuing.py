"""What is issued with the public names is what the verifier accepts."""

import datetime as dt
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yibao import issuing, qr
from yibao.trust import QrError, TrustRoot, TrustSnapshot

NOW = dt.datetime(2026, 11, 2, 8, 0, 0, tzinfo=dt.UTC)
SECOND = int(NOW.timestamp())
REGION = "330100"
URI = issuing.list_uri(REGION, 1)
DAY = 86_400


class Issuer:
    """A key and what it signs."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.public_key = self.key.public_key().public_bytes_raw()
        self.key_id = issuing.key_id_of(self.public_key)

    def sign(self, payload: bytes) -> bytes:
        return issuing.sign_message(payload, key_id=self.key_id, sign=self.key.sign)

    def listed(self, use: str) -> issuing.KeyEntry:
        return issuing.KeyEntry(
            self.key_id,
            self.public_key,
            use,
            (REGION,),
            SECOND - DAY,
            SECOND + DAY,
            issuing.KeyState.ACTIVE,
        )


TRUST, STATUS, CREDENTIALS = Issuer(), Issuer(), Issuer()


def status_list(*revoked: int) -> bytes:
    made = issuing.StatusList(URI, SECOND, SECOND + DAY, 3_600, issuing.bits_of(revoked))
    return issuing.sign_status_list(made, key_id=STATUS.key_id, sign=STATUS.key.sign)


def snapshot_of(bound: bytes) -> bytes:
    content = issuing.SnapshotContent(
        version=3,
        issue_second=SECOND,
        expire_second=SECOND + DAY,
        refresh_seconds=3_600,
        keys=(STATUS.listed("status"), CREDENTIALS.listed("cred")),
        lists=(issuing.BoundList(URI, 1, hashlib.sha256(bound).digest()),),
    )
    return TRUST.sign(issuing.encode_snapshot(content))


def trust_with(bound: bytes) -> TrustSnapshot:
    trust = TrustSnapshot.verify(snapshot_of(bound), trust_key=TRUST.public_key, now=NOW)
    return trust.with_status_list(bound, now=NOW)


def presented() -> str:
    phone = Ed25519PrivateKey.generate()
    certificate = issuing.DeviceCertificate(
        issuer=REGION,
        subject="S000000000001",
        issue_second=SECOND - 60,
        expire_second=SECOND + DAY,
        device_certificate_id=bytes(8),
        device_key=phone.public_key().public_bytes_raw(),
        status_uri=URI,
        status_index=5,
    )
    certified = CREDENTIALS.sign(issuing.encode_device_certificate(certificate))
    return qr.present(certified, phone, audience="01301", now=NOW)


def test_a_phone_that_was_certified_is_accepted_until_its_entry_is_set() -> None:
    text = presented()
    claims = qr.verify(text, trust=trust_with(status_list()), audience="01301", now=NOW)
    assert claims.subject == "S000000000001"
    with pytest.raises(QrError, match="revoked"):
        qr.verify(text, trust=trust_with(status_list(5)), audience="01301", now=NOW)


def test_what_was_issued_is_read_back_as_it_was() -> None:
    bound = status_list(5)
    key_id, content = issuing.read_status_list(bound)
    assert (key_id, content.uri, content.is_set(5)) == (STATUS.key_id, URI, True)
    snapshot = issuing.read_snapshot(snapshot_of(bound))
    assert {key.key_id for key in snapshot.keys} == {STATUS.key_id, CREDENTIALS.key_id}
    with pytest.raises(QrError, match="malformed"):
        issuing.read_snapshot(TRUST.sign(bytes(24)))


def test_a_root_is_one_once_enough_of_its_holders_have_signed() -> None:
    holders = [Issuer() for _ in range(3)]
    content = issuing.RootContent(
        version=1,
        issue_second=SECOND,
        expire_second=SECOND + DAY,
        root_keys=tuple(sorted(holder.public_key for holder in holders)),
        threshold=2,
        trust_keys=(TRUST.public_key,),
    )
    document = issuing.draft_root(content)
    for holder in holders[:2]:
        with pytest.raises(QrError, match="bad_signature"):
            TrustRoot.first(document.encode())
        document = issuing.sign_root(document, key_id=holder.key_id, sign=holder.key.sign)
    assert TrustRoot.first(document.encode()).trust_keys == (TRUST.public_key,)
    assert issuing.read_root(issuing.open_root(document.encode())) == content

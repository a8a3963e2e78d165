"""Signs attestations with the private keys of this process that the trust snapshot lists."""

import datetime as dt
from collections.abc import Iterator

from yibao import attesting
from yibao.issuing import key_id_of
from yibao.trust import KeyState, QrError, TrustedKey, TrustSnapshot
from yibao.trust_store import TrustFolderError, TrustStore
from yibao_common.keys.key_file import KeyFileError
from yibao_common.keys.key_store import KeyStore
from yibao_common.keys.signing_key import SigningKey
from yibao_common.values.clock import Clock
from yibao_offsite.rules.attestation import (
    HoldStatement,
    ListContent,
    Statement,
    no_attestation_key,
)

# The active one first: while its file is not here yet, the former may sign a little longer.
_MAY_SIGN = (KeyState.ACTIVE, KeyState.RETIRING)


class AttestationKeys:
    """See `application.attestation.AttestationSigner`; follows rotations and kills."""

    def __init__(self, store: KeyStore, trust: TrustStore, *, clock: Clock) -> None:
        """Takes the private keys, and what identity publishes of their public halves."""
        self._store = store
        self._trust = trust
        self._clock = clock

    def key_id(self, region: str) -> bytes:
        """Returns the id of the key that signs for a region."""
        return key_id_of(self._key(region).public_key)

    def problem(self, region: str) -> str:
        """Returns why no key signs for a region, for the operator, or nothing.

        Nothing as well where no trust is held, which who pulls it tells.
        """
        try:
            snapshot = self._trust.current(now=self._clock())
        except (QrError, TrustFolderError):
            return ""
        listed = list(_listed(snapshot, region, now=self._clock()))
        if not listed:
            how = "`yibao keys request`, then `yibao keys take`"
            return f"no attest key is listed for {region}: {how}"
        try:
            if any(self._store.find(each.public_key.public_bytes_raw()) for each in listed):
                return ""
        except KeyFileError as error:
            return str(error)
        place = self._store.place(listed[0].public_key.public_bytes_raw())
        return f"{place} is missing, the private half of the attest key that signs: copy it there"

    def sign_registration(self, stated: Statement) -> str:
        """Returns the attestation of a registration as text."""
        key, told = self._key(stated.region), stated.told
        return attesting.sign_registration(
            attesting.Attested(
                region=stated.region,
                person_id=told.person_id,
                registration_id=told.registration_id,
                version=told.version,
                category=told.category,
                treatment_region=told.treatment_region,
                terms=told.terms,
                benefits=tuple(sorted(set(told.benefits))),
                first_day=told.start_date,
                last_day=told.end_date,
                origin=told.origin,
                issue_second=int(stated.issue_time.timestamp()),
                expire_second=int(stated.expire_time.timestamp()),
                status_uri=attesting.list_uri(stated.region, stated.list_number),
                status_index=stated.status_index,
            ),
            key_id=key_id_of(key.public_key),
            sign=key.sign,
        )

    def sign_hold(self, stated: HoldStatement, *, at: dt.datetime) -> bytes:
        """Returns the attestation of a hold."""
        key = self._key(stated.region)
        return attesting.sign_hold(
            attesting.AttestedHold(
                region=stated.region,
                hold_id=stated.hold_id,
                visit_id=stated.visit_id,
                person_id=stated.person_id,
                task_id=stated.task_id,
                is_lifted=stated.is_lifted,
                version=stated.version,
                issue_second=int(at.timestamp()),
            ),
            key_id=key_id_of(key.public_key),
            sign=key.sign,
        )

    def sign_list(self, content: ListContent) -> bytes:
        """Returns a status list."""
        key = self._key(content.region)
        return attesting.sign_list(
            attesting.list_uri(content.region, content.list_number),
            content.is_set,
            issue_second=int(content.issue_time.timestamp()),
            life_seconds=int(content.life.total_seconds()),
            refresh_seconds=int(content.refresh_after.total_seconds()),
            key_id=key_id_of(key.public_key),
            sign=key.sign,
        )

    def _key(self, region: str) -> SigningKey:
        now = self._clock()
        try:
            snapshot = self._trust.current(now=now)
            for listed in _listed(snapshot, region, now=now):
                found = self._store.find(listed.public_key.public_bytes_raw())
                if found is not None:
                    return found
        except (QrError, TrustFolderError, KeyFileError):
            # Which of them it is, the log tells the operator.
            raise no_attestation_key(region) from None
        raise no_attestation_key(region)


class NoAttestationKeys:
    """In place of the above where the configuration names no keys: signs nothing."""

    def key_id(self, region: str) -> bytes:
        """Refuses."""
        raise no_attestation_key(region)

    def sign_registration(self, stated: Statement) -> str:
        """Refuses."""
        raise no_attestation_key(stated.region)

    def sign_hold(self, stated: HoldStatement, *, at: dt.datetime) -> bytes:
        """Refuses."""
        raise no_attestation_key(stated.region)

    def sign_list(self, content: ListContent) -> bytes:
        """Refuses."""
        raise no_attestation_key(content.region)


def signer_of_hold(attestation: bytes, *, at: dt.datetime) -> bytes:
    """Returns the id of the key that an attestation of a hold names, empty where it is none.

    One of a time to come is none either: a clock was ahead, and nobody takes it until then.
    """
    try:
        hold = attesting.read_hold(attestation)
    except QrError:
        return b""
    return b"" if hold.issue_time > at else hold.key_id


def _listed(snapshot: TrustSnapshot, region: str, *, now: dt.datetime) -> Iterator[TrustedKey]:
    """Yields the keys that may sign for a region, the active one first."""
    second = int(now.timestamp())
    for state in _MAY_SIGN:
        for key in snapshot.keys.values():
            is_one = key.use == attesting.USE_ATTEST and key.state is state
            if is_one and key.may_sign(issuer=region, at_second=second):
                yield key

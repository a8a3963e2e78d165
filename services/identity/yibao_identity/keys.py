"""Loads what only this process may know: private keys and the secrets of personal data."""

import datetime as dt
import os
from collections.abc import Collection
from dataclasses import dataclass

from yibao.issuing import DeviceCertificate
from yibao_common.keys.key_file import KeyFileError
from yibao_common.keys.key_store import KeyStore
from yibao_common.keys.signing_key import SigningKey
from yibao_common.keys.vault import Vault, read_secret
from yibao_common.process.config import StartError
from yibao_common.values.clock import Clock
from yibao_identity.application.code.issued import no_signing_key
from yibao_identity.application.trust.rows import TrustTables
from yibao_identity.application.trust.signers import SnapshotSigner, StatusSigner
from yibao_identity.config import IdentityConfig
from yibao_identity.rules.code import QrClaims
from yibao_identity.rules.trust.keys import ended_key, signing_key
from yibao_identity.rules.trust.published import OWN_USES, KeyState, KeyUse, ListedKey
from yibao_identity.storage.trust.signing import (
    CredentialSigner,
    StatusListSigner,
    TokenSigner,
    TrustSigner,
)

_NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class KeyEndedError(StartError):
    """Keys that signed came to their end and none took over; nothing else is wrong."""


@dataclass(frozen=True, slots=True)
class _InUse:
    """A listed key with its private half."""

    listed: ListedKey
    private: SigningKey


class KeyRing:
    """Signs with the keys that the tables call active. Safe between threads.

    `reload` reads the tables anew, so that a rotation or a kill needs no restart. Signers
    are taken from it at each use and not kept.
    """

    def __init__(
        self, tables: TrustTables, store: KeyStore, *, regions: Collection[str], clock: Clock
    ) -> None:
        """Takes where public and private halves lie; `reload` has to follow."""
        self._tables = tables
        self._store = store
        self._regions = frozenset(regions)
        self._clock = clock
        self._in_use: dict[KeyUse, _InUse] = {}
        self._ends: dict[KeyUse, dt.datetime] = {}
        self._root_end: dt.datetime | None = None
        self._codes: TokenSigner | None = None
        self._certificates: CredentialSigner | None = None

    def reload(self) -> None:
        """Takes over which keys are active.

        Raises:
            StartError: one is missing, here or at all, or does not sign for every region.
                The others are taken over; a former key goes on as long as it may.
            KeyEndedError: what is missing is missing because it ended.
        """
        now = self._clock()
        with self._tables.view() as view:
            keys = [recorded.key for recorded in view.recorded_keys()]
            root = view.newest_root()
        problems: list[StartError] = []
        in_use: dict[KeyUse, _InUse] = {}
        for use in OWN_USES:
            try:
                in_use[use] = self._take(keys, use, now)
            except StartError as error:
                problems.append(error)
                former = self._in_use.get(use)
                standing = None if former is None else _may_go_on(former.listed, keys)
                if former is not None and standing is not None:
                    in_use[use] = _InUse(standing, former.private)
        self._in_use = in_use
        self._ends = {key.use: key.expire_time for key in keys if key.state is KeyState.ACTIVE}
        self._root_end = None if root is None else root.expire_time
        codes, certificates = in_use.get(KeyUse.TOKEN), in_use.get(KeyUse.CREDENTIAL)
        self._codes = None if codes is None else TokenSigner(codes.private)
        self._certificates = (
            None if certificates is None else CredentialSigner(certificates.private)
        )
        if problems:
            told = "\n".join(map(str, problems))
            have_ended = all(isinstance(each, KeyEndedError) for each in problems)
            raise KeyEndedError(told) if have_ended else StartError(told)

    def code_key_expire_time(self) -> dt.datetime:
        """Returns until when the present key signs codes; a time long past without one."""
        found = self._in_use.get(KeyUse.TOKEN)
        return _NEVER if found is None else found.listed.expire_time

    def expire_times(self) -> dict[KeyUse, dt.datetime]:
        """Returns until when the active key of each use signs, here or not, over or not."""
        return self._ends

    def root_expire_time(self) -> dt.datetime | None:
        """Returns until when verifiers trust what the newest root names, over or not."""
        return self._root_end

    def sign_code(self, claims: QrClaims) -> str:
        """Returns the text of a code; see `TokenSigner`."""
        assert self._codes is not None, "IssueWork asks for the key's time before"
        return self._codes.sign_code(claims)

    def sign_certificate(self, certificate: DeviceCertificate) -> bytes:
        """Returns a device certificate; see `CredentialSigner`.

        Raises RuleError NO_SIGNING_KEY where no key may sign it at present.
        """
        signer = self._certificates
        in_use = self._in_use.get(KeyUse.CREDENTIAL)
        if signer is None or in_use is None or self._clock() >= in_use.listed.expire_time:
            raise no_signing_key(KeyUse.CREDENTIAL)
        return signer.sign_certificate(certificate)

    def snapshot_signer(self, trust_keys: Collection[bytes]) -> SnapshotSigner | None:
        """See `application.trust.signers.Signers`."""
        found = (self._store.find(key) for key in sorted(trust_keys))
        return next((TrustSigner(key) for key in found if key is not None), None)

    def status_signer(self, public_key: bytes) -> StatusSigner | None:
        """See `application.trust.signers.Signers`."""
        found = self._store.find(public_key)
        return None if found is None else StatusListSigner(found)

    def _take(self, keys: list[ListedKey], use: KeyUse, now: dt.datetime) -> _InUse:
        listed = signing_key(keys, use, now=now)
        if listed is None:
            raise _none_signs(keys, use, now)
        missing = self._regions - listed.issuers
        if missing:
            raise StartError(f"the {use.value} key does not sign for {', '.join(sorted(missing))}")
        try:
            private = self._store.find(listed.public_key)
        except KeyFileError as error:
            raise StartError(str(error)) from None
        if private is None:
            raise StartError(
                f"{self._store.place(listed.public_key)} is missing, the private half of the "
                f"{use.value} key that signs: copy it there"
            )
        return _InUse(listed, private)


def _none_signs(keys: list[ListedKey], use: KeyUse, now: dt.datetime) -> StartError:
    told = (
        f"no {use.value} key may sign: make one with `yibao keys new --use {use.value}` "
        f"or put the next one to use with `yibao keys rotate --use {use.value}`"
    )
    ended = ended_key(keys, use, now=now)
    if ended is None:
        return StartError(told)
    return KeyEndedError(f"{told}; the last one ended at {ended.expire_time:%Y-%m-%dT%H:%M:%SZ}")


def _may_go_on(former: ListedKey, keys: list[ListedKey]) -> ListedKey | None:
    """Returns a key in use as it stands now if it may sign on; its successor is not here."""
    standing = next((key for key in keys if key.public_key == former.public_key), None)
    return standing if standing is not None and standing.killed_time is None else None


def open_vault(config: IdentityConfig) -> Vault:
    """Returns what personal data are sealed with.

    Raises:
        StartError: a file cannot be used.
    """
    personal_data = config.personal_data
    return Vault(
        [read_secret(path) for path in personal_data.encryption_key_files],
        read_secret(personal_data.hash_key_file),
        random_bytes=os.urandom,
    )

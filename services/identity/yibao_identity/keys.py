"""Loads what only this process may know: private keys and the secrets of personal data."""

import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yibao_common.config import StartError
from yibao_identity.config import IdentityConfig, KeyConfig, ListedKeyConfig
from yibao_identity.rules.trust_list import KeyState, ListedKey
from yibao_identity.storage.key_file import KeyFileError, read_key
from yibao_identity.storage.signing import TokenSigner, TrustSigner
from yibao_identity.storage.vault import Vault, read_secret

_STATES = {
    "next": KeyState.NEXT,
    "retiring": KeyState.RETIRING,
    "killed": KeyState.KILLED,
}


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys in use, and the list of public keys to publish."""

    token_signer: TokenSigner
    trust_signer: TrustSigner
    listed: tuple[ListedKey, ...]
    vault: Vault


def load_keys(config: IdentityConfig, *, now: dt.datetime) -> Keys:
    """Returns the keys of the configuration.

    Raises:
        StartError: a file cannot be used, the issuer's key is out of its time, or one
            key is to serve two ends.
    """
    issuer = config.issuer
    if not issuer.start_time <= now < issuer.expire_time:
        raise StartError("issuer: the present lies outside of start_time and expire_time")
    token_signer = TokenSigner(_private_key(issuer))
    trust_signer = TrustSigner(_private_key(config.trust))
    active = ListedKey(
        token_signer.public_key,
        frozenset(issuer.regions),
        issuer.start_time,
        issuer.expire_time,
        KeyState.ACTIVE,
    )
    listed = (active, *map(_listed, config.listed_keys))
    public_keys = [trust_signer.public_key, *(key.public_key for key in listed)]
    if len(set(public_keys)) < len(public_keys):
        raise StartError("issuer, trust and listed_keys must be keys of their own, each once")
    personal_data = config.personal_data
    vault = Vault(
        [read_secret(path) for path in personal_data.encryption_key_files],
        read_secret(personal_data.hash_key_file),
        random_bytes=os.urandom,
    )
    return Keys(token_signer, trust_signer, listed, vault)


def _listed(config: ListedKeyConfig) -> ListedKey:
    return ListedKey(
        bytes.fromhex(config.public_key),
        frozenset(config.regions),
        config.start_time,
        config.expire_time,
        _STATES[config.state],
        config.killed_time,
    )


def _private_key(config: KeyConfig) -> Ed25519PrivateKey:
    try:
        return read_key(config.key_file, passphrase=_passphrase(config.passphrase_file))
    except KeyFileError as error:
        raise StartError(str(error)) from None


def _passphrase(path: Path) -> bytes:
    try:
        # The line end that editors add is no part of the passphrase.
        passphrase = path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise StartError(f"{path}: cannot be read: {error.strerror}") from None
    if not passphrase:
        raise StartError(f"{path}: holds no passphrase")
    return passphrase

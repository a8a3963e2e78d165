"""Keys of a sandbox: a root with three holders, a key of each use, and the offsite service's.

All lie in one folder under one passphrase, so that the commands of `yibao keys` can be
tried on it, the ceremony of the root too.
"""

import datetime as dt
import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yibao.attesting import KeyRequest, read_key_request, sign_key_request
from yibao.issuing import key_id_of
from yibao_cli.keys import root_ceremony
from yibao_common.commands.sandbox import MOST_AHEAD
from yibao_common.keys.key_file import FOR_RANDOM, write_key
from yibao_common.keys.key_store import KeyFolder, read_public_key
from yibao_common.keys.signing_key import SigningKey
from yibao_common.process.config_file import load_config
from yibao_common.values.clock import Clock
from yibao_identity.application.trust.admin import RequestedKey
from yibao_identity.config import IdentityConfig
from yibao_identity.rules.trust.published import OWN_USES, KeyUse
from yibao_identity.trust_setup import add_first_keys, open_trust_admin

_SECRETS = ("encryption.hex", "hash.hex", "pepper.hex", "passphrase")
_PUBLIC_HALVES = "*.pub.pem"
_HOLDERS = ("root-1", "root-2", "root-3")
# As far ahead as a sandbox's clock may be moved its codes are to be good. No root lives longer.
_LIFE = dt.timedelta(days=3 * 366)
assert _LIFE > MOST_AHEAD


@dataclass(frozen=True, slots=True)
class SandboxKeys:
    """Where the keys of a sandbox lie."""

    folder: Path

    @property
    def passphrase_file(self) -> Path:
        """The passphrase of every private key."""
        return self.folder / "passphrase"

    @property
    def private_folder(self) -> Path:
        """The private keys that identity signs with."""
        return self.folder / "private"

    @property
    def offsite_folder(self) -> Path:
        """The private keys that the offsite service signs with."""
        return self.folder / "offsite"

    @property
    def root_file(self) -> Path:
        """Root 1, which verifiers pin."""
        return self.folder / "root-1.cose"

    @property
    def index_file(self) -> Path:
        """The public keys by use; written last, so that its presence means all is there."""
        return self.folder / "keys.json"

    def private_key_file(self, use: KeyUse) -> Path:
        """The private key of a use, as it was made."""
        index = json.loads(self.index_file.read_text(encoding="ascii"))
        public_key = bytes.fromhex(index[use.value])
        return self.private_folder / f"{key_id_of(public_key).hex()}.pem"


def make_keys(folder: Path, *, now: dt.datetime) -> SandboxKeys:
    """Makes what is missing."""
    keys = SandboxKeys(folder)
    folder.mkdir(mode=0o700, exist_ok=True)
    for name in _SECRETS:
        if not (folder / name).exists():
            _write_secret(folder / name, secrets.token_hex(32))
    if not keys.index_file.exists():
        _make_private_keys(keys, now)
    keys.offsite_folder.mkdir(mode=0o700, exist_ok=True)
    if not any(keys.offsite_folder.glob(_PUBLIC_HALVES)):
        # Also of a sandbox that is older than this key.
        _offsite_store(keys).make()
    return keys


def provision(
    config_file: Path, keys: SandboxKeys, *, regions: Collection[str], clock: Clock
) -> Collection[str]:
    """Writes root and keys into the database of identity, unless they are there.

    Returns the regions that the keys sign for: codes of others would not be trusted.
    """
    config = load_config(IdentityConfig, path=config_file, environ={})
    index = json.loads(keys.index_file.read_text(encoding="ascii"))
    prepared = _PreparedKeys([bytes.fromhex(index[use.value]) for use in OWN_USES])
    with open_trust_admin(config, clock=clock, by="sandbox", key_store=prepared) as admin:
        if admin.newest_root() is None:
            add_first_keys(admin, keys.root_file.read_bytes(), regions=regions, life=_LIFE)
        recorded = [each.key for each in admin.recorded_keys()]
        tokens = [key.issuers for key in recorded if key.use is KeyUse.TOKEN]
        served = frozenset[str]().union(*tokens)
        if not any(key.use is KeyUse.ATTESTATION for key in recorded):
            requested = _request_of_offsite(keys, served, clock=clock)
            admin.take(KeyUse.ATTESTATION, requested, life=_LIFE)
        return served


def _request_of_offsite(
    keys: SandboxKeys, regions: frozenset[str], *, clock: Clock
) -> RequestedKey:
    """Returns what identity takes the offsite service's key by, as `yibao keys take` reads it."""
    file = min(keys.offsite_folder.glob(_PUBLIC_HALVES))
    private = _offsite_store(keys).find(read_public_key(file))
    assert private is not None, "it was made beside the public half"
    made = KeyRequest(private.public_key, tuple(sorted(regions)), int(clock().timestamp()))
    request = read_key_request(sign_key_request(made, sign=private.sign))
    return RequestedKey(
        request.public_key,
        frozenset(request.regions),
        dt.datetime.fromtimestamp(request.issue_second, dt.UTC),
    )


def _offsite_store(keys: SandboxKeys) -> KeyFolder:
    passphrase = keys.passphrase_file.read_bytes()
    return KeyFolder(keys.offsite_folder, passphrase=passphrase, stretching=FOR_RANDOM)


class _PreparedKeys:
    """Gives out keys that were made before; signs nothing, the service does that."""

    def __init__(self, public_keys: list[bytes]) -> None:
        self._public_keys = iter(public_keys)

    def find(self, public_key: bytes) -> SigningKey | None:
        """See `KeyStore`."""
        return None

    def make(self) -> bytes:
        """See `KeyStore`."""
        return next(self._public_keys)

    def place(self, public_key: bytes) -> str:
        """See `KeyStore`."""
        return key_id_of(public_key).hex()


def _make_private_keys(keys: SandboxKeys, now: dt.datetime) -> None:
    passphrase = keys.passphrase_file.read_bytes()
    keys.private_folder.mkdir(mode=0o700, exist_ok=True)
    # The passphrase is 256 random bits: stretching it would only delay every start.
    store = KeyFolder(keys.private_folder, passphrase=passphrase, stretching=FOR_RANDOM)
    holders = [Ed25519PrivateKey.generate() for _ in _HOLDERS]
    files = [keys.folder / f"{name}.pem" for name in _HOLDERS]
    for file in (*files, keys.root_file):  # of a start that was cut short
        file.unlink(missing_ok=True)
    for file, holder in zip(files, holders, strict=True):
        write_key(file, holder, passphrase=passphrase, stretching=FOR_RANDOM)
    trust_key, *others = [store.make() for _ in range(1 + len(OWN_USES))]
    document = root_ceremony.draft_first(
        root_keys=[holder.public_key().public_bytes_raw() for holder in holders],
        threshold=2,
        trust_keys=[trust_key],
        now=now,
        life=_LIFE,
    )
    for holder in holders[:2]:
        document = root_ceremony.sign(document, holder)
    keys.root_file.write_bytes(document)
    index = {use.value: public.hex() for use, public in zip(OWN_USES, others, strict=True)}
    keys.index_file.write_text(json.dumps(index), encoding="ascii")


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="ascii")

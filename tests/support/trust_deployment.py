"""A database with keys, changed as `yibao keys` does, and what services make of it."""

import datetime as dt

from support.identity_world import REGION, IdentityFiles
from support.token_minting import SUBJECT

from yibao import qr
from yibao._token import key_id_of
from yibao.trust import TrustSnapshot
from yibao_common.db.database import Database
from yibao_common.keys.opening import open_key_store
from yibao_identity.application.trust.admin import TrustAdmin
from yibao_identity.application.trust.publish import TrustPublisher
from yibao_identity.config import IdentityConfig
from yibao_identity.keys import KeyRing
from yibao_identity.rules.code import new_claims
from yibao_identity.storage.trust.rows import StoredTrust
from yibao_identity.trust_setup import open_trust_admin

AUDIENCE = "01301"
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
YEAR = 365 * DAY
START = dt.datetime(2026, 11, 2, 8, 0, tzinfo=dt.UTC)


class SetClock:
    """Tells the time that a test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> dt.datetime:
        return self.now


class Deployment:
    """A database with keys, changed as `yibao keys` does, and what services make of it."""

    def __init__(self, files: IdentityFiles, url: str) -> None:
        self.clock = SetClock()
        self.files = files
        self.config = files.config(url)
        files.provision(self.config)

    def admin(self) -> "AdminScope":
        return AdminScope(self.config, self.clock)

    def ring(self, database: Database) -> KeyRing:
        """Returns the keys as a process takes them over now."""
        ring = KeyRing(
            StoredTrust(database),
            open_key_store(self.config.keys),
            regions=self.config.issuer.regions,
            clock=self.clock,
        )
        ring.reload()
        return ring

    def code(self, ring: KeyRing) -> str:
        claims = new_claims(
            issuer=REGION, subject=SUBJECT, audience=AUDIENCE, now=self.clock(), code_id=b"8 bytes."
        )
        return ring.sign_code(claims)

    def verify(self, text: str, trust: TrustSnapshot) -> qr.Claims:
        return qr.verify(text, trust=trust, audience=AUDIENCE, now=self.clock())


class AdminScope:
    """Opens what changes trust, for one `with`."""

    def __init__(self, config: IdentityConfig, clock: SetClock) -> None:
        self._opened = open_trust_admin(config, clock=clock, by="wang")

    def __enter__(self) -> TrustAdmin:
        return self._opened.__enter__()

    def __exit__(self, *error: object) -> None:
        self._opened.__exit__(*error)  # type: ignore[arg-type]


def published_trust(deployment: Deployment, database: Database) -> TrustSnapshot:
    data = publish_trust(deployment, database)
    return TrustSnapshot.verify(data, trust_key=deployment.files.trust_key, now=deployment.clock())


def publish_trust(deployment: Deployment, database: Database) -> bytes:
    """Publishes what is due, as a running service does by itself."""
    store = StoredTrust(database)
    ring = KeyRing(
        store,
        open_key_store(deployment.config.keys),
        regions=deployment.config.issuer.regions,
        clock=deployment.clock,
    )
    return TrustPublisher(store, ring, clock=deployment.clock).publish().snapshot


def key_id_text(public_key: bytes) -> str:
    return key_id_of(public_key).hex()

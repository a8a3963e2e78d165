"""Opens what changes of trust need: for `yibao keys`, the sandbox and tests."""

import contextlib
import datetime as dt
from collections.abc import Collection, Iterator

from yibao_common.db.opening import opened_database
from yibao_common.keys.key_store import KeyStore
from yibao_common.keys.opening import open_key_store
from yibao_common.process.config import StartError
from yibao_common.values.clock import Clock
from yibao_identity.application.trust.admin import TrustAdmin
from yibao_identity.application.trust.publish import TrustPublisher
from yibao_identity.config import IdentityConfig
from yibao_identity.keys import KeyRing
from yibao_identity.rules.trust.keys import KeyChangeError
from yibao_identity.rules.trust.published import OWN_USES
from yibao_identity.storage.trust.root_reader import SdkRootReader
from yibao_identity.storage.trust.rows import StoredTrust

KEY_LIFE = dt.timedelta(days=365)


@contextlib.contextmanager
def open_trust_admin(
    config: IdentityConfig, *, clock: Clock, by: str, key_store: KeyStore | None = None
) -> Iterator[TrustAdmin]:
    """Gives what changes the trust of a deployment; `key_store` replaces the configured one.

    Raises:
        StartError: keys or database cannot be used.
    """
    store = open_key_store(config.keys) if key_store is None else key_store
    with opened_database(config.database.url, package="yibao_identity") as database:
        tables = StoredTrust(database)
        ring = KeyRing(tables, store, regions=config.issuer.regions, clock=clock)
        publisher = TrustPublisher(tables, ring, clock=clock)
        try:
            yield TrustAdmin(tables, store, publisher, SdkRootReader(), clock=clock, by=by)
        except KeyChangeError as error:
            raise StartError(str(error)) from None


def add_first_keys(
    admin: TrustAdmin, root: bytes, *, regions: Collection[str], life: dt.timedelta = KEY_LIFE
) -> None:
    """Brings in a root and makes a key of each own use that has none; the rest stays."""
    admin.add_root(root)
    present = {recorded.key.use for recorded in admin.recorded_keys()}
    for use in OWN_USES:
        if use not in present:
            admin.new(use, issuers=regions, life=life)

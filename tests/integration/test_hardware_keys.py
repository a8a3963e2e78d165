"""Keys in a hardware module, played by SoftHSM: made there, found there, signing there.

SoftHSM comes with the system (`apt install softhsm2`), python-pkcs11 with the tests. CI
sets YIBAO_REQUIRE_SOFTHSM, so that the tests cannot be passed over there.
"""

import datetime as dt
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.databases import SqliteDatabases
from support.identity_world import REGION, IdentityFiles, make_identity_files
from support.roots import make_root
from support.token_minting import SUBJECT, private_key

from yibao import qr
from yibao._ed25519 import load_public_key
from yibao._token import key_id_of
from yibao.trust import TrustSnapshot
from yibao_common.db.database import Database
from yibao_common.keys.key_file import KeyFileError
from yibao_common.keys.opening import open_key_store
from yibao_common.keys.pkcs11 import Pkcs11Keys
from yibao_common.process.config import StartError
from yibao_common.values.clock import system_clock
from yibao_identity.application.trust.publish import TrustPublisher
from yibao_identity.config import IdentityConfig
from yibao_identity.keys import KeyRing
from yibao_identity.rules.code import new_claims
from yibao_identity.storage.trust.rows import StoredTrust
from yibao_identity.trust_setup import add_first_keys, open_trust_admin

PIN = "1234"
LIBRARIES = [
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    *Path("/usr/lib").glob("*/softhsm/libsofthsm2.so"),
    Path("/usr/local/lib/softhsm/libsofthsm2.so"),
    Path("/opt/homebrew/lib/softhsm/libsofthsm2.so"),
]
LIBRARY = next((path for path in LIBRARIES if path.exists()), None)

pytestmark = pytest.mark.skipif(
    LIBRARY is None and "YIBAO_REQUIRE_SOFTHSM" not in os.environ,
    reason="SoftHSM is not installed (apt install softhsm2)",
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the module with an empty token; it is loaded once in a process."""
    assert LIBRARY is not None, "SoftHSM is required here: apt install softhsm2"
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(config)
    command = ["softhsm2-util", "--init-token", "--free", "--label", "yibao"]
    pins = ["--so-pin", "5678", "--pin", PIN]
    subprocess.run([*command, *pins], check=True, capture_output=True)
    return LIBRARY


@pytest.fixture
def module(library: Path) -> Iterator[Pkcs11Keys]:
    opened = Pkcs11Keys(library, token_label="yibao", pin=PIN)
    yield opened
    opened.close()


def test_a_key_is_made_in_the_module_and_signs_there(module: Pkcs11Keys) -> None:
    public_key = module.make()
    key = module.find(public_key)
    assert key is not None
    signature = key.sign(b"what is signed")
    load_public_key(public_key).verify(signature, b"what is signed")
    assert module.find(private_key("elsewhere").public_key().public_bytes_raw()) is None


def test_a_key_under_anothers_id_is_refused(module: Pkcs11Keys) -> None:
    stranger = private_key("stranger").public_key().public_bytes_raw()
    made = module.make()
    pkcs11 = module._pkcs11
    wanted = {pkcs11.Attribute.ID: key_id_of(made)}
    for half in list(module._session.get_objects(wanted)):
        half[pkcs11.Attribute.ID] = key_id_of(stranger)
    with pytest.raises(KeyFileError, match="another key than its id says"):
        module.find(stranger)


def test_a_key_is_found_by_another_session(module: Pkcs11Keys, library: Path) -> None:
    public_key = module.make()
    other = Pkcs11Keys(library, token_label="yibao", pin=PIN)
    try:
        assert other.find(public_key) is not None
    finally:
        other.close()


@pytest.mark.parametrize(
    ("label", "pin", "message"),
    [("yibao", "0000", "PinIncorrect"), ("nobody's", PIN, "NoSuchToken")],
)
def test_a_module_that_does_not_open_tells_why(
    library: Path, label: str, pin: str, message: str
) -> None:
    with pytest.raises(KeyFileError, match=message):
        Pkcs11Keys(library, token_label=label, pin=pin)


def test_a_deployment_signs_everything_in_the_module(
    module: Pkcs11Keys, library: Path, tmp_path: Path
) -> None:
    files = make_identity_files(tmp_path)
    databases = SqliteDatabases(tmp_path)
    config = hardware_config(files, databases.migrated_url("yibao_identity"), library)
    with open_trust_admin(config, clock=system_clock, by="wang") as admin:
        trust_key = admin.make_trust_key()
        root = make_root([trust_key])
        add_first_keys(admin, root, regions=config.issuer.regions)
        recorded = admin.recorded_keys()
    folder = config.keys.folder
    for each in recorded:
        assert not (folder / f"{key_id_of(each.key.public_key).hex()}.pem").exists()
    database = Database(config.database.url)
    try:
        tables = StoredTrust(database)
        store = open_key_store(config.keys)
        ring = KeyRing(tables, store, regions=config.issuer.regions, clock=system_clock)
        ring.reload()
        published = TrustPublisher(tables, ring, clock=system_clock).publish()
        now = dt.datetime.now(dt.UTC)
        trust = TrustSnapshot.verify(published.snapshot, trust_key=trust_key, now=now)
        text = ring.sign_code(
            new_claims(issuer=REGION, subject=SUBJECT, audience="01301", now=now, code_id=bytes(8))
        )
        claims = qr.verify(text, trust=trust, audience="01301", now=now)
        assert claims.subject == SUBJECT
        assert trust.lists != {}
    finally:
        database.close()
        databases.close()


def test_a_wrong_pin_keeps_the_service_from_starting(library: Path, tmp_path: Path) -> None:
    files = make_identity_files(tmp_path)
    config = hardware_config(files, "sqlite:///unused.sqlite", library, pin="0000")
    with pytest.raises(StartError, match="PinIncorrect"):
        open_key_store(config.keys)


def hardware_config(
    files: IdentityFiles, url: str, library: Path, pin: str = PIN
) -> IdentityConfig:
    pin_file = files.folder / "pin"
    pin_file.write_text(f"{pin}\n")
    module = {"library": library, "token_label": "yibao", "pin_file": pin_file}
    return files.config(url, keys={**files.values["keys"], "pkcs11": module})

"""A counter verifies offline: in a process of the SDK alone, and by `yibao qr verify`."""

import datetime as dt
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.attestation_minting import FIRST_DAY, LAST_DAY, REGISTRATION, attested
from typer.testing import CliRunner

from yibao import attesting
from yibao.issuing import key_id_of
from yibao.trust_store import TrustStore
from yibao_cli.demo import offline_counter
from yibao_cli.demo.counter import read_offline
from yibao_cli.keys import root_ceremony
from yibao_cli.main import app
from yibao_identity.rules.code import QrClaims
from yibao_identity.rules.trust.published import KeyState, KeyUse, ListedKey, TrustList
from yibao_identity.storage.trust.signing import TokenSigner, TrustSigner

REGION = "330100"
SUBJECT = "K7Q2M9X4T1B8Z"


@dataclass(frozen=True, slots=True)
class CounterFiles:
    """What a counter holds, a code of this minute, and an attestation of a registration."""

    root: Path
    snapshot: Path
    folder: Path
    text: str
    attestation: str


@pytest.fixture
def files(tmp_path: Path) -> CounterFiles:
    """A counter that fetched a snapshot."""
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    token, trust_key = TokenSigner(Ed25519PrivateKey.generate()), Ed25519PrivateKey.generate()
    offsite_key = Ed25519PrivateKey.generate()
    listed = ListedKey(
        token.public_key,
        frozenset({REGION}),
        now - dt.timedelta(days=1),
        now + dt.timedelta(days=1),
        KeyState.ACTIVE,
    )
    offsite_public = offsite_key.public_key().public_bytes_raw()
    attesting_key = replace(listed, public_key=offsite_public, use=KeyUse.ATTESTATION)
    second = int(now.timestamp())
    stated = attested(issue_second=second, expire_second=second + 60)
    holders = [Ed25519PrivateKey.generate() for _ in range(3)]
    root = root_ceremony.draft_first(
        root_keys=[holder.public_key().public_bytes_raw() for holder in holders],
        threshold=2,
        trust_keys=[trust_key.public_key().public_bytes_raw()],
        now=now,
        life=dt.timedelta(days=30),
    )
    for holder in holders[:2]:
        root = root_ceremony.sign(root, holder)
    made = CounterFiles(
        tmp_path / "root-1.cose",
        tmp_path / "trust.cbor",
        tmp_path / "counter",
        token.sign_code(
            QrClaims(
                REGION,
                SUBJECT,
                "01103",
                int(now.timestamp()),
                int(now.timestamp()) + 60,
                bytes(8),
            )
        ),
        attesting.sign_registration(
            stated, key_id=key_id_of(offsite_public), sign=offsite_key.sign
        ),
    )
    made.root.write_bytes(root)
    snapshot = TrustSigner(trust_key).sign_snapshot(TrustList(1, now, (listed, attesting_key)))
    made.snapshot.write_bytes(snapshot)
    for name in ("cache", "state"):
        (made.folder / name).mkdir(parents=True)
    store = TrustStore(
        first_root=root, cache_folder=made.folder / "cache", state_folder=made.folder / "state"
    )
    store.take_snapshot(snapshot, now=now)
    return made


def read(files: CounterFiles, audience: str) -> dict[str, str]:
    return read_offline(files.text, root_file=files.root, folder=files.folder, audience=audience)


def test_the_counter_reads_a_good_code(files: CounterFiles) -> None:
    assert read(files, "01103")["subject"] == SUBJECT


def test_the_counter_refuses_a_code_for_another_use(files: CounterFiles) -> None:
    assert read(files, "01301") == {"refused": "wrong_audience"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "",
            {
                "registration_id": REGISTRATION,
                "treatment_region": "500000",
                "first_day": FIRST_DAY.isoformat(),
                "last_day": LAST_DAY.isoformat(),
            },
        ),
        ("Z", {"refused": "malformed"}),
    ],
)
def test_the_counter_reads_what_an_attestation_covers(
    files: CounterFiles, change: str, said: dict[str, str]
) -> None:
    shown = replace(files, text=f"{files.attestation}{change}")
    assert read(shown, "01103") == said


def test_the_counter_ends_at_any_use_of_the_network() -> None:
    code = (
        "import runpy, socket, sys;"
        f"counter = runpy.run_path({offline_counter.__file__!r});"
        "sys.addaudithook(counter['_refuse_network']);"
        "socket.create_connection(('127.0.0.1', 9))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 1
    assert "the counter is offline" in finished.stderr


@pytest.mark.parametrize("audiences", [[], ["--audience", "01101", "--audience", "01103"]])
def test_the_command_prints_what_a_code_states(files: CounterFiles, audiences: list[str]) -> None:
    options = ["--snapshot", str(files.snapshot), "--root", str(files.root)]
    result = CliRunner().invoke(app, ["qr", "verify", files.text, *options, *audiences])
    assert result.exit_code == 0, result.output
    said = dict(line.split() for line in result.output.splitlines() if len(line.split()) == 2)
    assert (said["region"], said["subject"], said["audience"]) == (REGION, SUBJECT, "01103")


@pytest.mark.parametrize(
    ("change", "audience", "error"),
    [("", "01301", "wrong_audience"), ("Z", "01103", "malformed")],
)
def test_the_command_names_the_error_of_a_refused_code(
    files: CounterFiles, change: str, audience: str, error: str
) -> None:
    options = ["--snapshot", str(files.snapshot), "--root", str(files.root)]
    result = CliRunner().invoke(
        app,
        ["qr", "verify", "-", *options, "--audience", audience],
        input=f"{files.text}{change}\n",
    )
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{error}: ")


def test_the_command_says_which_file_is_of_no_use(files: CounterFiles) -> None:
    options = ["--snapshot", str(files.root), "--root", str(files.snapshot)]
    result = CliRunner().invoke(app, ["qr", "verify", files.text, *options])
    assert result.exit_code == 2
    assert str(files.snapshot) in result.stderr

"""A counter verifies offline: in a process of the SDK alone, and by `yibao qr verify`."""

import datetime as dt
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typer.testing import CliRunner

from yibao_cli.demo import offline_counter
from yibao_cli.demo.identity_steps import run_counter
from yibao_cli.demo.steps import StepFailedError
from yibao_cli.main import app
from yibao_identity.rules.qr_code import QrClaims
from yibao_identity.rules.trust_list import KeyState, ListedKey, TrustList
from yibao_identity.storage.signing import TokenSigner, TrustSigner

REGION = "330100"
SUBJECT = "K7Q2M9X4T1B8Z"


@pytest.fixture
def counter_files(tmp_path: Path) -> tuple[Path, Path, str]:
    """Returns snapshot file, trust key file and the text of a code of this minute."""
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    token, trust_key = TokenSigner(Ed25519PrivateKey.generate()), Ed25519PrivateKey.generate()
    listed = ListedKey(
        token.public_key,
        frozenset({REGION}),
        now - dt.timedelta(days=1),
        now + dt.timedelta(days=1),
        KeyState.ACTIVE,
    )
    snapshot_file, trust_key_file = tmp_path / "trust.cbor", tmp_path / "trust.pem"
    snapshot_file.write_bytes(TrustSigner(trust_key).sign_snapshot(TrustList(1, now, (listed,))))
    public = trust_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    trust_key_file.write_bytes(public)
    second = int(now.timestamp())
    claims = QrClaims(REGION, SUBJECT, "01103", second, second + 60, bytes(8))
    return snapshot_file, trust_key_file, token.sign_code(claims)


def test_the_counter_reads_a_good_code(counter_files: tuple[Path, Path, str]) -> None:
    snapshot_file, trust_key_file, text = counter_files
    subject = run_counter(
        text, snapshot_file=snapshot_file, trust_key_file=trust_key_file, audience="01103"
    )
    assert subject == SUBJECT


def test_the_counter_refuses_a_code_for_another_use(
    counter_files: tuple[Path, Path, str],
) -> None:
    snapshot_file, trust_key_file, text = counter_files
    with pytest.raises(StepFailedError, match="wrong_audience"):
        run_counter(
            text, snapshot_file=snapshot_file, trust_key_file=trust_key_file, audience="01301"
        )


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
def test_the_command_prints_what_a_code_states(
    counter_files: tuple[Path, Path, str], audiences: list[str]
) -> None:
    snapshot_file, trust_key_file, text = counter_files
    files = ["--snapshot", str(snapshot_file), "--trust-key", str(trust_key_file)]
    result = CliRunner().invoke(app, ["qr", "verify", text, *files, *audiences])
    assert result.exit_code == 0, result.output
    said = dict(line.split() for line in result.output.splitlines() if len(line.split()) == 2)
    assert (said["region"], said["subject"], said["audience"]) == (REGION, SUBJECT, "01103")


@pytest.mark.parametrize(
    ("change", "audience", "error"),
    [("", "01301", "wrong_audience"), ("Z", "01103", "malformed")],
)
def test_the_command_names_the_error_of_a_refused_code(
    counter_files: tuple[Path, Path, str], change: str, audience: str, error: str
) -> None:
    snapshot_file, trust_key_file, text = counter_files
    files = ["--snapshot", str(snapshot_file), "--trust-key", str(trust_key_file)]
    result = CliRunner().invoke(
        app, ["qr", "verify", "-", *files, "--audience", audience], input=f"{text}{change}\n"
    )
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{error}: ")


def test_the_command_says_which_file_is_of_no_use(
    counter_files: tuple[Path, Path, str],
) -> None:
    snapshot_file, trust_key_file, text = counter_files
    files = ["--snapshot", str(trust_key_file), "--trust-key", str(snapshot_file)]
    result = CliRunner().invoke(app, ["qr", "verify", text, *files])
    assert result.exit_code == 2
    assert str(snapshot_file) in result.stderr

"""A hospital's counter: fetches trust now and then, and verifies codes without a network."""

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

from yibao.trust_client import TrustClient
from yibao.trust_store import TrustStore
from yibao_cli.demo import offline_counter
from yibao_cli.demo.steps import CALL_SECONDS, StepFailedError, StepLog
from yibao_cli.parties import parties_of
from yibao_cli.regions import Region
from yibao_cli.stack import Stack


class Counter:
    """What a hospital of a region does with codes."""

    def __init__(self, stack: Stack, region: Region, log: StepLog, *, audience: str) -> None:
        """Begins with the root alone, as it was installed."""
        self._stack = stack
        self._log = log
        self._audience = audience
        self._party = parties_of(region).hospital
        self._root_file = stack.sandbox.root_file
        self._folder = stack.sandbox.folder / f"counter-{region.region}"

    def fetch(self, *, now: dt.datetime, title: str = "Fetch trust, from the root on") -> int:
        """Fetches the trust snapshot and its lists; returns the version."""
        with self._log.step(title, "hospital") as note:
            version = self._refresh(now)
            note(f"snapshot {version}")
        return version

    def fetch_newer(self, version: int, *, now: dt.datetime) -> int:
        """Fetches again; what was held before has to be replaced by something newer."""
        with self._log.step("Fetch the trust again", "hospital") as note:
            newer = self._refresh(now)
            if newer <= version:
                raise StepFailedError(f"the service still publishes snapshot {newer}")
            note(f"snapshot {newer}")
        return newer

    def _refresh(self, now: dt.datetime) -> int:
        for name in ("cache", "state"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        channel = self._stack.channel("identity", self._party)
        store = TrustStore(
            first_root=self._root_file.read_bytes(),
            cache_folder=self._folder / "cache",
            state_folder=self._folder / "state",
            source=TrustClient(channel, timeout_seconds=CALL_SECONDS),
        )
        return store.refresh(now=now).version

    def accepts(self, qr_text: str, title: str, *, subject: str) -> None:
        """Verifies a code offline, in a process that cannot use the network."""
        with self._log.step(title, "hospital") as note:
            said = self._read(qr_text)
            if said.get("subject") != subject:
                raise StepFailedError(f"the counter says {said}")
            note("accepted by the SDK alone")

    def refuses(self, qr_text: str, title: str, *, error: str) -> None:
        """Shows the counter a code that it must not take."""
        with self._log.step(title, "hospital") as note:
            said = self._read(qr_text)
            if said.get("refused") != error:
                raise StepFailedError(f"the counter says {said}, and {error} was due")
            note(f"refused: {error}")

    def accepts_attestation(self, text: str, *, registration_id: str, day: dt.date) -> None:
        """Verifies a registration's attestation offline, and that it covers a day."""
        with self._log.step("Verify it offline", "hospital") as note:
            said = self._read(text)
            if said.get("registration_id") != registration_id:
                raise StepFailedError(f"the counter says {said}")
            if not said["first_day"] <= day.isoformat() <= said["last_day"]:
                raise StepFailedError(f"it does not cover {day}: {said}")
            note(f"to {said['treatment_region']}, until {said['last_day']}")

    def key_of(self, qr_text: str) -> str:
        """Returns the id of the issuer's key behind a code, or nothing if it is refused."""
        return self._read(qr_text).get("key_id", "")

    def _read(self, qr_text: str) -> dict[str, str]:
        return read_offline(
            qr_text, root_file=self._root_file, folder=self._folder, audience=self._audience
        )


def read_offline(text: str, *, root_file: Path, folder: Path, audience: str) -> dict[str, str]:
    """Returns what a hospital's own process says of a code or an attestation, or `refused`.

    `folder` holds `cache` and `state` of its trust.

    Raises:
        StepFailedError: the process failed.
    """
    command = [sys.executable, "-I", str(Path(offline_counter.__file__))]
    finished = subprocess.run(  # noqa: S603 (our own interpreter and script)
        [*command, str(root_file), str(folder), audience],
        input=f"{text}\n",
        capture_output=True,
        text=True,
        timeout=CALL_SECONDS,
        check=False,
    )
    if finished.returncode:
        raise StepFailedError((finished.stdout + finished.stderr).strip())
    said: dict[str, str] = json.loads(finished.stdout)
    return said

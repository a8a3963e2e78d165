"""What the keeper of the issuer's keys does, with the commands that he would type."""

import re
import subprocess
import sys

from yibao_cli.demo.steps import StepFailedError, StepLog
from yibao_cli.stack import Stack

# A program has to start; on a busy machine that alone takes many seconds.
_COMMAND_SECONDS = 60.0
_MADE = re.compile(r"Made tok key ([0-9a-f]{16})")
_RETIRED = re.compile(r"Key ([0-9a-f]{16}) retires")


class KeySteps:
    """Rotates and kills the key that signs codes."""

    def __init__(self, stack: Stack, log: StepLog) -> None:
        """Takes the stack whose identity service has the keys."""
        self._config = str(stack.sandbox.config_files["identity"])
        self._log = log

    def rotate(self) -> str:
        """Puts a new key to use at once; returns the id of the one that retires."""
        with self._log.step("yibao keys rotate --emergency", "keys") as note:
            said = self._run("rotate", "--use", "tok", "--emergency")
            made, retired = _MADE.search(said), _RETIRED.search(said)
            if made is None or retired is None:
                raise StepFailedError(said)
            note(f"{retired[1]} retires")
        return retired[1]

    def kill(self, key_id: str) -> None:
        """Withdraws a key for good."""
        with self._log.step("yibao keys kill", "keys") as note:
            self._run("kill", key_id)
            note(f"{key_id} withdrawn")

    def _run(self, *words: str) -> str:
        finished = subprocess.run(  # noqa: S603 (our own interpreter and program)
            [sys.executable, "-m", "yibao_cli.main", "keys", *words, "--config", self._config],
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        if finished.returncode:
            raise StepFailedError((finished.stdout + finished.stderr).strip())
        return finished.stdout

"""A service as a child process: started, read, drained, or killed where a test wants it."""

import collections
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

# Gets the name of the child and one line that it wrote.
LineReader = Callable[[str, str], None]

_TAIL_LINES = 20


class Child:
    """One process of a service; `name` tells it from its siblings, `identity` or `identity.2`."""

    def __init__(
        self,
        name: str,
        *,
        module: str,
        config_file: Path,
        environment: Mapping[str, str],
        on_line: LineReader,
    ) -> None:
        """Starts `python -m module --config config_file`, on a leash.

        `environment` comes on top of this process's own. `on_line` is called in a thread
        of the child's for each line that it writes.
        """
        self.name = name
        self.tail: collections.deque[str] = collections.deque(maxlen=_TAIL_LINES)
        # Set once it serves.
        self.started = threading.Event()
        self._on_line = on_line
        # A group of its own: Ctrl-C reaches this process alone, which then drains the
        # children in order. Signalled twice, they would end without draining.
        self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and modules)
            [sys.executable, "-m", "yibao_cli.leash", module, "--config", str(config_file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name=f"log-{name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended, negative by a signal; None while it runs."""
        return self._process.poll()

    def terminate(self) -> None:
        """Asks it to drain and end; `wait` waits for that."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it at once, as a power failure would; `wait` collects it."""
        self._signal(signal.SIGKILL)

    def wait(self, seconds: float) -> int:
        """Returns its exit code; kills it where it has not ended after `seconds`."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        # What it wrote last is read first.
        self._reader.join(1)
        if not self._reader.is_alive():
            self._process.stdout.close()
        return code

    def _signal(self, number: signal.Signals) -> None:
        if self.exit_code is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for raw in self._process.stdout:
            line = raw.decode("utf-8", errors="replace").rstrip("\n")
            self.tail.append(line)
            if not self.started.is_set() and _event_of(line) == "started":
                self.started.set()
            self._on_line(self.name, line)


def _event_of(line: str) -> object:
    """Returns the event of a line of log, or None where it is not one."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry.get("event") if isinstance(entry, dict) else None

"""The `yibao` command in a process of its own: into pipes, or in a terminal of some size."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

COMMAND = (sys.executable, "-m", "yibao_cli.main")
SECONDS = 240
# What changes how a program draws, or whom it calls, wherever the tests run.
_OF_THE_MACHINE = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM", "TTY_COMPATIBLE")


class Ended(NamedTuple):
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


def environment(**variables: str) -> dict[str, str]:
    """Returns this process's variables without those of a context or a terminal, and others."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in _OF_THE_MACHINE and not key.startswith("YIBAO_")
    }
    kept["YIBAO_PURE_PYTHON"] = "1"
    # No file of whoever runs the tests is read.
    return {**kept, "XDG_CONFIG_HOME": "/nonexistent", "TERM": "xterm-256color", **variables}


def run(
    *words: object,
    cwd: Path | None = None,
    stdin: str = "",
    variables: Mapping[str, str] | None = None,
) -> Ended:
    """Runs a command whose output goes into pipes."""
    ended = subprocess.run(
        [*COMMAND, *map(str, words)],
        cwd=cwd,
        env=environment(**(variables or {})),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def run_in_terminal(
    *words: object,
    columns: int = 80,
    rows: int = 50,
    cwd: Path | None = None,
    variables: Mapping[str, str] | None = None,
    until: Callable[[str], bool] | None = None,
    program: tuple[str, ...] = COMMAND,
) -> Ended:
    """Runs a command in a terminal; what it wrote on either stream is `out`.

    Once `until` is true of what was written the command is interrupted, as by Ctrl-C.
    """
    own, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        [*program, *map(str, words)],
        cwd=cwd,
        env=environment(**(variables or {})),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        # Whoever runs the tests in the background has it ignored, which children inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(theirs)
    written = b""
    deadline = time.monotonic() + SECONDS
    try:
        while time.monotonic() < deadline:
            if select.select([own], [], [], 0.1)[0]:
                try:
                    written += os.read(own, 65_536)
                except OSError:
                    break  # Nobody has the other end open any more.
            if until is not None and until(written.decode(errors="replace")):
                until = None
                process.send_signal(signal.SIGINT)
        else:
            raise AssertionError(f"it did not end: {written.decode(errors='replace')}")
        return Ended(process.wait(SECONDS), written.decode(errors="replace"), "")
    finally:
        process.kill()
        process.wait()
        os.close(own)

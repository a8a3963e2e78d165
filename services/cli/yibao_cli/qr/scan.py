"""`yibao qr scan`: reads the QR code in a picture.

The reader is native code that works on whatever a stranger drew, so it runs in a process
of its own that is ended after a few seconds.
"""

import subprocess
import sys
from pathlib import Path

from rich.console import Console

from yibao_cli.output import is_json, print_document, tell_refused, tell_unusable
from yibao_cli.qr import reader

SECONDS = 10.0

_REFUSED = 1
_UNUSABLE = 2


def run_scan(out: Console, err: Console, file: Path, *, seconds: float = SECONDS) -> int:
    """Prints the text of the first code; returns 1 where there is none, 2 on a bad file."""
    command = [sys.executable, "-P", "-m", reader.__name__, str(file)]
    try:
        done = subprocess.run(  # noqa: S603 (our own interpreter and module)
            command, capture_output=True, encoding="utf-8", timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        tell_unusable(f"{file} was not read within {seconds:g} s", err)
        return _UNUSABLE
    if done.returncode == reader.FOUND:
        text = done.stdout.rstrip("\n")
        if is_json():
            print_document(out, {"text": text})
        else:
            out.print(text, markup=False, soft_wrap=True)
        return 0
    told = done.returncode in (reader.NOTHING_FOUND, reader.UNUSABLE, reader.NO_READER)
    message = done.stderr.strip() if told else f"{file} cannot be read: the reader crashed"
    if done.returncode == reader.NOTHING_FOUND:
        tell_refused(message, err)
        return _REFUSED
    tell_unusable(message, err)
    return _UNUSABLE

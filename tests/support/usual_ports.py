"""One sandbox on the usual ports at a time, though tests run in several processes."""

import contextlib
import fcntl
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def usual_ports() -> Iterator[None]:
    """Waits until no other test starts `yibao up`, which takes the first ports it finds free.

    Between the finding and the taking another sandbox would find the same ones.
    """
    with (Path(tempfile.gettempdir()) / "yibao-tests-usual-ports.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

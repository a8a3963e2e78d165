"""Files that somebody else may replace: read without waiting, and bounded."""

import errno
import os
import stat
from pathlib import Path


def read_plain_file(path: Path, *, most_bytes: int) -> bytes:
    """Returns what a file holds.

    A pipe would have its reader wait for whoever writes to it, and a device may never end.

    Raises:
        OSError: It cannot be read, is no plain file or has over `most_bytes`.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags)
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, and no file", str(path))
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(most_bytes + 1)
    finally:
        os.close(handle)
    if len(data) > most_bytes:
        raise OSError(errno.EFBIG, f"it has over {most_bytes} bytes", str(path))
    return data

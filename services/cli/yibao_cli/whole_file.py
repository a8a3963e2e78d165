"""Files that a command writes: whole, or as they were before."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from yibao_common.process.config import StartError


@contextlib.contextmanager
def whole_file(path: Path, mode: str = "w", **how: Any) -> Iterator[IO[Any]]:
    """Opens what becomes `path` at the end of the block, in the place of what is there.

    Where the block fails or is interrupted, `path` stays as it was and nothing lies beside it.
    What is no plain file, such as /dev/stdout or a pipe, is written straight away.

    Raises:
        StartError: it cannot be made, or does not hold all of it.
    """
    is_plain = path.is_file() or not path.exists()
    # Behind a link lies what is meant; the link stays.
    target = Path(os.path.realpath(path)) if is_plain else path
    draft = target.with_name(f".{target.name[:200]}.{os.getpid()}") if is_plain else target
    try:
        with draft.open(mode, **how) as stream:
            yield stream
            stream.flush()
            if is_plain:
                os.fsync(stream.fileno())
        if is_plain:
            if target.exists():
                draft.chmod(target.stat().st_mode & 0o777)
            draft.replace(target)
    except BrokenPipeError:
        raise  # Who read the output went away; the command line ends quietly.
    except OSError as error:
        if error.filename not in (None, str(draft), str(target)):
            raise
        raise StartError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        if is_plain:
            with contextlib.suppress(OSError):
                draft.unlink()


def whole_csv(path: Path) -> contextlib.AbstractContextManager[IO[Any]]:
    """Opens a CSV file as `whole_file` does, with the mark by which spreadsheets know UTF-8."""
    return whole_file(path, encoding="utf-8-sig", newline="")

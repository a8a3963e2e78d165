"""Opens the store of what identity publishes, from the root that a configuration pins."""

from collections.abc import Collection
from pathlib import Path

from yibao.trust import QrError
from yibao.trust_store import TrustStore
from yibao_common.process.config import StartError
from yibao_common.process.plain_file import read_plain_file


def open_trust(
    root_file: Path, folder: Path | None, *, regions: Collection[str], section: str
) -> TrustStore:
    """Returns the store; `regions` are those whose status lists of devices are kept.

    `section` is where the configuration says `root_file` and `trust_folder`.

    Raises:
        StartError: the pinned root or the folder cannot be used.
    """
    try:
        first_root = read_plain_file(root_file)
    except OSError as error:
        raise StartError(
            f"{section}.root_file: {root_file}: cannot be read: {error.strerror}"
        ) from None
    try:
        return TrustStore(
            first_root=first_root,
            cache_folder=None if folder is None else folder / "cache",
            state_folder=None if folder is None else folder / "state",
            regions=regions,
        )
    except OSError as error:
        raise StartError(
            f"{section}.trust_folder: {folder}: cannot be used: {error.strerror}"
        ) from None
    except QrError as error:
        message = f"{section}.root_file: {root_file} is no root: {error.message}"
        raise StartError(message) from None

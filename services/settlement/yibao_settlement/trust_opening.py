"""Opens the store of trust that a configuration names, and tells whether it serves."""

import datetime as dt

from yibao.qr import QrError
from yibao.trust_store import TrustFolderError, TrustStore
from yibao_common.process.config import StartError
from yibao_common.process.plain_file import read_plain_file
from yibao_common.rpc.server_info import TrustState
from yibao_settlement.config import SettlementConfig


def open_trust_store(config: SettlementConfig) -> TrustStore:
    """Returns the store of trust of a configuration.

    Raises:
        StartError: the pinned root or the folder cannot be used.
    """
    identity = config.identity
    folder = identity.trust_folder
    try:
        first_root = read_plain_file(identity.root_file)
    except OSError as error:
        raise StartError(
            f"identity.root_file: {identity.root_file}: cannot be read: {error.strerror}"
        ) from None
    try:
        return TrustStore(
            first_root=first_root,
            cache_folder=None if folder is None else folder / "cache",
            state_folder=None if folder is None else folder / "state",
            regions=identity.regions,
        )
    except OSError as error:
        raise StartError(
            f"identity.trust_folder: {folder}: cannot be used: {error.strerror}"
        ) from None
    except QrError as error:
        message = f"identity.root_file: {identity.root_file} is no root: {error.message}"
        raise StartError(message) from None


def trust_state(store: TrustStore, now: dt.datetime) -> TrustState:
    """Returns what codes are judged by at present; a snapshot that is refused is not told."""
    try:
        snapshot = store.current(now=now)
    except QrError as error:
        return TrustState(0, None, error.message)
    except TrustFolderError:
        return TrustState(0, None, "the folder of trust cannot be read")
    return TrustState(snapshot.version, snapshot.issue_time, "")


def trust_problem(store: TrustStore, now: dt.datetime) -> str:
    """Returns why no code can be verified at present; nothing where they can."""
    return trust_state(store, now).problem

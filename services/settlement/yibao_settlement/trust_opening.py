"""Opens the store of trust that a configuration names, and tells whether it serves."""

import datetime as dt

from yibao.qr import QrError
from yibao.trust_store import TrustFolderError, TrustStore
from yibao_common.rpc.server_info import TrustState
from yibao_common.rpc.trust_opening import open_trust
from yibao_settlement.config import SettlementConfig


def open_trust_store(config: SettlementConfig) -> TrustStore:
    """Returns the store of trust of a configuration.

    Raises:
        StartError: the pinned root or the folder cannot be used.
    """
    identity = config.identity
    return open_trust(
        identity.root_file, identity.trust_folder, regions=identity.regions, section="identity"
    )


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

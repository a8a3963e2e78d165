"""Answers that hold names: sealed at rest, and their digests keyed."""

from collections.abc import Callable

import sqlalchemy as sa

from yibao_common.db.answers import answer_once
from yibao_common.db.database import Database
from yibao_common.keys.vault import Vault
from yibao_common.values.clock import Clock
from yibao_identity.storage import tables


def answer_sealed(
    database: Database,
    vault: Vault,
    *,
    region: str,
    request_id: str,
    digest: bytes,
    method: str,
    clock: Clock,
    work: Callable[[sa.Connection], bytes],
) -> bytes:
    """Returns the answer of `answer_once`, of which only a sealed form is stored."""
    place = f"{region}/answer/{request_id}"
    sealed = answer_once(
        database,
        tables.answer,
        region=region,
        request_id=request_id,
        # The request holds the citizen number, so its plain digest must not be stored.
        digest=vault.keyed_digest(digest),
        method=method,
        clock=clock,
        work=lambda connection: vault.seal(work(connection), place=place),
    )
    return vault.open(sealed, place=place)

"""Who reads: the caller of a request, and the person where it is one by an e-certificate."""

import functools
from typing import Protocol

from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_settlement.application.credential import Viewer, reads_by_certificate, viewer_of
from yibao_settlement.application.reading import Reads


class OwnRequest(Protocol):
    """A request that a holder may make of itself, or a channel for a holder."""

    region: str
    certificate_id: str


async def viewer_for(reads: Reads, blocking: Blocking, request: OwnRequest) -> Viewer:
    """Returns whose settlements the caller of a request may see; raises as `viewer_of`."""
    caller = current_caller()
    find = functools.partial(
        viewer_of, reads, request.region, caller, certificate_id=request.certificate_id
    )
    # Of others nothing is read, and nobody waits for a thread.
    return await blocking.run(find) if reads_by_certificate(caller) else find()

"""Asks settlement whether a card may be activated at its first use (I-25, I-26).

Visits and designated institutions are settlement's. It is asked before there is a
transaction, and what it answered comes along with the request, so that a repeated one gets
its first answer whether settlement can be asked again or not.
"""

from typing import Any, Protocol, cast

import grpc

from yibao.errors import error_of
from yibao.settlement.v1 import visit_service_pb2 as pb
from yibao.settlement.v1 import visit_service_pb2_grpc as rpc
from yibao_common.process.config import ServerConfig
from yibao_common.process.logs import Log
from yibao_common.rpc.channels import Peer, open_aio_channel
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.channel import Channel, channel_not_allowed

_DEADLINE_SECONDS = 2.0
# As which settlement knows who asks by its certificate.
ASKING = "identity"
_REFUSALS = {
    each.wire_name: each
    for each in (
        Reason.REGISTRATION_REQUIRED,
        Reason.INSTITUTION_NOT_DESIGNATED,
        Reason.OFFSITE_NOT_REGISTERED,
    )
}


class FirstUses(Protocol):
    """Tells whether cards may be activated at their first use."""

    def start(self) -> None:
        """Begins to be able to ask; inside the event loop."""
        ...

    async def refusal_of(self, question: pb.ValidateFirstUseRequest) -> RuleError | None:
        """Returns why a first use is refused, or None where it is confirmed."""
        ...

    async def close(self) -> None:
        """Ends what was begun."""
        ...


class NoFirstUses:
    """Where nobody can be asked, no card is activated at its first use."""

    def start(self) -> None:
        """Begins nothing."""

    async def refusal_of(self, question: pb.ValidateFirstUseRequest) -> RuleError | None:
        """Returns CHANNEL_NOT_ALLOWED."""
        is_pharmacy = question.institution_id.startswith("P")
        return channel_not_allowed(Channel.PHARMACY if is_pharmacy else Channel.HOSPITAL)

    async def close(self) -> None:
        """Ends nothing."""


class SettlementFirstUses:
    """Asks settlement."""

    def __init__(self, peer: Peer, *, own: ServerConfig, log: Log) -> None:
        """Takes where settlement is, and with whose certificate it is asked."""
        self._peer = peer
        self._own = own
        self._log = log
        self._channel: grpc.aio.Channel | None = None

    def start(self) -> None:
        """Opens the channel, which connects when it is needed."""
        self._channel = open_aio_channel(self._peer, own=self._own, service=ASKING, log=self._log)

    async def refusal_of(self, question: pb.ValidateFirstUseRequest) -> RuleError | None:
        """Returns settlement's refusal; FIRST_USE_UNCONFIRMED where it gives no answer."""
        assert self._channel is not None, "it was started"
        visits = cast("rpc.VisitServiceAsyncStub", rpc.VisitServiceStub(self._channel))
        try:
            await visits.ValidateFirstUse(question, timeout=_DEADLINE_SECONDS)
        except grpc.RpcError as error:
            told = error_of(error)
            reason = _REFUSALS.get(told.reason)
            if reason is not None:
                metadata: dict[str, Any] = dict(told.metadata)
                return RuleError(reason, told.message, **metadata)
            self._log.warning("a first use was not confirmed", code=told.code.name)
            return RuleError(
                Reason.FIRST_USE_UNCONFIRMED,
                "settlement gives no answer about the visit or the pharmacy",
            )
        return None

    async def close(self) -> None:
        """Closes the channel."""
        if self._channel is not None:
            await self._channel.close()

"""PersonService: links between relatives."""

import datetime as dt
from collections.abc import Mapping

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from yibao.identity.v1 import relative_messages_pb2 as pb
from yibao.identity.v1 import relative_pb2
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_date, from_instant, known, to_optional_date
from yibao_identity.application.relative import ConfirmLink, EndLink, Relatives, RequestLink
from yibao_identity.rules.relative import (
    LinkPurpose,
    LinkState,
    Relation,
    RelativeLink,
    SharingTerms,
)

_PURPOSES = {
    LinkPurpose.SHARE_ACCOUNT: relative_pb2.LINK_PURPOSE_SHARE_ACCOUNT,
    LinkPurpose.SHOW_CODE: relative_pb2.LINK_PURPOSE_SHOW_CODE,
}
_RELATIONS = {
    Relation.SPOUSE: relative_pb2.RELATION_SPOUSE,
    Relation.PARENT: relative_pb2.RELATION_PARENT,
    Relation.CHILD: relative_pb2.RELATION_CHILD,
    Relation.OTHER: relative_pb2.RELATION_OTHER,
    Relation.SIBLING: relative_pb2.RELATION_SIBLING,
    Relation.GRANDPARENT: relative_pb2.RELATION_GRANDPARENT,
    Relation.GRANDCHILD: relative_pb2.RELATION_GRANDCHILD,
}
_STATES = {
    LinkState.REQUESTED: relative_pb2.LINK_STATE_REQUESTED,
    LinkState.CONFIRMED: relative_pb2.LINK_STATE_CONFIRMED,
    LinkState.ENDED: relative_pb2.LINK_STATE_ENDED,
}
_PURPOSES_OF_WIRE: Mapping[int, LinkPurpose] = {
    wire: purpose for purpose, wire in _PURPOSES.items()
}
_RELATIONS_OF_WIRE: Mapping[int, Relation] = {
    wire: relation for relation, wire in _RELATIONS.items()
}


class RelativePart:
    """Asks for links, confirms, ends and reads them. Application checks whom a holder is."""

    def __init__(self, relatives: Relatives, blocking: Blocking) -> None:
        """Takes what answers; it blocks, so it runs in threads."""
        self._relatives = relatives
        self._blocking = blocking

    async def RequestRelativeLink(
        self,
        request: pb.RequestRelativeLinkRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.RequestRelativeLinkRequest, pb.RequestRelativeLinkResponse]"
        ),
    ) -> pb.RequestRelativeLinkResponse:
        """Asks a relative for a link."""
        purpose = known(_PURPOSES_OF_WIRE, request.purpose, field="purpose", what="purpose")
        relation = known(_RELATIONS_OF_WIRE, request.relation, field="relation", what="relation")
        command = RequestLink(
            request_of(request, "RequestRelativeLink"),
            request.person_id,
            request.relative_id,
            purpose,
            relation,
        )
        response = await self._blocking.run(self._relatives.request, command, _requested)
        return as_sent(pb.RequestRelativeLinkResponse, response)

    async def ConfirmRelativeLink(
        self,
        request: pb.ConfirmRelativeLinkRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.ConfirmRelativeLinkRequest, pb.ConfirmRelativeLinkResponse]"
        ),
    ) -> pb.ConfirmRelativeLinkResponse:
        """Agrees to a link."""
        command = ConfirmLink(
            request_of(request, "ConfirmRelativeLink"),
            request.link_id,
            request.relative_id,
            _terms_of(request),
        )
        response = await self._blocking.run(self._relatives.confirm, command, _confirmed)
        return as_sent(pb.ConfirmRelativeLinkResponse, response)

    async def EndRelativeLink(
        self,
        request: pb.EndRelativeLinkRequest,
        context: "grpc.aio.ServicerContext[pb.EndRelativeLinkRequest, pb.EndRelativeLinkResponse]",
    ) -> pb.EndRelativeLinkResponse:
        """Ends a link at once."""
        command = EndLink(
            request_of(request, "EndRelativeLink"), request.link_id, request.person_id
        )
        response = await self._blocking.run(self._relatives.end, command, _ended)
        return as_sent(pb.EndRelativeLinkResponse, response)

    async def ListRelativeLinks(
        self,
        request: pb.ListRelativeLinksRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListRelativeLinksRequest, pb.ListRelativeLinksResponse]"
        ),
    ) -> pb.ListRelativeLinksResponse:
        """Reads the links of a person."""
        caller = current_caller()
        caller.require_region(request.region)
        links = await self._blocking.run(
            self._relatives.list, request.region, request.person_id, caller
        )
        return pb.ListRelativeLinksResponse(links=map(_link_message, links))


def relation_message(relation: Relation) -> relative_pb2.Relation.ValueType:
    """Returns what a relative is to a person, as it is told."""
    return _RELATIONS[relation]


def _link_message(link: RelativeLink) -> relative_pb2.RelativeLink:
    message = relative_pb2.RelativeLink(
        link_id=link.link_id,
        region=link.region,
        person_id=link.person_id,
        relative_id=link.relative_id,
        purpose=_PURPOSES[link.purpose],
        relation=_RELATIONS[link.relation],
        state=_STATES[link.state],
        request_time=from_instant(link.request_time),
        confirm_time=_optional(link.confirm_time),
        end_time=_optional(link.end_time),
        first_date=None if link.first_date is None else from_date(link.first_date),
        last_date=None if link.last_date is None else from_date(link.last_date),
        consent_reference=link.consent_reference,
    )
    if link.payment_limit_fen is not None:
        message.payment_limit_fen = link.payment_limit_fen
    if link.year_limit_fen is not None:
        message.year_limit_fen = link.year_limit_fen
    return message


def _terms_of(request: pb.ConfirmRelativeLinkRequest) -> SharingTerms:
    return SharingTerms(
        to_optional_date(request, "first_date"),
        to_optional_date(request, "last_date"),
        request.payment_limit_fen if request.HasField("payment_limit_fen") else None,
        request.year_limit_fen if request.HasField("year_limit_fen") else None,
        request.consent_reference,
    )


def _optional(instant: dt.datetime | None) -> Timestamp | None:
    return None if instant is None else from_instant(instant)


def _requested(link: RelativeLink) -> bytes:
    return pb.RequestRelativeLinkResponse(link=_link_message(link)).SerializeToString()


def _confirmed(link: RelativeLink) -> bytes:
    return pb.ConfirmRelativeLinkResponse(link=_link_message(link)).SerializeToString()


def _ended(link: RelativeLink) -> bytes:
    return pb.EndRelativeLinkResponse(link=_link_message(link)).SerializeToString()

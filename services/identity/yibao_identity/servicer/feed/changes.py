"""PersonService: the feed of changes, for the services that follow it alone."""

import grpc

from yibao.identity.v1 import credential_pb2
from yibao.identity.v1 import person_service_pb2 as pb
from yibao_common.commands.feed_watch import FeedWatch
from yibao_common.rpc.feed import answered_page, require_reader
from yibao_common.rpc.wire import from_date
from yibao_identity.application.feed import EnrolmentChange, Feed
from yibao_identity.rules.credential import Credential, CredentialKind, CredentialState
from yibao_identity.rules.relative import RelativeLink
from yibao_identity.servicer.person.messages import covered_message, held_message
from yibao_identity.servicer.relative import relation_message

# The services that the feed is for.
FEED_READERS = ("settlement", "offsite")

_KIND = {
    CredentialKind.ECERT: credential_pb2.CREDENTIAL_KIND_ECERT,
    CredentialKind.CARD: credential_pb2.CREDENTIAL_KIND_CARD,
}
_CREDENTIAL_STATE = {
    CredentialState.USABLE: credential_pb2.CREDENTIAL_STATE_USABLE,
    CredentialState.NOT_ACTIVATED: credential_pb2.CREDENTIAL_STATE_NOT_ACTIVATED,
    CredentialState.RESTRICTED: credential_pb2.CREDENTIAL_STATE_RESTRICTED,
    CredentialState.LOST: credential_pb2.CREDENTIAL_STATE_LOST,
    CredentialState.SUSPENDED: credential_pb2.CREDENTIAL_STATE_SUSPENDED,
    CredentialState.REPLACED: credential_pb2.CREDENTIAL_STATE_REPLACED,
    CredentialState.CLOSED: credential_pb2.CREDENTIAL_STATE_CLOSED,
}


class FeedPart:
    """Reads what changed."""

    def __init__(self, feed: Feed, watch: FeedWatch) -> None:
        """Takes what answers, which blocks, and what waits for news and has the threads."""
        self._feed = feed
        self._watch = watch

    async def ListEnrolmentChanges(
        self,
        request: pb.ListEnrolmentChangesRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.ListEnrolmentChangesRequest, pb.ListEnrolmentChangesResponse]"
        ),
    ) -> pb.ListEnrolmentChangesResponse:
        """Reads what changed after a sequence number, and waits for it where asked to."""
        require_reader(*FEED_READERS)
        page = await answered_page(request, self._feed, self._watch)
        return pb.ListEnrolmentChangesResponse(
            changes=map(_change_message, page.changes),
            epoch=page.epoch,
            head_sequence=page.head_sequence,
            head_mark=page.head_mark,
            starts_anew=page.starts_anew,
        )


def _change_message(change: EnrolmentChange) -> pb.EnrolmentChange:
    """Returns a change of the feed: no number, and of the name no more than its beginning."""
    standing = change.standing
    return pb.EnrolmentChange(
        sequence=change.sequence,
        person_id=standing.person_id,
        birth_date=from_date(standing.birth_date),
        enrolments=map(covered_message, standing.enrolments),
        credentials=map(_credential_message, standing.credentials),
        merged_into=standing.merged_into or "",
        payer_ids=standing.payer_ids,
        death_date=None if standing.death_date is None else from_date(standing.death_date),
        diseases=map(held_message, standing.diseases),
        person_name_masked=standing.person_name_masked,
        gender=standing.gender.value,
        givers=map(_giver_message, standing.givers),
    )


def _giver_message(link: RelativeLink) -> pb.AccountGiver:
    message = pb.AccountGiver(
        giver_id=link.relative_id,
        link_id=link.link_id,
        relation=relation_message(link.relation),
        first_date=None if link.first_date is None else from_date(link.first_date),
        last_date=None if link.last_date is None else from_date(link.last_date),
    )
    if link.payment_limit_fen is not None:
        message.payment_limit_fen = link.payment_limit_fen
    if link.year_limit_fen is not None:
        message.year_limit_fen = link.year_limit_fen
    return message


def _credential_message(credential: Credential) -> credential_pb2.Credential:
    message = credential_pb2.Credential(
        subject=credential.subject,
        kind=_KIND[credential.kind],
        state=_CREDENTIAL_STATE[credential.state],
        revoked_device_certificate_ids=credential.revoked_device_certificate_ids,
        certificate_id=credential.certificate_id or "",
    )
    if credential.codes_since_time is not None:
        message.codes_since_time.FromDatetime(credential.codes_since_time)
    return message

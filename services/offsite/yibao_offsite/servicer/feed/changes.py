"""OffsiteFeedService: what settlement must know of registrations and holds."""

from collections.abc import Callable

import grpc

from yibao.offsite.v1 import offsite_feed_service_pb2 as pb
from yibao.offsite.v1 import offsite_feed_service_pb2_grpc as rpc
from yibao.offsite.v1 import registration_pb2
from yibao_common.commands.feed_watch import FeedWatch
from yibao_common.rpc.feed import answered_page, require_reader
from yibao_common.rpc.wire import from_date
from yibao_offsite.application.feed import Feed, OffsiteChange
from yibao_offsite.rules.feed import AuditHold, RegisteredCare

# The one service that the feed is for.
FEED_READER = "settlement"


# Returns the attestation of a hold of a region as it is told now: the stored one, unless the
# key that signed it signs no more.
AttestHold = Callable[[str, AuditHold], bytes]


class OffsiteFeedServicer(rpc.OffsiteFeedServiceServicer):
    """Reads what changed, and waits for it where asked to."""

    def __init__(self, feed: Feed, watch: FeedWatch, *, attest_hold: AttestHold) -> None:
        """Takes what answers, which blocks, and what waits for news and has the threads."""
        self._feed = feed
        self._watch = watch
        self._attest_hold = attest_hold

    async def ListOffsiteChanges(
        self,
        request: pb.ListOffsiteChangesRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListOffsiteChangesRequest, pb.ListOffsiteChangesResponse]"
        ),
    ) -> pb.ListOffsiteChangesResponse:
        """Reads what changed after a sequence number."""
        require_reader(FEED_READER)
        page = await answered_page(request, self._feed, self._watch)
        return pb.ListOffsiteChangesResponse(
            changes=[self._change_message(request.region, each) for each in page.changes],
            epoch=page.epoch,
            head_sequence=page.head_sequence,
            head_mark=page.head_mark,
            starts_anew=page.starts_anew,
        )

    def _change_message(self, region: str, change: OffsiteChange) -> pb.OffsiteChange:
        subject = change.subject
        if isinstance(subject, RegisteredCare):
            return pb.OffsiteChange(sequence=change.sequence, registration=_care_message(subject))
        attestation = self._attest_hold(region, subject)
        return pb.OffsiteChange(sequence=change.sequence, hold=_hold_message(subject, attestation))


def _care_message(told: RegisteredCare) -> pb.RegisteredCare:
    return pb.RegisteredCare(
        registration_id=told.registration_id,
        person_id=told.person_id,
        category=registration_pb2.RegistrationCategory.ValueType(told.category),
        treatment_region=told.treatment_region,
        terms=registration_pb2.OffsiteTerms.ValueType(told.terms),
        benefits=map(registration_pb2.OffsiteBenefit.ValueType, told.benefits),
        start_date=from_date(told.start_date),
        end_date=None if told.end_date is None else from_date(told.end_date),
        is_void=told.is_void,
        origin=registration_pb2.RegistrationOrigin.ValueType(told.origin),
        version=told.version,
    )


def _hold_message(told: AuditHold, attestation: bytes) -> pb.AuditHold:
    return pb.AuditHold(
        hold_id=told.hold_id,
        person_id=told.person_id,
        visit_id=told.visit_id,
        task_id=told.task_id,
        is_lifted=told.is_lifted,
        attestation=attestation,
        version=told.version,
    )

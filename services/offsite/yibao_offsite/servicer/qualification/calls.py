"""QualificationService: qualifications for chronic and special diseases."""

import grpc

from yibao.offsite.v1 import qualification_service_pb2 as pb
from yibao.offsite.v1 import qualification_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import id_place, page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_date, known, to_date, to_optional_date
from yibao_offsite.application.qualification.apply import (
    ApplyForQualification,
    HandInPapers,
    QualificationApplications,
    RenewQualification,
    WithdrawQualification,
)
from yibao_offsite.application.qualification.decide import (
    DecideQualification,
    Decision,
    EndQualification,
    QualificationDecisions,
    RetryQualification,
)
from yibao_offsite.application.qualification.find import QualificationBook
from yibao_offsite.application.qualification.rows import Wanted
from yibao_offsite.rules.qualification.qualification import (
    Application,
    CarryState,
    QualificationState,
)
from yibao_offsite.servicer.qualification.messages import (
    QualificationMessages,
    disease_message,
    event_message,
    papers_of,
)

_PAGE_SIZE, _PAGE_SIZE_MAX = 100, 500
_DECISIONS: dict[int, Decision] = {int(each): each for each in Decision}
_STATES: dict[int, QualificationState] = {int(each): each for each in QualificationState}
_CARRY_STATES: dict[int, CarryState] = {int(each): each for each in CarryState if each}


class QualificationServicer(rpc.QualificationServiceServicer):
    """Applies, decides and reads; everything blocks, so it runs in threads."""

    def __init__(
        self,
        applications: QualificationApplications,
        decisions: QualificationDecisions,
        book: QualificationBook,
        blocking: Blocking,
    ) -> None:
        """Takes what answers."""
        self._applications = applications
        self._decisions = decisions
        self._book = book
        self._messages = QualificationMessages(book)
        self._blocking = blocking

    async def ApplyForQualification(
        self,
        request: pb.ApplyForQualificationRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.ApplyForQualificationRequest, pb.ApplyForQualificationResponse]"
        ),
    ) -> pb.ApplyForQualificationResponse:
        """Applies for a qualification."""
        current_caller().require_institution(request.institution_id)
        command = ApplyForQualification(
            request_of(request, "ApplyForQualification"),
            Application(
                request.person_id,
                request.disease_code,
                request.institution_id,
                tuple(request.treating_institution_ids),
                request.diagnosis_code,
                request.diagnosis_basis,
                papers_of(request.papers),
                to_optional_date(request, "start_date"),
            ),
        )
        encode = self._messages.encoder(pb.ApplyForQualificationResponse)
        response = await self._blocking.run(self._applications.apply, command, encode)
        return as_sent(pb.ApplyForQualificationResponse, response)

    async def RenewQualification(
        self,
        request: pb.RenewQualificationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.RenewQualificationRequest, pb.RenewQualificationResponse]"
        ),
    ) -> pb.RenewQualificationResponse:
        """Applies for what follows a qualification."""
        current_caller().require_institution(request.institution_id)
        command = RenewQualification(
            request_of(request, "RenewQualification"),
            request.qualification_id,
            request.institution_id,
            request.diagnosis_code,
            request.diagnosis_basis,
            papers_of(request.papers),
        )
        encode = self._messages.encoder(pb.RenewQualificationResponse)
        response = await self._blocking.run(self._applications.renew, command, encode)
        return as_sent(pb.RenewQualificationResponse, response)

    async def HandInPapers(
        self,
        request: pb.HandInPapersRequest,
        context: "grpc.aio.ServicerContext[pb.HandInPapersRequest, pb.HandInPapersResponse]",
    ) -> pb.HandInPapersResponse:
        """Hands in papers of an application that was returned."""
        command = HandInPapers(
            request_of(request, "HandInPapers"),
            request.qualification_id,
            papers_of(request.papers),
        )
        encode = self._messages.encoder(pb.HandInPapersResponse)
        response = await self._blocking.run(self._applications.hand_in, command, encode)
        return as_sent(pb.HandInPapersResponse, response)

    async def WithdrawQualification(
        self,
        request: pb.WithdrawQualificationRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.WithdrawQualificationRequest, pb.WithdrawQualificationResponse]"
        ),
    ) -> pb.WithdrawQualificationResponse:
        """Withdraws an application."""
        command = WithdrawQualification(
            request_of(request, "WithdrawQualification"),
            request.qualification_id,
            request.explanation,
        )
        encode = self._messages.encoder(pb.WithdrawQualificationResponse)
        response = await self._blocking.run(self._applications.withdraw, command, encode)
        return as_sent(pb.WithdrawQualificationResponse, response)

    async def DecideQualification(
        self,
        request: pb.DecideQualificationRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.DecideQualificationRequest, pb.DecideQualificationResponse]"
        ),
    ) -> pb.DecideQualificationResponse:
        """Approves, rejects or returns an application."""
        command = DecideQualification(
            request_of(request, "DecideQualification"),
            request.qualification_id,
            known(_DECISIONS, request.decision, field="decision", what="decision"),
            request.explanation,
            tuple(request.returned_paper_codes),
            to_optional_date(request, "end_date"),
        )
        encode = self._messages.encoder(pb.DecideQualificationResponse)
        response = await self._blocking.run(self._decisions.decide, command, encode)
        return as_sent(pb.DecideQualificationResponse, response)

    async def EndQualification(
        self,
        request: pb.EndQualificationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.EndQualificationRequest, pb.EndQualificationResponse]"
        ),
    ) -> pb.EndQualificationResponse:
        """Gives a qualification its last day."""
        command = EndQualification(
            request_of(request, "EndQualification"),
            request.qualification_id,
            to_date(request.end_date),
            request.explanation,
        )
        encode = self._messages.encoder(pb.EndQualificationResponse)
        response = await self._blocking.run(self._decisions.end, command, encode)
        return as_sent(pb.EndQualificationResponse, response)

    async def RetryQualification(
        self,
        request: pb.RetryQualificationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.RetryQualificationRequest, pb.RetryQualificationResponse]"
        ),
    ) -> pb.RetryQualificationResponse:
        """Has identity told again of what it refused."""
        command = RetryQualification(
            request_of(request, "RetryQualification"),
            request.qualification_id,
            request.explanation,
        )
        encode = self._messages.encoder(pb.RetryQualificationResponse)
        response = await self._blocking.run(self._decisions.retry, command, encode)
        return as_sent(pb.RetryQualificationResponse, response)

    async def GetQualification(
        self,
        request: pb.GetQualificationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.GetQualificationRequest, pb.GetQualificationResponse]"
        ),
    ) -> pb.GetQualificationResponse:
        """Reads a qualification with what happened to it."""
        caller = current_caller()
        caller.require_region(request.region)
        found, events = await self._blocking.run(
            self._book.find, request.region, request.qualification_id, caller
        )
        return pb.GetQualificationResponse(
            qualification=self._messages.message(found), events=map(event_message, events)
        )

    async def ListQualifications(
        self,
        request: pb.ListQualificationsRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListQualificationsRequest, pb.ListQualificationsResponse]"
        ),
    ) -> pb.ListQualificationsResponse:
        """Lists qualifications, the one applied for first at the head."""
        caller = current_caller()
        caller.require_region(request.region)
        after = place_after(request, request.page_token, id_place)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._book.page,
            request.region,
            _wanted(request),
            caller,
            after=after,
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, page[-1].qualification_id) if len(found) > size else ""
        return pb.ListQualificationsResponse(
            qualifications=map(self._messages.message, page), next_page_token=token
        )

    async def ListChronicDiseases(
        self,
        request: pb.ListChronicDiseasesRequest,
        context: (
            "grpc.aio.ServicerContext"
            "[pb.ListChronicDiseasesRequest, pb.ListChronicDiseasesResponse]"
        ),
    ) -> pb.ListChronicDiseasesResponse:
        """Reads the diseases that a region qualifies for."""
        current_caller().require_region(request.region)
        found = self._book.diseases(request.region, to_optional_date(request, "list_date"))
        start = found.start_date
        return pb.ListChronicDiseasesResponse(
            diseases=map(disease_message, found.diseases.values()),
            list_start_date=None if start is None else from_date(start),
        )


def _wanted(request: pb.ListQualificationsRequest) -> Wanted:
    state = carry_state = None
    if request.state:
        state = known(_STATES, request.state, field="state", what="state")
    if request.carry_state:
        carry_state = known(
            _CARRY_STATES, request.carry_state, field="carry_state", what="carry state"
        )
    return Wanted(
        person_ids=(request.person_id,) if request.person_id else (),
        disease_code=request.disease_code,
        state=state,
        carry_state=carry_state,
        latest_end_date=to_optional_date(request, "latest_end_date"),
    )

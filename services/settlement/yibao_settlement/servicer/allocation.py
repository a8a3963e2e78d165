"""AllocationService: months are credited to accounts by rules that two operators approved."""

from collections.abc import Callable
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from yibao.settlement.v1 import allocation_pb2 as messages
from yibao.settlement.v1 import allocation_service_pb2 as pb
from yibao.settlement.v1 import allocation_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import id_place, page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_instant
from yibao_settlement.application.allocation.orders import (
    Allocations,
    ImportContributions,
    Imported,
    StartAllocation,
    SubmitCreditPolicy,
    ToldAllocation,
)
from yibao_settlement.files.benefit.credit import load_credit_policy
from yibao_settlement.rules.allocation import (
    AllocatedPerson,
    AllocatedState,
    StoredCreditPolicy,
)

_PAGE_SIZE, _PAGE_SIZE_MAX = 20, 100
_PERSONS, _PERSONS_MAX = 100, 1_000

MessageT = TypeVar("MessageT", bound=Message)


class AllocationServicer(rpc.AllocationServiceServicer):
    """Keeps rules and contributions, begins and reads allocations, in threads."""

    def __init__(self, allocations: Allocations, blocking: Blocking) -> None:
        """Takes what answers."""
        self._allocations = allocations
        self._blocking = blocking

    async def SubmitCreditPolicy(
        self,
        request: pb.SubmitCreditPolicyRequest,
        context: (
            "grpc.aio.ServicerContext[pb.SubmitCreditPolicyRequest, pb.SubmitCreditPolicyResponse]"
        ),
    ) -> pb.SubmitCreditPolicyResponse:
        """Submits rules as a draft."""
        asked = request_of(request, "SubmitCreditPolicy")
        policy = await self._blocking.run(
            load_credit_policy, request.policy_file, name="policy_file"
        )
        command = SubmitCreditPolicy(
            asked,
            policy.version,
            request.insurance_type,
            request.start_month,
            request.policy_file,
        )
        response = await self._blocking.run(
            self._allocations.submit, command, policy_encoder(pb.SubmitCreditPolicyResponse)
        )
        return as_sent(pb.SubmitCreditPolicyResponse, response)

    async def ApproveCreditPolicy(
        self,
        request: pb.ApproveCreditPolicyRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ApproveCreditPolicyRequest, pb.ApproveCreditPolicyResponse]"
        ),
    ) -> pb.ApproveCreditPolicyResponse:
        """Approves a draft."""
        response = await self._blocking.run(
            self._allocations.approve,
            request_of(request, "ApproveCreditPolicy"),
            request.policy_version,
            policy_encoder(pb.ApproveCreditPolicyResponse),
        )
        return as_sent(pb.ApproveCreditPolicyResponse, response)

    async def ListCreditPolicies(
        self,
        request: pb.ListCreditPoliciesRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListCreditPoliciesRequest, pb.ListCreditPoliciesResponse]"
        ),
    ) -> pb.ListCreditPoliciesResponse:
        """Lists rules, by their versions."""
        current_caller().require_region(request.region)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._allocations.policies,
            request.region,
            after=place_after(request, request.page_token, _version_place),
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, page[-1].policy_version) if len(found) > size else ""
        return pb.ListCreditPoliciesResponse(
            credit_policies=map(_policy_message, page), next_page_token=token
        )

    async def ImportContributions(
        self,
        request: pb.ImportContributionsRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ImportContributionsRequest, pb.ImportContributionsResponse]"
        ),
    ) -> pb.ImportContributionsResponse:
        """Stores what contributions of a month were paid of."""
        command = ImportContributions(
            request_of(request, "ImportContributions"),
            request.insurance_type,
            request.month,
            tuple((each.person_id, each.base_fen) for each in request.contributions),
        )
        response = await self._blocking.run(self._allocations.contribute, command, imported)
        return as_sent(pb.ImportContributionsResponse, response)

    async def StartAllocation(
        self,
        request: pb.StartAllocationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.StartAllocationRequest, pb.StartAllocationResponse]"
        ),
    ) -> pb.StartAllocationResponse:
        """Begins the allocation of a month."""
        command = StartAllocation(
            request_of(request, "StartAllocation"), request.insurance_type, request.month
        )
        response = await self._blocking.run(
            self._allocations.start, command, allocation_encoder(pb.StartAllocationResponse)
        )
        return as_sent(pb.StartAllocationResponse, response)

    async def GetAllocation(
        self,
        request: pb.GetAllocationRequest,
        context: "grpc.aio.ServicerContext[pb.GetAllocationRequest, pb.GetAllocationResponse]",
    ) -> pb.GetAllocationResponse:
        """Reads an allocation and how far it is."""
        current_caller().require_region(request.region)
        told = await self._blocking.run(
            self._allocations.find, request.region, request.allocation_id
        )
        return pb.GetAllocationResponse(allocation=_message(told))

    async def ListAllocations(
        self,
        request: pb.ListAllocationsRequest,
        context: "grpc.aio.ServicerContext[pb.ListAllocationsRequest, pb.ListAllocationsResponse]",
    ) -> pb.ListAllocationsResponse:
        """Lists allocations, the one begun last at the head."""
        current_caller().require_region(request.region)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._allocations.page,
            request.region,
            before=place_after(request, request.page_token, id_place),
            limit=size + 1,
        )
        page = found[:size]
        is_last = len(found) <= size
        token = "" if is_last else page_token(request, page[-1].allocation.allocation_id)
        return pb.ListAllocationsResponse(allocations=map(_message, page), next_page_token=token)

    async def ListAllocatedPersons(
        self,
        request: pb.ListAllocatedPersonsRequest,
        context: (
            "grpc.aio.ServicerContext["
            "pb.ListAllocatedPersonsRequest, pb.ListAllocatedPersonsResponse]"
        ),
    ) -> pb.ListAllocatedPersonsResponse:
        """Lists what an allocation did for each person."""
        current_caller().require_region(request.region)
        size = min(request.page_size or _PERSONS, _PERSONS_MAX)
        found = await self._blocking.run(
            self._allocations.persons,
            request.region,
            request.allocation_id,
            [AllocatedState(request.state)] if request.state else [],
            after=place_after(request, request.page_token, id_place),
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, page[-1].person_id) if len(found) > size else ""
        return pb.ListAllocatedPersonsResponse(
            persons=map(_person_message, page), next_page_token=token
        )


def policy_encoder(kind: type[MessageT]) -> Callable[[StoredCreditPolicy], bytes]:
    """Returns what writes an answer that holds rules, as a SubmitCreditPolicyResponse."""
    return lambda policy: kind(credit_policy=_policy_message(policy)).SerializeToString()


def allocation_encoder(kind: type[MessageT]) -> Callable[[ToldAllocation], bytes]:
    """Returns what writes an answer that holds an allocation, as a StartAllocationResponse."""
    return lambda told: kind(allocation=_message(told)).SerializeToString()


def imported(told: Imported) -> bytes:
    """Returns a serialized ImportContributionsResponse."""
    return pb.ImportContributionsResponse(
        added_count=told.added, changed_count=told.changed, unchanged_count=told.unchanged
    ).SerializeToString()


def _version_place(text: str) -> str:
    """Returns a version as a page token holds it; raises ValueError for something else."""
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise ValueError(text)
    return text


def _policy_message(policy: StoredCreditPolicy) -> messages.CreditPolicy:
    is_draft = policy.approve_time is None
    message = messages.CreditPolicy(
        policy_version=policy.policy_version,
        region=policy.region,
        insurance_type=policy.insurance_type,
        start_month=policy.start_month,
        state=(
            messages.CREDIT_POLICY_STATE_DRAFT
            if is_draft
            else messages.CREDIT_POLICY_STATE_APPROVED
        ),
        maker=policy.maker,
        submit_time=from_instant(policy.submit_time),
        checker=policy.checker or "",
    )
    if policy.approve_time is not None:
        message.approve_time.CopyFrom(from_instant(policy.approve_time))
    return message


def _message(told: ToldAllocation) -> messages.Allocation:
    allocation = told.allocation
    is_over = allocation.finish_time is not None
    message = messages.Allocation(
        allocation_id=allocation.allocation_id,
        region=allocation.region,
        insurance_type=allocation.insurance_type,
        month=allocation.month,
        policy_version=allocation.policy_version,
        state=(
            messages.ALLOCATION_STATE_FINISHED if is_over else messages.ALLOCATION_STATE_RUNNING
        ),
        maker=allocation.maker,
        start_time=from_instant(allocation.start_time),
        person_count=sum(each.person_count for each in told.sums),
        counts=[
            messages.AllocatedCount(
                state=messages.AllocatedPersonState.ValueType(each.state),
                person_count=each.person_count,
                amount_fen=each.amount_fen,
            )
            for each in told.sums
        ],
        waiting_count=told.waiting_count or 0,
    )
    if allocation.finish_time is not None:
        message.finish_time.CopyFrom(from_instant(allocation.finish_time))
    return message


def _person_message(person: AllocatedPerson) -> messages.AllocatedPerson:
    return messages.AllocatedPerson(
        person_id=person.person_id,
        state=messages.AllocatedPersonState.ValueType(person.state),
        base_fen=person.base_fen,
        amount_fen=person.amount_fen,
        credit_id=person.credit_id or "",
    )

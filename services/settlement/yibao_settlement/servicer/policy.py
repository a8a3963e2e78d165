"""PolicyService: benefit policies from draft to force."""

import datetime as dt
import time
from collections.abc import AsyncIterator, Mapping

import grpc

from yibao.settlement.v1 import policy_service_pb2 as pb
from yibao.settlement.v1 import policy_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import page_token, place_after
from yibao_common.rpc.party_turns import PartyTurns
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_date, from_instant, to_date, to_optional_date
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.policy import (
    ApprovePolicy,
    Policies,
    PolicyPlace,
    PolicyWish,
    SubmitPolicy,
    WithdrawPolicy,
    check_region,
)
from yibao_settlement.application.simulation import Period, SettledHistory, Simulation
from yibao_settlement.files.benefit.check import BenefitWarning
from yibao_settlement.files.policy.any_file import load_any_policy
from yibao_settlement.files.policy.check import PolicyWarning, check_policy
from yibao_settlement.files.policy.file import line_and_key
from yibao_settlement.files.policy.mistakes_zh import in_both_languages
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.any_words import words_of
from yibao_settlement.rules.policy.difference import differences
from yibao_settlement.rules.policy.told import Told, tell_policy
from yibao_settlement.rules.policy.version import PolicyState, PolicyVersion
from yibao_settlement.servicer.simulation import progress_message, result_message

# What faults call the file that a request brings.
_FILE = "policy_file"
# So many, and so long, fit into the largest message that clients take by default: 4 MiB.
_REMARKS_MAX, _REMARK_BYTES_MAX = 5_000, 3_500_000
_PAGE_SIZE, _PAGE_SIZE_MAX = 100, 500
# How often it is told how far a simulation is.
_PROGRESS_SECONDS = 1.0
# What each state of a request asks of policies: their state, and whether the last day is over.
_LISTED_STATES: Mapping[int, tuple[PolicyState | None, bool | None]] = {
    pb.POLICY_STATE_UNSPECIFIED: (None, None),
    pb.POLICY_STATE_DRAFT: (PolicyState.DRAFT, None),
    pb.POLICY_STATE_ACTIVE: (PolicyState.ACTIVE, False),
    pb.POLICY_STATE_ENDED: (PolicyState.ACTIVE, True),
    pb.POLICY_STATE_WITHDRAWN: (PolicyState.WITHDRAWN, None),
}


class PolicyServicer(rpc.PolicyServiceServicer):
    """Validates, submits, approves and reads policies."""

    def __init__(
        self, policies: Policies, history: SettledHistory, blocking: Blocking, *, clock: Clock
    ) -> None:
        """Takes what answers."""
        self._policies = policies
        self._history = history
        self._simulating = PartyTurns()
        self._clock = clock
        self._blocking = blocking

    async def ValidatePolicy(
        self,
        request: pb.ValidatePolicyRequest,
        context: "grpc.aio.ServicerContext[pb.ValidatePolicyRequest, pb.ValidatePolicyResponse]",
    ) -> pb.ValidatePolicyResponse:
        """Checks a policy file and stores nothing."""
        return await self._blocking.run(_checked, request.policy_file)

    async def SubmitPolicy(
        self,
        request: pb.SubmitPolicyRequest,
        context: "grpc.aio.ServicerContext[pb.SubmitPolicyRequest, pb.SubmitPolicyResponse]",
    ) -> pb.SubmitPolicyResponse:
        """Submits a policy file as a draft."""
        asked = request_of(request, "SubmitPolicy")
        policy = await self._read(request.policy_file)
        response = await self._blocking.run(
            self._policies.submit,
            SubmitPolicy(asked, policy, request.policy_file),
            lambda version: pb.SubmitPolicyResponse(
                policy=_message(request.region, version)
            ).SerializeToString(),
        )
        return as_sent(pb.SubmitPolicyResponse, response)

    async def ApprovePolicy(
        self,
        request: pb.ApprovePolicyRequest,
        context: "grpc.aio.ServicerContext[pb.ApprovePolicyRequest, pb.ApprovePolicyResponse]",
    ) -> pb.ApprovePolicyResponse:
        """Puts a draft in force."""
        response = await self._blocking.run(
            self._policies.approve,
            ApprovePolicy(request_of(request, "ApprovePolicy"), request.policy_version),
            lambda approved: pb.ApprovePolicyResponse(
                policy=_message(request.region, approved.policy),
                settled_bills=approved.settled.count,
                settlement_ids=approved.settled.settlement_ids,
                item_codes=approved.item_codes,
                ended=[_message(request.region, each) for each in approved.ended],
            ).SerializeToString(),
        )
        return as_sent(pb.ApprovePolicyResponse, response)

    async def WithdrawPolicy(
        self,
        request: pb.WithdrawPolicyRequest,
        context: "grpc.aio.ServicerContext[pb.WithdrawPolicyRequest, pb.WithdrawPolicyResponse]",
    ) -> pb.WithdrawPolicyResponse:
        """Takes back a policy that decided nothing."""
        response = await self._blocking.run(
            self._policies.withdraw,
            WithdrawPolicy(request_of(request, "WithdrawPolicy"), request.policy_version),
            lambda withdrawal: pb.WithdrawPolicyResponse(
                policy=_message(request.region, withdrawal.withdrawn),
                reopened=[_message(request.region, each) for each in withdrawal.reopened],
            ).SerializeToString(),
        )
        return as_sent(pb.WithdrawPolicyResponse, response)

    async def GetPolicy(
        self,
        request: pb.GetPolicyRequest,
        context: "grpc.aio.ServicerContext[pb.GetPolicyRequest, pb.GetPolicyResponse]",
    ) -> pb.GetPolicyResponse:
        """Reads a policy with its file."""
        caller = current_caller()
        caller.require_region(request.region)
        found = await self._blocking.run(
            self._policies.find, request.region, request.policy_version, caller
        )
        return pb.GetPolicyResponse(
            policy=self._as_of_today(request.region, found), policy_file=found.policy_file
        )

    async def ListPolicies(
        self,
        request: pb.ListPoliciesRequest,
        context: "grpc.aio.ServicerContext[pb.ListPoliciesRequest, pb.ListPoliciesResponse]",
    ) -> pb.ListPoliciesResponse:
        """Lists policies without their files, the one that begins last first."""
        caller = current_caller()
        caller.require_region(request.region)
        state, is_ended = _LISTED_STATES[request.state]
        wish = PolicyWish(
            today=self._today(),
            insurance_type=request.insurance_type or None,
            state=state,
            is_ended=is_ended,
            day=to_optional_date(request, "date"),
        )
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._policies.page,
            request.region,
            wish,
            caller,
            after=place_after(request, request.page_token, _place_of),
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        return pb.ListPoliciesResponse(
            policies=[self._as_of_today(request.region, each) for each in page],
            next_page_token=page_token(request, _place_text(page[-1])) if len(found) > size else "",
        )

    async def DescribePolicy(
        self,
        request: pb.DescribePolicyRequest,
        context: "grpc.aio.ServicerContext[pb.DescribePolicyRequest, pb.DescribePolicyResponse]",
    ) -> pb.DescribePolicyResponse:
        """Tells a stored policy in words."""
        caller = current_caller()
        caller.require_region(request.region)
        found, policy = await self._blocking.run(
            self._stored, request.region, request.policy_version, caller
        )
        words = words_of(policy)
        return pb.DescribePolicyResponse(
            policy=self._as_of_today(request.region, found),
            rows=[_row(each) for each in tell_policy(policy)],
            words_zh=words.zh,
            words_en=words.en,
        )

    async def DiffPolicies(
        self,
        request: pb.DiffPoliciesRequest,
        context: "grpc.aio.ServicerContext[pb.DiffPoliciesRequest, pb.DiffPoliciesResponse]",
    ) -> pb.DiffPoliciesResponse:
        """Tells what two stored policies say differently."""
        caller = current_caller()
        caller.require_region(request.region)
        versions = (request.before_policy_version, request.after_policy_version)
        (_, before), (_, after) = [
            await self._blocking.run(self._stored, request.region, version, caller)
            for version in versions
        ]
        return pb.DiffPoliciesResponse(
            differences=[
                pb.PolicyDifference(
                    change=pb.PolicyChange.ValueType(each.change.value),
                    before=None if each.before is None else _row(each.before),
                    after=None if each.after is None else _row(each.after),
                )
                for each in differences(before, after)
            ]
        )

    async def SimulatePolicy(
        self,
        request: pb.SimulatePolicyRequest,
        context: "grpc.aio.ServicerContext[pb.SimulatePolicyRequest, pb.SimulatePolicyResponse]",
    ) -> AsyncIterator[pb.SimulatePolicyResponse]:
        """Tries a policy on settled bills, and tells how far it is."""
        caller = current_caller()
        caller.require_region(request.region)
        start_date, end_date = to_date(request.start_date), to_date(request.end_date)
        if end_date < start_date:
            raise _field_fault("end_date", Reason.FIELD_OUT_OF_RANGE, "lies before start_date")
        policy = await self._tried(request)
        period = Period(policy.insurance_type, start_date, end_date)
        # One at a time: it would take the interpreter from the bills.
        async with self._simulating.turn(caller.party):
            simulation = await self._blocking.run(
                Simulation, self._history, request.region, policy, period
            )
            told_at = -_PROGRESS_SECONDS
            while await self._blocking.run(simulation.advance):
                # So few fit into buffers: who reads none keeps nobody waiting for the turn.
                if time.monotonic() - told_at >= _PROGRESS_SECONDS:
                    told_at = time.monotonic()
                    yield progress_message(simulation)
        yield result_message(simulation.tally)

    async def _tried(self, request: pb.SimulatePolicyRequest) -> AnyPolicy:
        """Returns the policy to be tried.

        Raises RuleError FIELD_REQUIRED, FIELD_MALFORMED, POLICY_VERSION_UNKNOWN,
        POLICY_FILE_INVALID, OUT_OF_SCOPE.
        """
        if request.policy_version and request.policy_file:
            message = "stands not beside policy_version"
            raise _field_fault("policy_file", Reason.FIELD_MALFORMED, message)
        if request.policy_version:
            stored = (request.region, request.policy_version, current_caller())
            _, policy = await self._blocking.run(self._stored, *stored)
            return policy
        if not request.policy_file:
            raise _field_fault(
                "policy_version", Reason.FIELD_REQUIRED, "or policy_file is required"
            )
        policy = await self._read(request.policy_file)
        check_region(policy, request.region)
        return policy

    def _stored(
        self, region: str, policy_version: str, caller: Caller
    ) -> tuple[PolicyVersion, AnyPolicy]:
        """Returns a stored policy and what it says. Raises RuleError POLICY_VERSION_UNKNOWN."""
        found = self._policies.find(region, policy_version, caller)
        return found, load_any_policy(found.policy_file, name=policy_version)

    def _as_of_today(self, region: str, version: PolicyVersion) -> pb.Policy:
        """Returns a policy as lists and reads tell it: one whose last day is over has ended."""
        message = _message(region, version)
        if version.is_ended(self._today()):
            message.state = pb.POLICY_STATE_ENDED
        return message

    def _today(self) -> dt.date:
        return shanghai_day(self._clock())

    async def _read(self, policy_file: bytes) -> AnyPolicy:
        """Returns the policy in a file. Raises RuleError POLICY_FILE_INVALID."""
        return await self._blocking.run(_load, policy_file)


def _load(policy_file: bytes) -> AnyPolicy:
    """Returns the policy in a file; a mistake is told in both languages.

    Raises RuleError POLICY_FILE_INVALID.
    """
    try:
        return load_any_policy(policy_file, name=_FILE)
    except RuleError as refusal:
        told = in_both_languages(refusal.faults[:_REMARKS_MAX])
        refuse_faults(told, total=refusal.faults_total)
        raise


def _checked(policy_file: bytes) -> pb.ValidatePolicyResponse:
    found = check_policy(policy_file, name=_FILE)
    response = pb.ValidatePolicyResponse(
        warnings=[_warning(warning) for warning in found.warnings[:_REMARKS_MAX]],
        fault_count=len(found.faults),
        warning_count=len(found.warnings),
    )
    size = 0
    for fault in in_both_languages(found.faults[:_REMARKS_MAX]):
        remark = _fault(fault)
        size += remark.ByteSize()
        if size > _REMARK_BYTES_MAX:
            break
        response.faults.append(remark)
    if found.policy is not None:
        response.policy_version = found.policy.version
        response.words_zh, response.words_en = words_of(found.policy)
    return response


def _fault(fault: FieldFault) -> pb.PolicyRemark:
    line, key = line_and_key(fault, name=_FILE)
    message_zh = fault.message_zh or fault.reason.message_zh
    return pb.PolicyRemark(line=line, key=key, message=fault.message, message_zh=message_zh)


def _warning(warning: PolicyWarning | BenefitWarning) -> pb.PolicyRemark:
    return pb.PolicyRemark(
        line=warning.line,
        key=warning.key,
        message=warning.message,
        message_zh=warning.message_zh,
        kind=warning.kind.value if isinstance(warning, BenefitWarning) else "",
    )


def _message(region: str, version: PolicyVersion) -> pb.Policy:
    return pb.Policy(
        policy_version=version.policy_version,
        policy_id=version.policy_id,
        region=region,
        insurance_type=version.insurance_type,
        state=pb.PolicyState.ValueType(version.state.value),
        start_date=from_date(version.start_date),
        end_date=None if version.end_date is None else from_date(version.end_date),
        maker=version.maker,
        checker=version.checker,
        submit_time=from_instant(version.submit_time),
        approve_time=(None if version.approve_time is None else from_instant(version.approve_time)),
        withdrawer=version.withdrawer,
        withdraw_time=(
            None if version.withdraw_time is None else from_instant(version.withdraw_time)
        ),
    )


def _row(told: Told) -> pb.PolicyRow:
    return pb.PolicyRow(
        owner=told.owner, text_zh=told.text_zh, text_en=told.text_en, clause=told.clause
    )


def _field_fault(field: str, reason: Reason, message: str) -> RuleError:
    return RuleError(reason, f"{field}: {message}", faults=[FieldFault(field, reason, message)])


def _place_text(version: PolicyVersion) -> str:
    """Returns a policy's place as a page's token holds it."""
    return f"{version.start_date.isoformat()}/{version.policy_version}"


def _place_of(text: str) -> PolicyPlace:
    """Returns the place that a page's token holds; see `place_after`.

    Raises ValueError where the text is not as `_place_text` writes it.
    """
    day, _, version = text.partition("/")
    place = PolicyPlace(dt.date.fromisoformat(day), version)
    if f"{place.start_date.isoformat()}/{version}" != text:
        raise ValueError(text)
    return place

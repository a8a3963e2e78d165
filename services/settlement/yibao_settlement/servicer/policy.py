"""PolicyService: benefit policies from draft to force."""

import grpc

from yibao.settlement.v1 import policy_service_pb2 as pb
from yibao.settlement.v1 import policy_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_date, from_instant
from yibao_settlement.application.policy import ApprovePolicy, Policies, SubmitPolicy
from yibao_settlement.files.benefit.check import BenefitWarning
from yibao_settlement.files.policy.any_file import load_any_policy
from yibao_settlement.files.policy.check import PolicyCheck, PolicyWarning, check_policy
from yibao_settlement.files.policy.file import line_and_key
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.any_words import words_of
from yibao_settlement.rules.policy.version import PolicyVersion

# What faults call the file that a request brings.
_FILE = "policy_file"
# So many fit into the largest message that clients take by default.
_REMARKS_MAX = 5_000


class PolicyServicer(rpc.PolicyServiceServicer):
    """Validates, submits, approves and reads policies."""

    def __init__(self, policies: Policies, blocking: Blocking) -> None:
        """Takes what answers."""
        self._policies = policies
        self._blocking = blocking

    async def ValidatePolicy(
        self,
        request: pb.ValidatePolicyRequest,
        context: "grpc.aio.ServicerContext[pb.ValidatePolicyRequest, pb.ValidatePolicyResponse]",
    ) -> pb.ValidatePolicyResponse:
        """Checks a policy file and stores nothing."""
        found = await self._blocking.run(check_policy, request.policy_file, name=_FILE)
        return _checked(found)

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
            ).SerializeToString(),
        )
        return as_sent(pb.ApprovePolicyResponse, response)

    async def GetPolicy(
        self,
        request: pb.GetPolicyRequest,
        context: "grpc.aio.ServicerContext[pb.GetPolicyRequest, pb.GetPolicyResponse]",
    ) -> pb.GetPolicyResponse:
        """Reads a policy with its file."""
        current_caller().require_region(request.region)
        found = await self._blocking.run(
            self._policies.find, request.region, request.policy_version
        )
        return pb.GetPolicyResponse(
            policy=_message(request.region, found), policy_file=found.policy_file
        )

    async def _read(self, policy_file: bytes) -> AnyPolicy:
        """Returns the policy in a file. Raises RuleError POLICY_FILE_INVALID."""
        return await self._blocking.run(load_any_policy, policy_file, name=_FILE)


def _checked(found: PolicyCheck) -> pb.ValidatePolicyResponse:
    response = pb.ValidatePolicyResponse(
        warnings=[_warning(warning) for warning in found.warnings[:_REMARKS_MAX]],
        fault_count=len(found.faults),
        warning_count=len(found.warnings),
    )
    for fault in found.faults[:_REMARKS_MAX]:
        line, key = line_and_key(fault, name=_FILE)
        response.faults.add(
            line=line, key=key, message=fault.message, message_zh=fault.reason.message_zh
        )
    if found.policy is not None:
        response.policy_version = found.policy.version
        response.words_zh, response.words_en = words_of(found.policy)
    return response


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
    )

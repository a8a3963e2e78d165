"""PolicyService: benefit policies from draft to force."""

import grpc

from yibao.settlement.v1 import policy_service_pb2 as pb
from yibao.settlement.v1 import policy_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.request import request_digest
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.ports import Policies, RequestKey
from yibao_settlement.application.records import StoredPolicy


class PolicyServicer(rpc.PolicyServiceServicer):
    """Validates, submits, approves and reads policies."""

    def __init__(self, policies: Policies, blocking: Blocking) -> None:
        """Takes the store."""
        self._policies = policies
        self._blocking = blocking

    async def ValidatePolicy(
        self,
        request: pb.ValidatePolicyRequest,
        context: "grpc.aio.ServicerContext[pb.ValidatePolicyRequest, pb.ValidatePolicyResponse]",
    ) -> pb.ValidatePolicyResponse:
        """Checks a policy file and stores nothing."""
        policy = await self._blocking.run(self._policies.load, request.policy_file)
        return pb.ValidatePolicyResponse(policy_version=policy.version)

    async def SubmitPolicy(
        self,
        request: pb.SubmitPolicyRequest,
        context: "grpc.aio.ServicerContext[pb.SubmitPolicyRequest, pb.SubmitPolicyResponse]",
    ) -> pb.SubmitPolicyResponse:
        """Submits a policy file as a draft."""
        caller = current_caller()
        caller.require_region(request.region)
        policy = await self._blocking.run(self._policies.load, request.policy_file)
        if policy.region != request.region:
            raise RuleError(
                Reason.OUT_OF_SCOPE,
                f"the file is a policy of region {policy.region}",
                scope=f"region/{policy.region}",
            )
        response = await self._blocking.run(
            self._policies.submit,
            _key("SubmitPolicy", caller.path, request),
            request.policy_file,
            maker=caller.path,
            encode=lambda stored: pb.SubmitPolicyResponse(
                policy=_message(request.region, stored)
            ).SerializeToString(),
        )
        return pb.SubmitPolicyResponse.FromString(response)

    async def ApprovePolicy(
        self,
        request: pb.ApprovePolicyRequest,
        context: "grpc.aio.ServicerContext[pb.ApprovePolicyRequest, pb.ApprovePolicyResponse]",
    ) -> pb.ApprovePolicyResponse:
        """Puts a draft in force."""
        caller = current_caller()
        caller.require_region(request.region)

        response = await self._blocking.run(
            self._policies.approve,
            _key("ApprovePolicy", caller.path, request),
            request.policy_version,
            checker=caller.path,
            encode=lambda stored: pb.ApprovePolicyResponse(
                policy=_message(request.region, stored)
            ).SerializeToString(),
        )
        return pb.ApprovePolicyResponse.FromString(response)

    async def GetPolicy(
        self,
        request: pb.GetPolicyRequest,
        context: "grpc.aio.ServicerContext[pb.GetPolicyRequest, pb.GetPolicyResponse]",
    ) -> pb.GetPolicyResponse:
        """Reads a policy with its file."""
        current_caller().require_region(request.region)
        stored = await self._blocking.run(
            self._policies.find, request.region, request.policy_version
        )
        return pb.GetPolicyResponse(
            policy=_message(request.region, stored), policy_file=stored.policy_file
        )


def _key(
    method: str, caller: str, request: pb.SubmitPolicyRequest | pb.ApprovePolicyRequest
) -> RequestKey:
    digest = request_digest(method, caller, request.SerializeToString())
    return RequestKey(request.region, request.request_id, digest, method)


def _message(region: str, stored: StoredPolicy) -> pb.Policy:
    return pb.Policy(
        policy_version=stored.policy_version,
        policy_id=stored.policy_id,
        region=region,
        insurance_type=stored.insurance_type,
        state=pb.PolicyState.ValueType(stored.state),
        start_date=from_date(stored.start_date),
        end_date=None if stored.end_date is None else from_date(stored.end_date),
        maker=stored.maker,
        checker=stored.checker,
        submit_time=from_instant(stored.submit_time),
        approve_time=(None if stored.approve_time is None else from_instant(stored.approve_time)),
    )

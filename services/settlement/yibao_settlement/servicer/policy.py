"""PolicyService: benefit policies from draft to force."""

import grpc
import sqlalchemy as sa

from yibao.settlement.v1 import policy_service_pb2 as pb
from yibao.settlement.v1 import policy_service_pb2_grpc as rpc
from yibao_common.answers import request_digest
from yibao_common.callers import current_caller
from yibao_common.clock import Clock
from yibao_common.database import Database
from yibao_common.errors import RuleError
from yibao_common.once import Blocking, answer_once
from yibao_common.reasons import Reason
from yibao_common.wire import from_date, from_instant
from yibao_settlement.storage import tables
from yibao_settlement.storage.policies import (
    StoredPolicy,
    approve_policy,
    find_policy,
    submit_policy,
)
from yibao_settlement.storage.policy_file import load_policy


class PolicyServicer(rpc.PolicyServiceServicer):
    """Validates, submits, approves and reads policies."""

    def __init__(self, database: Database, blocking: Blocking, *, clock: Clock) -> None:
        """Takes the database."""
        self._database = database
        self._blocking = blocking
        self._clock = clock

    async def ValidatePolicy(
        self,
        request: pb.ValidatePolicyRequest,
        context: "grpc.aio.ServicerContext[pb.ValidatePolicyRequest, pb.ValidatePolicyResponse]",
    ) -> pb.ValidatePolicyResponse:
        """Checks a policy file and stores nothing."""
        policy = await self._blocking.run(load_policy, request.policy_file, name="policy_file")
        return pb.ValidatePolicyResponse(policy_version=policy.version)

    async def SubmitPolicy(
        self,
        request: pb.SubmitPolicyRequest,
        context: "grpc.aio.ServicerContext[pb.SubmitPolicyRequest, pb.SubmitPolicyResponse]",
    ) -> pb.SubmitPolicyResponse:
        """Submits a policy file as a draft."""
        caller = current_caller()
        caller.require_region(request.region)
        policy = await self._blocking.run(load_policy, request.policy_file, name="policy_file")
        if policy.region != request.region:
            raise RuleError(
                Reason.OUT_OF_SCOPE,
                f"the file is a policy of region {policy.region}",
                scope=f"region/{policy.region}",
            )

        def submit(connection: sa.Connection) -> bytes:
            stored = submit_policy(
                connection, policy, request.policy_file, maker=caller.path, now=self._clock()
            )
            answer = pb.SubmitPolicyResponse(policy=_message(request.region, stored))
            return answer.SerializeToString()

        response = await self._blocking.run(
            answer_once,
            self._database,
            tables.answer,
            region=request.region,
            request_id=request.request_id,
            digest=request_digest("SubmitPolicy", caller.path, request.SerializeToString()),
            work=submit,
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

        def approve(connection: sa.Connection) -> bytes:
            stored = approve_policy(
                connection,
                request.region,
                request.policy_version,
                checker=caller.path,
                now=self._clock(),
            )
            answer = pb.ApprovePolicyResponse(policy=_message(request.region, stored))
            return answer.SerializeToString()

        response = await self._blocking.run(
            answer_once,
            self._database,
            tables.answer,
            region=request.region,
            request_id=request.request_id,
            digest=request_digest("ApprovePolicy", caller.path, request.SerializeToString()),
            work=approve,
        )
        return pb.ApprovePolicyResponse.FromString(response)

    async def GetPolicy(
        self,
        request: pb.GetPolicyRequest,
        context: "grpc.aio.ServicerContext[pb.GetPolicyRequest, pb.GetPolicyResponse]",
    ) -> pb.GetPolicyResponse:
        """Reads a policy with its file."""
        current_caller().require_region(request.region)
        stored = await self._blocking.run(self._find, request.region, request.policy_version)
        return pb.GetPolicyResponse(
            policy=_message(request.region, stored), policy_file=stored.policy_file
        )

    def _find(self, region: str, policy_version: str) -> StoredPolicy:
        with self._database.read() as connection:
            return find_policy(connection, region, policy_version)


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

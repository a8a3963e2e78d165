"""SettlementService: trial, settle, bulk, reverse, read, explain."""

import asyncio

import grpc

from yibao.settlement.v1 import settlement_pb2
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1 import settlement_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.request import request_digest
from yibao_common.db.batcher import Batcher
from yibao_common.process.logs import Log, kinds, places
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.endings import database_unavailable
from yibao_common.rpc.status import item_error
from yibao_common.rpc.validation import Validator
from yibao_common.rpc.wire import from_instant
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application import commands
from yibao_settlement.application.adjudicate import adjudicate_bill
from yibao_settlement.application.commands import Command
from yibao_settlement.application.explain import explain_settlement
from yibao_settlement.application.ports import Reads
from yibao_settlement.application.records import Adjudication, StoredSettlement
from yibao_settlement.application.reverse import settlement_not_found
from yibao_settlement.application.settle import visit_not_found
from yibao_settlement.rules.bill import Bill
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.trace import explain
from yibao_settlement.rules.standing import check_not_merged
from yibao_settlement.rules.visit import settlement_audience
from yibao_settlement.servicer.decode import bill_of, stored_inputs
from yibao_settlement.servicer.encode import fill_settlement, trace_messages
from yibao_settlement.servicer.trust.holder import TrustHolder

# Verifying a code takes a tenth of a millisecond.
_ITEMS_IN_A_ROW = 16
_ITEM_VALIDATOR = Validator(pb.SettleBillRequest.DESCRIPTOR)


class SettlementServicer(rpc.SettlementServiceServicer):
    """Settles bills through the batcher; reads in threads."""

    def __init__(
        self,
        batcher: Batcher[Command, bytes],
        reads: Reads,
        blocking: Blocking,
        *,
        trust: TrustHolder,
        clock: Clock,
        ids: Ids,
        log: Log,
    ) -> None:
        """Takes the engine."""
        self._batcher = batcher
        self._reads = reads
        self._blocking = blocking
        self._trust = trust
        self._clock = clock
        self._ids = ids
        self._log = log

    async def TrialBill(
        self,
        request: pb.TrialBillRequest,
        context: "grpc.aio.ServicerContext[pb.TrialBillRequest, pb.TrialBillResponse]",
    ) -> pb.TrialBillResponse:
        """Computes what a bill would cost whom and stores nothing."""
        institution_id = current_caller().own_institution()
        return await self._blocking.run(
            self._trial, request.region, bill_of(request.bill), institution_id
        )

    def _trial(self, region: str, bill: Bill, institution_id: str) -> pb.TrialBillResponse:
        inputs = self._reads.trial_inputs(
            region,
            bill.visit_id,
            benefit_year=bill.service_date.year,
            item_codes={line.item_code for line in bill.lines},
        )
        if inputs is None or inputs.visit.institution_id != institution_id:
            raise visit_not_found(bill.visit_id)
        check_not_merged(inputs.standing)
        balance_fen = inputs.standing.balance_fen
        now = self._clock()
        adjudication = adjudicate_bill(
            bill,
            inputs.visit,
            region=region,
            enrolments=inputs.enrolments,
            year=inputs.year,
            account_balance_fen=balance_fen,
            reference=inputs.reference,
            now=now,
        )
        response = pb.TrialBillResponse()
        fill_settlement(response.settlement, region, adjudication)
        response.settlement.state = settlement_pb2.SETTLEMENT_STATE_TRIAL
        response.settlement.settle_time.CopyFrom(from_instant(now))
        response.settlement.account_balance_fen = balance_fen - adjudication.split.account_fen
        policy = self._policy(region, adjudication)
        response.trace.extend(trace_messages(explain(policy, adjudication.split)))
        return response

    def _policy(self, region: str, adjudication: Adjudication) -> Policy:
        policy = self._reads.policy(region, adjudication.policy_version)
        assert policy is not None, adjudication.policy_version
        return policy

    async def SettleBill(
        self,
        request: pb.SettleBillRequest,
        context: "grpc.aio.ServicerContext[pb.SettleBillRequest, pb.SettleBillResponse]",
    ) -> pb.SettleBillResponse:
        """Settles a bill; the answer is the stored one, byte for byte."""
        command = self._settle_command(request, current_caller())
        response = await self._batcher.submit(request.region, command)
        return response  # type: ignore[return-value]  # the gate sends bytes as they are

    async def SubmitBills(
        self,
        request: pb.SubmitBillsRequest,
        context: "grpc.aio.ServicerContext[pb.SubmitBillsRequest, pb.SubmitBillsResponse]",
    ) -> pb.SubmitBillsResponse:
        """Settles bills each on its own; results in the order of the items."""
        caller = current_caller()
        begun: list[asyncio.Future[bytes] | RuleError] = []
        try:
            for number, item in enumerate(request.items, 1):
                begun.append(self._begin(item, caller))
                if number % _ITEMS_IN_A_ROW == 0:
                    await asyncio.sleep(0)  # other calls take their turn
            outcomes = [await self._outcome(each) for each in begun]
        finally:
            _forget(begun)
        # As stored, without reading them into messages and writing them again.
        return b"".join(map(_result, outcomes))  # type: ignore[return-value]  # as above

    def _begin(
        self, item: pb.SettleBillRequest, caller: Caller
    ) -> "asyncio.Future[bytes] | RuleError":
        try:
            _ITEM_VALIDATOR.check(item)
            return self._batcher.enqueue(item.region, self._settle_command(item, caller))
        except RuleError as refusal:
            return refusal

    async def _outcome(self, begun: "asyncio.Future[bytes] | RuleError") -> bytes | RuleError:
        if isinstance(begun, RuleError):
            return begun
        try:
            return await begun
        except RuleError as refusal:
            return refusal
        except Exception as error:
            # One broken item must not hide what became of its neighbours.
            return self._hide(error)

    def _hide(self, error: Exception) -> RuleError:
        if isinstance(error, TransientError):
            return database_unavailable()
        reference_id = self._ids()
        self._log.error(
            "item failed", reference_id=reference_id, error=kinds(error), places=places(error)
        )
        return RuleError(
            Reason.INTERNAL,
            f"a fault of ours, see reference {reference_id}; repeat with the same request_id",
            reference_id=reference_id,
        )

    def _settle_command(self, request: pb.SettleBillRequest, caller: Caller) -> commands.SettleBill:
        institution_id = caller.own_institution()
        code = self._trust.judge(
            request.presentation,
            region=request.region,
            audience=settlement_audience(institution_id),
            now=self._clock(),
        )
        return commands.SettleBill(
            request.request_id,
            request_digest("SettleBill", caller.path, request.SerializeToString()),
            institution_id,
            code,
            bill_of(request.bill),
        )

    async def ReverseSettlement(
        self,
        request: pb.ReverseSettlementRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ReverseSettlementRequest, pb.ReverseSettlementResponse]"
        ),
    ) -> pb.ReverseSettlementResponse:
        """Reverses a settlement in full."""
        caller = current_caller()
        caller.require_region(request.region)
        command = commands.ReverseSettlement(
            request.request_id,
            request_digest("ReverseSettlement", caller.path, request.SerializeToString()),
            caller.institution_id,
            request.settlement_id,
            request.reason,
            caller.path,
        )
        response = await self._batcher.submit(request.region, command)
        return response  # type: ignore[return-value]  # the gate sends bytes as they are

    async def GetSettlement(
        self,
        request: pb.GetSettlementRequest,
        context: "grpc.aio.ServicerContext[pb.GetSettlementRequest, pb.GetSettlementResponse]",
    ) -> pb.GetSettlementResponse:
        """Reads one settlement as it is now."""
        stored = await self._find(request.region, request.settlement_id, current_caller())
        return pb.GetSettlementResponse(settlement=_as_it_is(stored))

    async def ExplainSettlement(
        self,
        request: pb.ExplainSettlementRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ExplainSettlementRequest, pb.ExplainSettlementResponse]"
        ),
    ) -> pb.ExplainSettlementResponse:
        """Derives the calculation of a settlement again and shows each step."""
        stored = await self._find(request.region, request.settlement_id, current_caller())
        return await self._blocking.run(self._explain, request.region, stored)

    def _explain(self, region: str, stored: StoredSettlement) -> pb.ExplainSettlementResponse:
        settled = pb.SettleBillResponse.FromString(stored.settle_response).settlement
        inputs = stored_inputs(settled)
        policy = self._reads.policy(region, inputs.policy_version)
        assert policy is not None, inputs.policy_version
        nodes = explain_settlement(inputs, policy)
        return pb.ExplainSettlementResponse(
            settlement=_as_it_is(stored), trace=trace_messages(nodes)
        )

    async def _find(self, region: str, settlement_id: str, caller: Caller) -> StoredSettlement:
        caller.require_region(region)
        stored = await self._blocking.run(self._reads.settlement, region, settlement_id)
        if stored is None or caller.institution_id not in (None, stored.institution_id):
            raise settlement_not_found(settlement_id)
        return stored


def _forget(begun: "list[asyncio.Future[bytes] | RuleError]") -> None:
    """Leaves alone what nobody waits for any more; the commands are carried out."""
    for each in begun:
        if isinstance(each, asyncio.Future) and not each.cancel() and not each.cancelled():
            each.exception()


def _result(outcome: bytes | RuleError) -> bytes:
    """Returns one result as it stands in a serialized SubmitBillsResponse."""
    if isinstance(outcome, bytes):
        result = _field(1, outcome)
    else:
        result = pb.SubmitBillsResult(error=item_error(outcome)).SerializeToString()
    return _field(1, result)


def _field(number: int, contents: bytes) -> bytes:
    """Returns a length-delimited field as protobuf writes it."""
    size, length = len(contents), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return bytes((number << 3 | 2, *length)) + contents


def _as_it_is(stored: StoredSettlement) -> settlement_pb2.Settlement:
    """Returns the settlement as answered when it was settled, with its reversal since."""
    settlement = pb.SettleBillResponse.FromString(stored.settle_response).settlement
    if stored.reversal_id is not None:
        assert stored.reverse_time is not None
        settlement.state = settlement_pb2.SETTLEMENT_STATE_REVERSED
        settlement.reversal_id = stored.reversal_id
        settlement.reverse_time.CopyFrom(from_instant(stored.reverse_time))
    return settlement

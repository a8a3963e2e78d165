"""Overrides as messages: which act is meant, what is told of it, and the answers."""

from collections.abc import Callable, Collection
from typing import Any

from yibao.settlement.v1 import refund_service_pb2 as pb
from yibao.settlement.v1.settlement_service_pb2 import ReverseSettlementResponse
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.request import Request
from yibao_common.db.batcher import Batcher
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import id_place, page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_instant
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.override.order import (
    CONFIRM_METHOD,
    WITHDRAW_METHOD,
    Act,
    ConfirmOverride,
    Proposal,
    ProposeOverride,
    WithdrawOverride,
    find_override,
)
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.settlement.correct import CorrectSettlement
from yibao_settlement.application.settlement.find import find_settlement
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.refund import RefundSettlement
from yibao_settlement.application.settlement.reverse import ReverseSettlement
from yibao_settlement.rules.finding import RETIRED_CADRES, RetiredCadres
from yibao_settlement.rules.override import (
    Override,
    OverrideKind,
    OverrideState,
    OverrideSums,
)
from yibao_settlement.rules.refund import RefundOrder
from yibao_settlement.servicer.encode import reversed_
from yibao_settlement.servicer.refund.correcting import CorrectedAnswer, bill_in_place
from yibao_settlement.servicer.refund.encode import amounts_message
from yibao_settlement.servicer.refund.refunding import asked_return, refunded
from yibao_settlement.servicer.refused_lines import RefusedLines

_MOST_BILLS = 500
_PAGE_SIZE = 100
_PAGE_SIZE_MAX = 500


def asked_override(request: pb.ProposeOverrideRequest) -> pb.Override:
    """Returns what a request proposes.

    Raises RuleError FIELD_REQUIRED where a refund returns nothing or a correction puts nothing in
    the place, FIELD_OUT_OF_RANGE where another act says either.
    """
    faults = []
    for field, kind, is_given in (
        ("lines", OverrideKind.REFUND, bool(request.lines)),
        ("bill", OverrideKind.CORRECTION, request.HasField("bill")),
    ):
        is_asked = request.override_kind == int(kind)
        if is_asked and not is_given:
            faults.append(FieldFault(field, Reason.FIELD_REQUIRED, f"{kind.name} needs {field}"))
        elif is_given and not is_asked:
            fault = f"{field} are of {kind.name} alone"
            faults.append(FieldFault(field, Reason.FIELD_OUT_OF_RANGE, fault))
    refuse_faults(faults)
    return pb.Override(
        region=request.region,
        override_kind=request.override_kind,
        settlement_id=request.settlement_id,
        lines=request.lines,
        bill=request.bill if request.HasField("bill") else None,
        reason=request.reason,
    )


class Acts:
    """Makes the commands that overrides carry out, which no newest first binds."""

    def __init__(
        self,
        *,
        cash_first_in: Collection[str] = (),
        own_first_in: Collection[str] = (),
        carried_first_in: Collection[str] = (),
        retired_cadres: RetiredCadres = RETIRED_CADRES,
    ) -> None:
        """Takes regions, see `SettlementConfig`, and who is seen as a retired cadre."""
        self._cash_first_in = cash_first_in
        self._own_first_in = own_first_in
        self._carried_first_in = carried_first_in
        self._retired_cadres = retired_cadres

    def of(
        self,
        asked: Request,
        told: pb.Override,
        record: SettlementRecord | None,
        answer: CorrectedAnswer,
    ) -> Act[Any]:
        """Returns the act that is told; `record` is the settlement that a correction replaces."""
        carried_first = told.region in self._carried_first_in
        if told.override_kind == pb.OVERRIDE_KIND_REFUND:
            is_cash_first = told.region in self._cash_first_in
            return RefundSettlement(
                asked,
                told.settlement_id,
                tuple(map(asked_return, told.lines)),
                told.reason,
                refunded,
                order=RefundOrder.CASH_FIRST if is_cash_first else RefundOrder.ACCOUNT_FIRST,
                own_first=told.region in self._own_first_in,
                carried_first=carried_first,
            )
        if told.override_kind == pb.OVERRIDE_KIND_CORRECTION:
            assert record is not None, "a correction is of a settlement that was read"
            return CorrectSettlement(
                asked,
                told.settlement_id,
                bill_in_place(told.bill, record),
                told.reason,
                answer.encode,
                retired_cadres=self._retired_cadres,
                carried_first=carried_first,
            )
        return ReverseSettlement(
            asked, told.settlement_id, told.reason, reversed_, carried_first=carried_first
        )


class Overriding:
    """Proposes overrides and carries them out through the batcher; reads in threads."""

    def __init__(
        self,
        batcher: Batcher[Command, bytes],
        reads: Reads,
        blocking: Blocking,
        *,
        acts: Acts,
        refused_lines: RefusedLines,
        newest_first_in: Collection[str] = (),
    ) -> None:
        """Takes the engine; `newest_first_in` are regions, see `SettlementConfig`."""
        self._batcher = batcher
        self._reads = reads
        self._blocking = blocking
        self._acts = acts
        self._refused_lines = refused_lines
        self._newest_first_in = newest_first_in

    async def propose(self, request: pb.ProposeOverrideRequest) -> pb.ProposeOverrideResponse:
        """Proposes an override; raises RuleError as the contract says."""
        asked = request_of(request, "ProposeOverride")
        told = asked_override(request)
        act = await self._act(asked, told, CorrectedAnswer())
        is_bound = request.region in self._newest_first_in
        command = proposal_of(act, told, newest_first=is_bound)
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.ProposeOverrideResponse, response)

    async def confirm(self, request: pb.ConfirmOverrideRequest) -> pb.ConfirmOverrideResponse:
        """Confirms an override; raises RuleError as the contract says."""
        asked = request_of(request, CONFIRM_METHOD)
        override = await self._find(request.region, request.override_id)
        answer = CorrectedAnswer()
        act = await self._act(asked, pb.Override.FromString(override.told), answer)
        command = confirmation_of(act, override, request)
        response = await self._batcher.submit(request.region, command)
        if answer.refused:
            caller, request_id = asked.caller, asked.request_id
            self._refused_lines.tell(answer.refused, request_id=request_id, caller=caller)
        return as_sent(pb.ConfirmOverrideResponse, response)

    async def get(self, request: pb.GetOverrideRequest) -> pb.GetOverrideResponse:
        """Reads an override; raises RuleError OVERRIDE_NOT_FOUND."""
        current_caller().require_region(request.region)
        override = await self._find(request.region, request.override_id)
        return pb.GetOverrideResponse(override=override_message(override))

    async def withdraw(self, request: pb.WithdrawOverrideRequest) -> pb.WithdrawOverrideResponse:
        """Withdraws an override; raises RuleError as the contract says."""
        asked = request_of(request, WITHDRAW_METHOD)
        override = await self._find(request.region, request.override_id)
        response = await self._batcher.submit(
            request.region, WithdrawOverride(asked, override, withdrawn)
        )
        return as_sent(pb.WithdrawOverrideResponse, response)

    async def page(self, request: pb.ListOverridesRequest) -> pb.ListOverridesResponse:
        """Lists overrides, the one proposed first at the head."""
        current_caller().require_region(request.region)
        after = place_after(request, request.page_token, id_place)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._reads.overrides,
            request.region,
            OverrideState(request.state) if request.state else None,
            after=after,
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        token = page_token(request, page[-1].override_id) if len(found) > size else ""
        return pb.ListOverridesResponse(overrides=map(_listed, page), next_page_token=token)

    async def _find(self, region: str, override_id: str) -> Override:
        return await self._blocking.run(find_override, self._reads, region, override_id)

    async def _act(self, asked: Request, told: pb.Override, answer: CorrectedAnswer) -> Act[Any]:
        """Returns what is told to do; of a correction, what of its settlement never changes."""
        record = None
        if told.override_kind == pb.OVERRIDE_KIND_CORRECTION:
            place = told.region, told.settlement_id
            record = await self._blocking.run(find_settlement, self._reads, *place, asked.caller)
        return self._acts.of(asked, told, record, answer)


def proposal_of(act: Act[Any], told: pb.Override, *, newest_first: bool) -> ProposeOverride[Any]:
    """Returns the command that proposes an act."""
    return ProposeOverride(
        act,
        told.settlement_id,
        told.reason,
        teller(told),
        proposed,
        newest_first=newest_first,
    )


def confirmation_of(
    act: Act[Any], proposed_: Override, request: pb.ConfirmOverrideRequest
) -> ConfirmOverride[Any]:
    """Returns the command that confirms an override."""
    amounts = request.amounts
    read = OverrideSums(
        request.adjusted_count,
        request.held_count,
        request.adjusted_fund_change_fen,
        amounts.fund_total_fen,
        amounts.other_total_fen,
        amounts.account_fen,
        amounts.cash_fen,
    )
    override_id, settlement_id = proposed_.override_id, proposed_.settlement_id
    return ConfirmOverride(act, override_id, settlement_id, read, confirmed)


def teller(asked: pb.Override) -> Callable[[Proposal], bytes]:
    """Returns what writes all that is told of a proposal to do what is asked."""

    def tell(proposal: Proposal) -> bytes:
        override, outcome = proposal
        sums = override.sums
        message = pb.Override(
            override_id=override.override_id,
            amounts=amounts_message(outcome.back),
            later_bills=[
                pb.LaterBill(
                    settlement_id=each.record.settlement_id,
                    institution_id=each.record.institution_id,
                    place=each.record.place,
                    is_held=each.record.is_held,
                    fund_change_fen=each.fund_change_fen,
                )
                for each in outcome.later[:_MOST_BILLS]
            ],
            adjusted_count=sums.adjusted_count,
            adjusted_fund_change_fen=sums.adjusted_fund_change_fen,
            held_count=sums.held_count,
            maker=override.maker,
            propose_time=from_instant(override.propose_time),
        )
        message.MergeFrom(asked)
        return message.SerializeToString()

    return tell


def override_message(override: Override) -> pb.Override:
    """Returns an override as it is now."""
    message = pb.Override.FromString(override.told)
    message.state = pb.OverrideState.ValueType(override.state)
    message.checker = override.checker or ""
    message.taken_back_id = override.taken_back_id or ""
    if override.close_time is not None:
        message.close_time.CopyFrom(from_instant(override.close_time))
    return message


def _listed(override: Override) -> pb.Override:
    """Returns an override as lists tell it: what is long of it is read by its id."""
    message = override_message(override)
    for field in ("lines", "bill", "later_bills"):
        message.ClearField(field)
    return message


def withdrawn(override: Override) -> bytes:
    """Returns a serialized WithdrawOverrideResponse."""
    return pb.WithdrawOverrideResponse(override=override_message(override)).SerializeToString()


def proposed(override: Override) -> bytes:
    """Returns a serialized ProposeOverrideResponse."""
    return pb.ProposeOverrideResponse(override=override_message(override)).SerializeToString()


def confirmed(override: Override, done: bytes) -> bytes:
    """Returns a serialized ConfirmOverrideResponse, with the answer to what was done."""
    response = pb.ConfirmOverrideResponse(override=override_message(override))
    if override.kind is OverrideKind.REVERSAL:
        response.reversed.CopyFrom(ReverseSettlementResponse.FromString(done))
    elif override.kind is OverrideKind.REFUND:
        response.refunded.CopyFrom(pb.RefundSettlementResponse.FromString(done))
    else:
        response.corrected.CopyFrom(pb.CorrectSettlementResponse.FromString(done))
    return response.SerializeToString()

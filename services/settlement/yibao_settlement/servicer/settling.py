"""Reads what is asked of a bill: the command that settles it, or starts to."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from yibao.settlement.v1 import hold_service_pb2, settlement_service_pb2
from yibao_common.rpc.requests import request_of
from yibao_common.values.clock import Clock
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.settle import SettleBill
from yibao_settlement.rules.finding import RETIRED_CADRES, RetiredCadres
from yibao_settlement.rules.visit import settlement_audience
from yibao_settlement.servicer.decode import bill_of, expected_of
from yibao_settlement.servicer.trust.holder import TrustHolder


@dataclass(frozen=True, slots=True)
class Settling:
    """What the region and the code's trust say of every bill.

    What is `…_in` are regions, see `SettlementConfig`.
    """

    trust: TrustHolder
    clock: Clock
    discharge_required_in: Collection[str] = ()
    carried_first_in: Collection[str] = ()
    retired_cadres: RetiredCadres = RETIRED_CADRES

    def command(
        self,
        request: settlement_service_pb2.SettleBillRequest | hold_service_pb2.HoldBillRequest,
        method: str,
        encode: Callable[[SettlementRecord], bytes],
    ) -> SettleBill:
        """Returns the command that settles the bill of a request."""
        asked = request_of(request, method)
        code = None
        if request.HasField("presentation"):
            code = self.trust.judge(
                request.presentation,
                region=request.region,
                audience=settlement_audience(asked.caller.own_institution()),
                caller=asked.caller,
                now=self.clock(),
            )
        return SettleBill(
            asked,
            code,
            bill_of(request.bill),
            encode,
            expected_of(request),
            is_discharge_required=request.region in self.discharge_required_in,
            retired_cadres=self.retired_cadres,
            carried_first=request.region in self.carried_first_in,
        )

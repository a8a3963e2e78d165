"""What a settlement changes and a reversal has to restore."""

from dataclasses import dataclass

import grpc

from yibao.errors import error_of
from yibao.settlement.v1 import account_service_pb2 as pb
from yibao.settlement.v1.account_service_pb2_grpc import AccountServiceStub
from yibao_cli.demo.steps import CALL_SECONDS
from yibao_common.values.reasons import Reason


@dataclass(frozen=True, slots=True)
class Standing:
    """A person's account and year and the region's funds, without names that hold nothing."""

    balance_fen: int
    accumulators: tuple[tuple[str, int], ...]
    funds: tuple[tuple[str, int], ...]


def read_standing(stub: AccountServiceStub, *, region: str, person_id: str) -> Standing:
    """Returns what is booked now; a person of whom nothing is has an empty account."""
    account = pb.Account()
    try:
        request = pb.GetAccountRequest(region=region, person_id=person_id)
        account = stub.GetAccount(request, timeout=CALL_SECONDS).account
    except grpc.RpcError as error:
        if error_of(error).reason != Reason.ACCOUNT_NOT_FOUND.wire_name:
            raise
    funds = stub.ListFundBalances(pb.ListFundBalancesRequest(region=region), timeout=CALL_SECONDS)
    return Standing(
        account.balance_fen,
        tuple((each.name, each.value) for each in account.accumulators if each.value),
        tuple((each.account_id, each.amount_fen) for each in funds.balances if each.amount_fen),
    )

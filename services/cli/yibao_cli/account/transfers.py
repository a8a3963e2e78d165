"""Transfers of accounts to another region, step by step."""

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import Message
from rich.console import Console

from yibao.settlement.v1 import transfer_pb2
from yibao.settlement.v1 import transfer_service_pb2 as pb
from yibao.settlement.v1.transfer_service_pb2_grpc import TransferServiceStub
from yibao_cli.account.asking import SECONDS, carry_out, pages, print_list, show
from yibao_cli.connection import Connection
from yibao_common.values.ids import new_id


def run_step(out: Console, err: Console, at: Connection, method: str, **fields: Any) -> int:
    """Takes a step and prints the transfer; returns 1 where it was refused, 2 where not asked.

    `method` is that of the service, `fields` are those of its request beside id and region.
    """
    kind: Callable[..., Message] = getattr(pb, f"{method}Request")
    request = kind(request_id=new_id(), region=at.region, **fields)

    def ask(channel: grpc.Channel) -> Message:
        answer: Message = getattr(TransferServiceStub(channel), method)(request, timeout=SECONDS)
        return answer

    return show(out, err, at, ask)


def run_list(out: Console, err: Console, at: Connection, *, state: str, is_stuck: bool) -> int:
    """Prints a line for each transfer; returns as `run_step`."""
    name = f"TRANSFER_STATE_{(state or 'unspecified').upper()}"
    request = pb.ListTransfersRequest(
        region=at.region, state=transfer_pb2.TransferState.Value(name), is_stuck=is_stuck
    )
    return carry_out(
        err,
        at,
        lambda channel: print_list(
            out,
            "transfers",
            pages(TransferServiceStub(channel).ListTransfers, request, "transfers"),
            _line,
        ),
    )


def _line(transfer: transfer_pb2.AccountTransfer) -> str:
    state = transfer_pb2.TransferState.Name(transfer.state).removeprefix("TRANSFER_STATE_")
    is_out = transfer.direction == transfer_pb2.TRANSFER_DIRECTION_OUT
    return (
        f"{transfer.transfer_id}  {state}  {'to' if is_out else 'from'} {transfer.other_region}  "
        f"{transfer.transfer_number}  {transfer.amount_fen / 100:.2f}"
        f"{'  stuck' if transfer.is_stuck else ''}"
    )

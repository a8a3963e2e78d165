"""`yibao day regions`: with which regions an institution closes a day."""

import datetime as dt

import grpc
from rich.console import Console

from yibao.errors import error_of
from yibao.settlement.v1 import treatment_service_pb2 as pb
from yibao.settlement.v1.treatment_service_pb2_grpc import TreatmentServiceStub
from yibao_cli.call import REFUSED, show_refusal, to_values
from yibao_cli.connection import Connection
from yibao_cli.day_csv import AMOUNTS
from yibao_cli.output import is_json, print_document
from yibao_common.rpc.wire import from_date, to_instant
from yibao_common.values.money import yuan


def run_regions(
    out: Console,
    err: Console,
    at: Connection,
    day: dt.date,
    *,
    institution_id: str,
    seconds: float,
) -> int:
    """Shows the sums of a day by insuring region; returns 0, or 1 where it is refused.

    Raises:
        StartError: a certificate or the address cannot be used.
    """
    request = pb.ListInsurerTotalsRequest(
        region=at.region,
        institution_id=institution_id,
        start_date=from_date(day),
        end_date=from_date(day),
    )
    with at.open() as channel:
        try:
            answer = TreatmentServiceStub(channel).ListInsurerTotals(request, timeout=seconds)
        except grpc.RpcError as error:
            show_refusal(err, error_of(error))
            return REFUSED
    if is_json():
        print_document(out, to_values(answer))
    else:
        _show(out, answer)
    return 0


def _show(out: Console, answer: pb.ListInsurerTotalsResponse) -> None:
    _line(out, "region", "acts", "total", "funds", "account", "cash")
    for each in answer.insurers:
        amounts = (yuan(getattr(each.total, name)) for name in AMOUNTS)
        _line(out, each.region, str(each.total.act_count), *amounts)
    snapshot = to_instant(answer.snapshot_time).isoformat(timespec="milliseconds")
    _print(out, f"Acts before {snapshot} are told.")


def _line(out: Console, region: str, acts: str, *amounts: str) -> None:
    columns = "".join(f"{amount:>18}" for amount in amounts)
    _print(out, f"{region:<6}{acts:>10}{columns}")


def _print(out: Console, text: str) -> None:
    out.print(text, markup=False, soft_wrap=True, highlight=False)

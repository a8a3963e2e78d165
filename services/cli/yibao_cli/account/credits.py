"""Crediting the rows of a file: each once by its business key, however often it is sent."""

import csv
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import grpc
from rich.console import Console

from yibao.errors import error_of
from yibao.settlement.v1 import account_service_pb2 as pb
from yibao.settlement.v1 import credit_pb2
from yibao.settlement.v1.account_service_pb2_grpc import AccountServiceStub
from yibao_cli.account.asking import SECONDS, carry_out
from yibao_cli.account.files import read_rows
from yibao_cli.call import REFUSED
from yibao_cli.connection import Connection
from yibao_cli.inputs import check_report
from yibao_cli.output import is_json, print_document
from yibao_cli.whole_file import whole_csv
from yibao_common.values.ids import new_id

NEED = ("person_id", "amount_fen", "business_key")
REPORT_COLUMNS = ("person_id", "business_key", "amount_fen", "outcome", "credit_id", "message")
# What of a row is no fault of it: the file is to be sent again.
_AGAIN = (
    *(grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED),
    *(grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED),
)


def run_credit(
    out: Console, err: Console, at: Connection, file: Path, *, source: str, report: Path | None
) -> int:
    """Credits every row and tells what became of each; returns 1 where a row was refused.

    Where the service is not reached it ends: sent again, rows of before are told as repeated.

    Raises:
        StartError: the report could not be written.
        OSError: the file is not there.
    """
    if report is not None:
        check_report("--report", report, file, of="the credits")

    def act(channel: grpc.Channel) -> int:
        rows = read_rows(file, need=NEED, may=("insurance_type",), whole=("amount_fen",))
        stub = AccountServiceStub(channel)
        told = [_credited(stub, at.region, row, source) for row in rows]
        counts = Counter(each["outcome"] for each in told)
        if report is not None:
            with whole_csv(report) as stream:
                writer = csv.DictWriter(stream, REPORT_COLUMNS)
                writer.writeheader()
                writer.writerows(told)
        if is_json():
            print_document(out, {"rows": told, "outcomes": dict(counts)})
        else:
            for each in told:
                if each["outcome"] not in ("credited", "repeated"):
                    line = " ".join(each[name] for name in REPORT_COLUMNS)
                    out.print(line, markup=False, soft_wrap=True, highlight=False)
            out.print(", ".join(f"{count} {name}" for name, count in counts.items()), markup=False)
        return REFUSED if counts.keys() - {"credited", "repeated", "waiting"} else 0

    return carry_out(err, at, act)


def _credited(
    stub: AccountServiceStub, region: str, row: Mapping[str, str], source: str
) -> dict[str, str]:
    """Returns what became of a row; raises RpcError where that is no fault of the row."""
    request = pb.CreditAccountRequest(
        request_id=new_id(),
        region=region,
        person_id=row["person_id"],
        amount_fen=int(row["amount_fen"]),
        source=pb.CreditSource.Value(f"CREDIT_SOURCE_{source.upper()}"),
        business_key=row["business_key"],
        insurance_type=row.get("insurance_type", ""),
    )
    told = {name: row[name] for name in ("person_id", "business_key", "amount_fen")}
    try:
        answer = stub.CreditAccount(request, timeout=SECONDS)
    except grpc.RpcError as error:
        refusal = error_of(error)
        if refusal.code in _AGAIN:
            raise
        outcome = (refusal.reason or refusal.code.name).removeprefix("ERROR_REASON_").lower()
        return {**told, "outcome": outcome, "credit_id": "", "message": refusal.message}
    outcome = "repeated" if answer.is_repeated else "credited"
    if answer.credit.state == credit_pb2.CREDIT_STATE_WAITING:
        outcome = "waiting"
    return {**told, "outcome": outcome, "credit_id": answer.credit.credit_id, "message": ""}

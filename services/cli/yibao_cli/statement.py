"""`yibao statement`: the settlement statement of a settlement, into a file to print."""

from pathlib import Path
from typing import NamedTuple

import grpc
from rich.console import Console

from yibao.errors import error_of
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1 import statement_pb2
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao_cli.call import REFUSED, UNUSABLE, show_refusal, to_json
from yibao_cli.inputs import open_channel
from yibao_common.process.config import StartError

_FORMS = {
    ".pdf": statement_pb2.STATEMENT_FORM_PDF,
    ".html": statement_pb2.STATEMENT_FORM_HTML,
    ".json": statement_pb2.STATEMENT_FORM_STRUCTURED,
}


class Wish(NamedTuple):
    """Of which settlement a statement is wanted, for whom, and on which paper."""

    settlement_id: str
    region: str
    person_name: str
    certificate_number: str
    is_copy: bool
    is_large: bool


def run_statement(
    out: Console,
    err: Console,
    wish: Wish,
    file: Path,
    *,
    address: str,
    ca_file: Path,
    certificate_file: Path,
    key_file: Path,
    use_environment_proxy: bool,
    seconds: float,
) -> int:
    """Writes the file; returns 1 where it was refused, 2 where the call was not made."""
    form = _FORMS.get(file.suffix.lower())
    if form is None:
        err.print(f"{file}: ends in none of {', '.join(_FORMS)}", style="red", markup=False)
        return UNUSABLE
    try:
        channel = open_channel(
            address,
            ca_file=ca_file,
            certificate_file=certificate_file,
            key_file=key_file,
            use_environment_proxy=use_environment_proxy,
        )
    except StartError as error:
        err.print(str(error), style="red", markup=False, soft_wrap=True)
        return UNUSABLE
    with channel:
        try:
            answer = SettlementServiceStub(channel).GetStatement(
                _request(wish, form), timeout=seconds
            )
        except grpc.RpcError as error:
            show_refusal(err, error_of(error))
            return REFUSED
    try:
        file.write_bytes(_contents(answer))
    except OSError as error:
        err.print(f"{file}: cannot be written: {error.strerror}", style="red", markup=False)
        return UNUSABLE
    out.print(f"{file} is the statement.", markup=False, soft_wrap=True)
    return 0


def _request(wish: Wish, form: statement_pb2.StatementForm.ValueType) -> pb.GetStatementRequest:
    signed, copy = statement_pb2.STATEMENT_PAPER_SIGNED, statement_pb2.STATEMENT_PAPER_COPY
    return pb.GetStatementRequest(
        region=wish.region,
        settlement_id=wish.settlement_id,
        form=form,
        paper=copy if wish.is_copy else signed,
        person_name=wish.person_name,
        certificate_number=wish.certificate_number,
        large_print=wish.is_large,
    )


def _contents(answer: pb.GetStatementResponse) -> bytes:
    match answer.WhichOneof("document"):
        case "pdf":
            return answer.pdf
        case "html":
            return answer.html.encode()
        case _:
            return to_json(answer.statement).encode()

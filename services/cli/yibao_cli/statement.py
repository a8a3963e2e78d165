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
from yibao_cli.connection import Connection
from yibao_cli.output import is_json, print_document, tell_unusable
from yibao_cli.whole_file import whole_file
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
    out: Console, err: Console, wish: Wish, file: Path, *, at: Connection, seconds: float
) -> int:
    """Writes the file; returns 1 where it was refused, 2 where the call was not made."""
    form = _FORMS.get(file.suffix.lower())
    if form is None:
        tell_unusable(f"{file}: ends in none of {', '.join(_FORMS)}")
        return UNUSABLE
    try:
        channel = at.open()
    except StartError as error:
        tell_unusable(str(error))
        return UNUSABLE
    with channel:
        try:
            answer = SettlementServiceStub(channel).GetStatement(
                _request(wish, form), timeout=seconds
            )
        except grpc.RpcError as error:
            show_refusal(err, error_of(error))
            return REFUSED
    contents = _contents(answer)
    try:
        with whole_file(file, "wb") as stream:
            stream.write(contents)
    except StartError as error:
        tell_unusable(str(error))
        return UNUSABLE
    if is_json():
        print_document(out, {"file": str(file), "bytes": len(contents)})
    else:
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

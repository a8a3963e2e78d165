"""What GetStatement answers: the statement in the form and on the paper asked for."""

import datetime as dt

from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1 import statement_pb2
from yibao_common.rpc.wire import known
from yibao_common.values.caller import Caller
from yibao_settlement.application.credential import Viewer
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.statement import find_statement
from yibao_settlement.rules.statement.form import Printing, sheet_of
from yibao_settlement.rules.statement.masking import Paper
from yibao_settlement.servicer.statement.encode import statement_message
from yibao_settlement.servicer.statement.page import html_of
from yibao_settlement.servicer.statement.paper import pdf_of

_STRUCTURED = statement_pb2.STATEMENT_FORM_STRUCTURED
_HTML = statement_pb2.STATEMENT_FORM_HTML
_PDF = statement_pb2.STATEMENT_FORM_PDF
_FORMS: dict[int, int] = {each: each for each in (_STRUCTURED, _HTML, _PDF)}
_PAPERS: dict[int, Paper] = {
    statement_pb2.STATEMENT_PAPER_UNSPECIFIED: Paper.SIGNED,
    statement_pb2.STATEMENT_PAPER_SIGNED: Paper.SIGNED,
    statement_pb2.STATEMENT_PAPER_COPY: Paper.COPY,
}


def printing_of(request: pb.GetStatementRequest, *, today: dt.date) -> Printing:
    """Returns what the paper says of its own.

    Raises RuleError FIELD_OUT_OF_RANGE for a form or paper that is not known here.
    """
    known(_FORMS, request.form, field="form", what="form of a statement")
    paper = known(_PAPERS, request.paper, field="paper", what="paper")
    return Printing(paper, request.person_name, request.certificate_number, today)


def make_statement(
    reads: Reads, request: pb.GetStatementRequest, printing: Printing, caller: Caller | Viewer
) -> pb.GetStatementResponse:
    """Returns the answer; it may take as long as a paper of many pages takes to draw.

    Raises RuleError as `find_statement`.
    """
    statement = find_statement(reads, request.region, request.settlement_id, caller)
    if request.form == _STRUCTURED:
        return pb.GetStatementResponse(statement=statement_message(statement))
    sheet = sheet_of(statement, printing)
    if request.form == _HTML:
        return pb.GetStatementResponse(html=html_of(sheet, large=request.large_print))
    return pb.GetStatementResponse(pdf=pdf_of(sheet, large=request.large_print))

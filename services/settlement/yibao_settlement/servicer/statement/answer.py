"""What is answered where a statement is asked for: in its form and on its paper."""

import datetime as dt

from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1 import statement_pb2
from yibao.settlement.v1.account_service_pb2 import (
    GetAccountStatementRequest,
    GetAccountStatementResponse,
)
from yibao_common.papers.page import html_of
from yibao_common.papers.pdf import pdf_of
from yibao_common.rpc.wire import known, to_date
from yibao_common.values.caller import Caller
from yibao_common.values.masking import Paper
from yibao_settlement.application.account_statement import find_account_statement
from yibao_settlement.application.credential import Viewer
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.statement import find_statement
from yibao_settlement.rules.statement.account_form import account_sheet_of
from yibao_settlement.rules.statement.form import Printing, sheet_of
from yibao_settlement.servicer.statement.account import account_statement_message
from yibao_settlement.servicer.statement.encode import statement_message

_STRUCTURED = statement_pb2.STATEMENT_FORM_STRUCTURED
_HTML = statement_pb2.STATEMENT_FORM_HTML
_PDF = statement_pb2.STATEMENT_FORM_PDF
_FORMS: dict[int, int] = {each: each for each in (_STRUCTURED, _HTML, _PDF)}
_PAPERS: dict[int, Paper] = {
    statement_pb2.STATEMENT_PAPER_UNSPECIFIED: Paper.SIGNED,
    statement_pb2.STATEMENT_PAPER_SIGNED: Paper.SIGNED,
    statement_pb2.STATEMENT_PAPER_COPY: Paper.COPY,
}


def printing_of(
    request: pb.GetStatementRequest | GetAccountStatementRequest, *, today: dt.date
) -> Printing:
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


def make_account_statement(
    reads: Reads,
    request: GetAccountStatementRequest,
    printing: Printing,
    viewer: Viewer,
    *,
    now: dt.datetime,
) -> GetAccountStatementResponse:
    """Returns the answer, as `make_statement` does.

    Raises RuleError as `find_account_statement`.
    """
    statement = find_account_statement(
        reads,
        request.region,
        request.person_id,
        viewer,
        start_date=to_date(request.start_date),
        end_date=to_date(request.end_date),
        now=now,
    )
    if request.form == _STRUCTURED:
        return GetAccountStatementResponse(statement=account_statement_message(statement))
    sheet = account_sheet_of(statement, printing)
    if request.form == _HTML:
        return GetAccountStatementResponse(html=html_of(sheet, large=request.large_print))
    return GetAccountStatementResponse(pdf=pdf_of(sheet, large=request.large_print))

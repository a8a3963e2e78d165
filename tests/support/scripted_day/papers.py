"""What a person is handed: a bill's statement, the account's, and the printed record of a card."""

import datetime as dt

from support.both_services import CALL_SECONDS, BothServices
from support.scripted_day.agency import asked
from support.scripted_day.counter import Client
from support.settlement_world import REGION

from yibao.identity.v1 import card_service_pb2, card_use_messages_pb2, person_pb2
from yibao.settlement.v1 import account_service_pb2 as accounts_pb
from yibao.settlement.v1 import settlement_service_pb2 as settlements_pb
from yibao.settlement.v1 import statement_pb2
from yibao_common.rpc.wire import from_date

PDF = statement_pb2.STATEMENT_FORM_PDF


def statement_of_bill(services: BothServices, client: Client) -> bytes:
    """Returns the statement of a person's bill as PDF, as the hospital prints it."""
    assert client.settled is not None
    request = settlements_pb.GetStatementRequest(
        region=REGION,
        settlement_id=client.settled.settlement_id,
        form=PDF,
        person_name="欧阳测试",
        certificate_number=client.citizen_number,
    )
    return services.settlements().GetStatement(request, timeout=CALL_SECONDS).pdf


def statement_of_account(services: BothServices, client: Client, year: int) -> bytes:
    """Returns the statement of a person's account of a year as PDF."""
    request = accounts_pb.GetAccountStatementRequest(
        region=REGION,
        person_id=client.person_id,
        start_date=from_date(dt.date(year, 1, 1)),
        end_date=from_date(dt.date(year, 12, 31)),
        form=PDF,
        person_name="欧阳测试",
        certificate_number=client.citizen_number,
    )
    return services.accounts().GetAccountStatement(request, timeout=CALL_SECONDS).pdf


def printed_record(services: BothServices, client: Client) -> bytes:
    """Gives a person a card, and returns what its holder has printed with it at the hospital."""
    issue = card_service_pb2.IssueCardRequest(
        person_id=client.person_id,
        card_serial=f"S{client.person_id[-12:]}",
        chip_number=f"C{client.person_id[-12:]}",
        standard_version="3",
        bank_code="CCB001",
        **asked(),
    )
    card = services.cards().IssueCard(issue, timeout=CALL_SECONDS).card
    request = card_use_messages_pb2.PrintTransactionsRequest(
        card_id=card.card_id,
        is_original_card_shown=True,
        document=person_pb2.ShownDocument(
            certificate_type="01", certificate_number=client.citizen_number
        ),
        account_form=PDF,
        **asked(),
    )
    return services.cards("hospital").PrintTransactions(request, timeout=CALL_SECONDS).account_pdf

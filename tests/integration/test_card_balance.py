"""A card is lost and replaced while there is money: settlement keeps every fen in its place."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from support.both_services import (
    ADMISSION,
    CALL_SECONDS,
    SETTLE,
    BothServices,
    Contents,
    Patient,
    outcome,
    refusal_of,
)
from support.databases import as_owner
from support.identity_world import registration
from support.settlement_world import REGION

from yibao.identity.v1 import card_pb2, card_service_pb2, person_pb2
from yibao.identity.v1 import card_use_messages_pb2 as uses_pb2
from yibao.identity.v1 import loss_messages_pb2 as loss_pb2
from yibao.identity.v1 import pin_messages_pb2 as pin_pb2
from yibao.settlement.v1 import account_service_pb2, bill_pb2, settlement_service_pb2
from yibao_common.rpc.wire import from_instant
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id
from yibao_identity.storage import tables as identity_tables
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.storage import tables

PIN = "730519"
CREDIT_FEN = 123_457
PAPERS = card_pb2.LossPapers(
    employer_letter_reference="letter/1", office_confirmation_reference="stamp/1"
)
# What settlement copies from identity's feed; a replaced card shows there and nowhere else.
FED = ("person", "enrolment", "credential", "feed_position")


class Holder:
    """Somebody with money on the account, at the counter of an agency and in a hospital."""

    def __init__(self, services: BothServices) -> None:
        self.services = services
        number = services.new_number()
        request = registration(
            number, region=REGION, insurance_type="390", person_class="16", entitlement_groups=()
        )
        person = services.persons().RegisterPerson(request, timeout=CALL_SECONDS).person
        self.person_id: str = person.person_id
        self.document = person_pb2.ShownDocument(certificate_type="01", certificate_number=number)

    def head(self, **fields: Any) -> dict[str, Any]:
        return {"request_id": new_id(), "region": REGION, **fields}

    def call(self, method: str, request: Any) -> Any:
        return getattr(self.services.cards(), method)(request, timeout=CALL_SECONDS)

    def first_card(self) -> Any:
        request = card_service_pb2.IssueCardRequest(
            **self.head(person_id=self.person_id, standard_version="3", bank_code="CCB001"),
            card_serial=new_id()[-12:],
            chip_number=new_id()[-12:],
        )
        return self.call("IssueCard", request).card

    def activation(self, card: Any) -> card_service_pb2.ActivateCardRequest:
        seen = card_service_pb2.CounterEvidence(is_original_card_shown=True, document=self.document)
        return card_service_pb2.ActivateCardRequest(**self.head(card_id=card.card_id), counter=seen)

    def set_pin(self, card: Any) -> None:
        request = pin_pb2.SetPinRequest(
            **self.head(card_id=card.card_id, pin=PIN),
            is_original_card_shown=True,
            document=self.document,
        )
        self.call("SetPin", request)

    def replacement(self, card: Any) -> Any:
        """Reports the loss, orders and collects; the seven days pass in the books alone."""
        loss = loss_pb2.ReportCardLossRequest(**self.head(card_id=card.card_id), papers=PAPERS)
        self.call("ReportCardLoss", loss)
        order = loss_pb2.OrderReplacementRequest(
            **self.head(card_id=card.card_id), document=self.document
        )
        self.call("OrderReplacement", order)
        table = identity_tables.card_replacement
        week_ago = shanghai_day(self.services.clock()) - dt.timedelta(days=1)
        with as_owner(self.services.identity_database) as connection:
            connection.execute(
                sa.update(table).where(table.c.card_id == card.card_id).values(ready_date=week_ago)
            )
        collect = loss_pb2.CollectReplacementRequest(
            **self.head(card_id=card.card_id),
            card_serial=new_id()[-12:],
            chip_number=new_id()[-12:],
            document=self.document,
        )
        return self.call("CollectReplacement", collect).card

    def swipe(self, card: Any, audience: str = SETTLE) -> str:
        chip = card_pb2.ChipRead(
            card_serial=card.card_serial,
            chip_number=card.chip_number,
            read_time=from_instant(self.services.clock()),
        )
        request = uses_pb2.AuthorizeCardRequest(**self.head(chip=chip, pin=PIN, audience=audience))
        stub = self.services.cards("hospital")
        return str(stub.AuthorizeCard(request, timeout=CALL_SECONDS).qr_text)

    def visit(self, card: Any) -> Patient:
        request = self.services.visit_request(self.swipe(card, ADMISSION))
        visit = self.services.visits().RegisterVisit(request, timeout=CALL_SECONDS).visit
        return Patient(self.person_id, "", card.subject, visit.visit_id)

    def settlement(
        self, patient: Patient, qr_text: str
    ) -> settlement_service_pb2.SettleBillRequest:
        """Returns a bill of which the own part is paid from the account."""
        request = self.services.settle_request(patient, qr_text)
        request.bill.account_use = bill_pb2.ACCOUNT_USE_OWN
        return request

    def balance_fen(self) -> int:
        question = account_service_pb2.GetAccountRequest(region=REGION, person_id=self.person_id)
        answer = self.services.accounts().GetAccount(question, timeout=CALL_SECONDS)
        return int(answer.account.balance_fen)


def books(services: BothServices) -> Contents:
    """Returns what settlement keeps of its own: accounts, entries, bills, used codes."""
    contents = services.contents()
    return {name: rows for name, rows in contents.items() if name not in FED}


def test_the_balance_follows_to_the_replacement_with_the_total_unchanged(
    services: BothServices,
) -> None:
    """I-23: activated, activated again, and not a fen has moved; then it is spent with it."""
    holder = Holder(services)
    card = holder.first_card()
    holder.call("ActivateCard", holder.activation(card))
    holder.set_pin(card)
    services.wait_until_told()
    credit = account_service_pb2.CreditAccountRequest(
        **holder.head(person_id=holder.person_id),
        amount_fen=CREDIT_FEN,
        source=account_service_pb2.CREDIT_SOURCE_ALLOCATION,
    )
    services.accounts().CreditAccount(credit, timeout=CALL_SECONDS)
    patient = holder.visit(card)
    old_code = holder.swipe(card)

    before = books(services)
    new = holder.replacement(card)
    activation = holder.activation(new)
    first = holder.call("ActivateCard", activation)
    again = holder.call("ActivateCard", activation)
    assert again == first
    assert first.replaced_card_id == card.card_id
    holder.set_pin(new)
    services.wait_until_told()
    assert books(services) == before
    assert holder.balance_fen() == CREDIT_FEN

    # The old card's code is of no use any more, the new card's pays from the same account.
    refusal = refusal_of(services.settlements().SettleBill, holder.settlement(patient, old_code))
    assert outcome(refusal)[1] == "CARD_CLOSED"
    assert books(services) == before
    paid = services.settlements().SettleBill(
        holder.settlement(patient, holder.swipe(new)), timeout=CALL_SECONDS
    )
    spent_fen = CREDIT_FEN - holder.balance_fen()
    assert paid.settlement.account_fen == spent_fen
    assert spent_fen > 0
    assert check_ledger(services.database).drifts == []


def test_settlements_tables_that_the_feed_fills_are_these() -> None:
    assert set(FED) <= set(tables.metadata.tables)

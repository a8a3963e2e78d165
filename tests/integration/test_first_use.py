"""A card is activated where its holder is: settlement knows the visit and the pharmacy."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from support.both_services import CALL_SECONDS, BothServices, outcome, refusal_of
from support.serving import open_test_log
from support.settlement_world import HOSPITAL, REGION

from yibao.errors import Refusal
from yibao.identity.v1 import card_pb2, card_service_pb2
from yibao.settlement.v1 import visit_pb2
from yibao.settlement.v1 import visit_service_pb2 as visits_pb2
from yibao_cli.ports import choose_ports
from yibao_common.process.config import ServerConfig
from yibao_common.rpc.channels import Peer
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.servicer.card.first_use import NoFirstUses, SettlementFirstUses

FAILED = grpc.StatusCode.FAILED_PRECONDITION
ADMISSION = "01103"


def issued(services: BothServices, person_id: str) -> card_pb2.Card:
    """Issues a card to a person."""
    number = new_id()[-12:]
    request = card_service_pb2.IssueCardRequest(
        request_id=new_id(),
        region=REGION,
        person_id=person_id,
        card_serial=f"S{number}",
        chip_number=f"C{number}",
        standard_version="3",
        bank_code="CCB001",
    )
    return services.cards().IssueCard(request, timeout=CALL_SECONDS).card


def at_terminal(
    services: BothServices, card: card_pb2.Card, visit_number: str = ""
) -> card_service_pb2.ActivateCardRequest:
    """Returns a request of a hospital that names a visit, else of a pharmacy."""
    chip = card_pb2.ChipRead(
        card_serial=card.card_serial,
        chip_number=card.chip_number,
        read_time=from_instant(services.clock()),
    )
    place: dict[str, Any] = {"pharmacy": card_service_pb2.PharmacyEvidence(chip=chip)}
    if visit_number:
        evidence = card_service_pb2.HospitalEvidence(chip=chip, provider_visit_number=visit_number)
        place = {"hospital": evidence}
    return card_service_pb2.ActivateCardRequest(request_id=new_id(), region=REGION, **place)


def registered(services: BothServices, certificate_id: str, number: str, **fields: object) -> str:
    """Registers a visit under a number; returns its id."""
    code = services.code(certificate_id, ADMISSION)
    request = services.visit_request(code, provider_visit_number=number, **fields)
    return services.visits().RegisterVisit(request, timeout=CALL_SECONDS).visit.visit_id


def firmly_refused(method: Callable[..., object], request: object) -> Refusal:
    """Returns why a call is refused; identity may not hear from settlement in time at once."""
    for _ in range(5):
        refusal = refusal_of(method, request)
        if refusal.reason != "ERROR_REASON_FIRST_USE_UNCONFIRMED":
            break
    return refusal


def test_a_hospital_activates_a_card_with_a_visit_of_its_holder(services: BothServices) -> None:
    """I-25: not an invented one, another person's, another hospital's, one that is over."""
    person_id, certificate_id, _ = services.person()
    _, other_certificate_id, _ = services.person()
    card = issued(services, person_id)
    own, foreign, over, gone = (f"{letter}{new_id()}"[:20] for letter in "VWXY")
    registered(services, other_certificate_id, foreign)
    cancelled = visits_pb2.CancelVisitRequest(
        request_id=new_id(), region=REGION, visit_id=registered(services, certificate_id, over)
    )
    services.visits().CancelVisit(cancelled, timeout=CALL_SECONDS)
    yesterday = from_date(shanghai_day(services.clock()) - dt.timedelta(days=1))
    discharged = visits_pb2.DischargeVisitRequest(
        request_id=new_id(),
        region=REGION,
        visit_id=registered(services, certificate_id, gone, start_date=yesterday),
        end_date=yesterday,
        discharge_way=visit_pb2.DISCHARGE_WAY_ORDERED,
    )
    services.visits().DischargeVisit(discharged, timeout=CALL_SECONDS)
    registered(services, certificate_id, own)
    unregistered = (FAILED, "REGISTRATION_REQUIRED")
    for caller, number, expected in (
        ("hospital-terminal", "V-INVENTED", unregistered),
        ("hospital-terminal", foreign, unregistered),
        ("hospital-terminal", over, unregistered),
        ("hospital-terminal", gone, unregistered),
        ("other-hospital", own, unregistered),
        ("stranger", own, (FAILED, "INSTITUTION_NOT_DESIGNATED")),
        ("elsewhere", own, (FAILED, "OFFSITE_NOT_REGISTERED")),
    ):
        stub = services.cards(caller)
        told = firmly_refused(stub.ActivateCard, at_terminal(services, card, number))
        assert outcome(told) == expected, caller
    request = at_terminal(services, card, own)
    active = services.cards("hospital-terminal").ActivateCard(request, timeout=CALL_SECONDS).card
    assert active.state == card_pb2.CARD_STATE_ACTIVE


def test_a_pharmacy_activates_a_card_where_it_is_designated(services: BothServices) -> None:
    """I-26: on the day; one that no region agreed with does not."""
    person_id, _, _ = services.person()
    card = issued(services, person_id)
    stub = services.cards("pharmacy-stranger")
    told = refusal_of(stub.ActivateCard, at_terminal(services, card))
    assert outcome(told) == (FAILED, "INSTITUTION_NOT_DESIGNATED")
    request = at_terminal(services, card)
    active = services.cards("pharmacy").ActivateCard(request, timeout=CALL_SECONDS).card
    assert active.activation_channel == card_pb2.ACTIVATION_CHANNEL_PHARMACY


def test_first_uses_are_confirmed_for_identity_alone(services: BothServices) -> None:
    """I-25: a visit is nobody else's business."""
    question = visits_pb2.ValidateFirstUseRequest(
        region=REGION, person_id=new_id(), institution_id=HOSPITAL, provider_visit_number="V1"
    )
    for name, code in (
        ("hospital", grpc.StatusCode.PERMISSION_DENIED),
        ("settlement-server", grpc.StatusCode.PERMISSION_DENIED),
    ):
        assert refusal_of(services.visits(name).ValidateFirstUse, question).code is code
    told = refusal_of(services.visits("identity-server").ValidateFirstUse, question)
    assert outcome(told) == (FAILED, "REGISTRATION_REQUIRED")


async def refusal_without_settlement(question: visits_pb2.ValidateFirstUseRequest) -> Any:
    """Asks where nobody listens."""
    own = ServerConfig.model_validate({"address": "127.0.0.1:0", "insecure": True})
    log, lines = open_test_log()
    (port,) = choose_ports([None])
    asking = SettlementFirstUses(Peer(f"localhost:{port}"), own=own, log=log)
    asking.start()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(asking.close)
        refusal = await asking.refusal_of(question)
    assert "a first use was not confirmed" in lines.getvalue()
    return refusal


def test_without_an_answer_the_terminal_is_told_to_come_again() -> None:
    """I-25: never activated on the terminal's word alone."""
    question = visits_pb2.ValidateFirstUseRequest(institution_id=HOSPITAL)
    refusal = asyncio.run(refusal_without_settlement(question))
    assert refusal.reason is Reason.FIRST_USE_UNCONFIRMED


@pytest.mark.parametrize(
    ("institution_id", "channel"), [(HOSPITAL, "HOSPITAL"), ("P99901900001", "PHARMACY")]
)
def test_where_settlement_is_not_configured_counters_activate_alone(
    institution_id: str, channel: str
) -> None:
    """I-24, I-27."""
    question = visits_pb2.ValidateFirstUseRequest(institution_id=institution_id)
    refusal = asyncio.run(NoFirstUses().refusal_of(question))
    assert refusal is not None
    assert refusal.reason is Reason.CHANNEL_NOT_ALLOWED
    assert refusal.metadata == {"channel": channel}

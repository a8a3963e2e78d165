"""CardService: how cards come to be, are activated, and are closed."""

from contextlib import nullcontext
from dataclasses import replace

import grpc

from yibao.identity.v1 import card_service_pb2 as pb
from yibao.settlement.v1.visit_service_pb2 import ValidateFirstUseRequest
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.wire import as_sent, to_date
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_identity.application.card.life import (
    ActivateCard,
    CardEvidence,
    Cards,
    CloseCard,
    IssueCard,
    named_by,
)
from yibao_identity.application.death import Report
from yibao_identity.rules.card import ActivationChannel, Card, CardClosing, CardEvent
from yibao_identity.rules.card_use import check_original, original_required
from yibao_identity.rules.channel import Channel, activation_channel
from yibao_identity.servicer.card.first_use import FirstUses
from yibao_identity.servicer.card.messages import (
    card_message,
    chip_of,
    document_of,
    refuse_field,
    request_of,
)
from yibao_identity.servicer.person.limit import LookupLimit

_CLOSINGS = {
    pb.CARD_CLOSING_SURRENDERED: CardClosing.SURRENDERED,
    pb.CARD_CLOSING_HOLDER_DIED: CardClosing.HOLDER_DIED,
    pb.CARD_CLOSING_MOVED_AWAY: CardClosing.MOVED_AWAY,
    pb.CARD_CLOSING_DAMAGED: CardClosing.DAMAGED,
    pb.CARD_CLOSING_EXCHANGED: CardClosing.EXCHANGED,
}
_EVIDENCE = {
    "counter": Channel.COUNTER,
    "hospital": Channel.HOSPITAL,
    "pharmacy": Channel.PHARMACY,
}


class CardPart:
    """Methods about the life of cards; everything blocks, so it runs in threads."""

    def __init__(
        self, cards: Cards, blocking: Blocking, *, first_uses: FirstUses, chips: LookupLimit
    ) -> None:
        """Takes what answers, who confirms first uses, and how many chips may be none."""
        self._chips = chips
        self._cards = cards
        self._blocking = blocking
        self._asked = _AskedFirst(cards, blocking, first_uses)

    async def IssueCard(
        self,
        request: pb.IssueCardRequest,
        context: "grpc.aio.ServicerContext[pb.IssueCardRequest, pb.IssueCardResponse]",
    ) -> pb.IssueCardResponse:
        """Issues a card."""
        command = IssueCard(
            request_of("IssueCard", request.region, request.request_id, request),
            request.person_id,
            request.card_serial,
            request.chip_number,
            request.standard_version,
            request.bank_code,
        )

        def encode(card: Card) -> bytes:
            return pb.IssueCardResponse(card=card_message(card)).SerializeToString()

        response = await self._blocking.run(self._cards.issue, command, encode)
        return as_sent(pb.IssueCardResponse, response)

    async def GetCard(
        self,
        request: pb.GetCardRequest,
        context: "grpc.aio.ServicerContext[pb.GetCardRequest, pb.GetCardResponse]",
    ) -> pb.GetCardResponse:
        """Reads one card."""
        caller = current_caller()
        caller.require_region(request.region)
        found = await self._blocking.run(
            self._cards.find, request.region, request.card_id, caller=caller
        )
        return pb.GetCardResponse(card=card_message(found))

    async def ListCards(
        self,
        request: pb.ListCardsRequest,
        context: "grpc.aio.ServicerContext[pb.ListCardsRequest, pb.ListCardsResponse]",
    ) -> pb.ListCardsResponse:
        """Reads the cards of a person, or the one of a serial."""
        caller = current_caller()
        caller.require_region(request.region)
        person_id, serial = request.person_id, request.card_serial
        if bool(person_id) == bool(serial):
            refuse_field(
                "person_id", Reason.FIELD_REQUIRED, "give one of person_id and card_serial"
            )
        read = self._cards.of_person if person_id else self._cards.with_serial
        found = await self._blocking.run(read, request.region, person_id or serial, caller=caller)
        return pb.ListCardsResponse(cards=map(card_message, found))

    async def ActivateCard(
        self,
        request: pb.ActivateCardRequest,
        context: "grpc.aio.ServicerContext[pb.ActivateCardRequest, pb.ActivateCardResponse]",
    ) -> pb.ActivateCardResponse:
        """Activates a card at a counter or at its first use."""
        asked = _activation(request)
        is_guess = asked.evidence.chip is not None

        def encode(card: Card) -> bytes:
            return pb.ActivateCardResponse(
                card=card_message(card), replaced_card_id=card.replaces_card_id or ""
            ).SerializeToString()

        with self._chips.found_out(asked.request.caller) if is_guess else nullcontext():
            command = await self._asked.of(asked)
            response = await self._blocking.run(self._cards.activate, command, encode)
        return as_sent(pb.ActivateCardResponse, response)

    async def CloseCard(
        self,
        request: pb.CloseCardRequest,
        context: "grpc.aio.ServicerContext[pb.CloseCardRequest, pb.CloseCardResponse]",
    ) -> pb.CloseCardResponse:
        """Closes a card for good."""
        command = CloseCard(
            request_of("CloseCard", request.region, request.request_id, request),
            request.card_id,
            _CLOSINGS[request.closing],
            request.is_original_card_shown,
            document_of(request),
            _death_of(request),
        )

        def encode(card: Card) -> bytes:
            return pb.CloseCardResponse(card=card_message(card)).SerializeToString()

        response = await self._blocking.run(self._cards.close, command, encode)
        return as_sent(pb.CloseCardResponse, response)


class _AskedFirst:
    """Commands that activate, with what settlement says of a first use."""

    def __init__(self, cards: Cards, blocking: Blocking, first_uses: FirstUses) -> None:
        self._cards = cards
        self._blocking = blocking
        self._first_uses = first_uses

    async def of(self, command: ActivateCard) -> ActivateCard:
        """Returns the command as it is to be decided."""
        evidence, asked = command.evidence, command.request
        number = evidence.provider_visit_number
        is_hospital = command.channel is ActivationChannel.HOSPITAL
        if evidence.chip is None or (is_hospital and not number):
            return command
        holder_of = self._cards.holder_of
        person_id = await self._blocking.run(holder_of, asked.region, named_by(command))
        if person_id is None:
            return command
        question = ValidateFirstUseRequest(
            region=asked.region,
            person_id=person_id,
            institution_id=asked.caller.own_institution(),
            provider_visit_number=number,
        )
        refusal = await self._first_uses.refusal_of(question)
        return replace(command, evidence=replace(evidence, first_use_refusal=refusal))


def _death_of(request: pb.CloseCardRequest) -> Report | None:
    """Returns what is told of a holder's death; refuses a part of it, and one out of place."""
    given = {
        "death_date": request.HasField("death_date"),
        "death_evidence_reference": bool(request.death_evidence_reference),
    }
    if request.closing != pb.CARD_CLOSING_HOLDER_DIED:
        # A death that is told must not be passed over because the cause says something else.
        message = "belongs to the cause HOLDER_DIED alone"
        refuse_faults(
            [
                FieldFault(name, Reason.FIELD_MALFORMED, message)
                for name, has in given.items()
                if has
            ]
        )
        return None
    message = "is required where the holder died"
    refuse_faults(
        [FieldFault(name, Reason.FIELD_REQUIRED, message) for name, has in given.items() if not has]
    )
    return Report(to_date(request.death_date), request.death_evidence_reference)


def _activation(request: pb.ActivateCardRequest) -> ActivateCard:
    """Returns the command, refusing what no card needs to be looked at for."""
    origin = request_of("ActivateCard", request.region, request.request_id, request)
    kind = request.WhichOneof("evidence")
    if kind is None:
        refuse_field("evidence", Reason.FIELD_REQUIRED, "is required")
    assert kind is not None
    channel = activation_channel(origin.caller, _EVIDENCE[kind])
    if channel.event is CardEvent.ACTIVATE_AT_COUNTER:
        if not request.card_id:
            refuse_field("card_id", Reason.FIELD_REQUIRED, "is required at a counter")
        counter = request.counter
        check_original(counter.is_original_card_shown)
        evidence = CardEvidence(is_original_card_shown=True, document=document_of(counter))
    else:
        evidence = _terminal_evidence(getattr(request, kind))
    return ActivateCard(origin, request.card_id, channel, evidence)


def _terminal_evidence(given: pb.HospitalEvidence | pb.PharmacyEvidence) -> CardEvidence:
    chip = chip_of(given)
    if chip is None:
        raise original_required()
    visit = given.provider_visit_number if isinstance(given, pb.HospitalEvidence) else ""
    return CardEvidence(chip=chip, provider_visit_number=visit)

"""CardService: PINs.

A PIN is hashed before anything is locked, away from the event loop and from the threads
that wait for the database. What stands for it in the digest of a request is that hash, so
that the same request id with another PIN is refused, and the stored digest is no faster
way to the PIN than the stored hash.
"""

from contextlib import nullcontext

import grpc

from yibao.identity.v1 import pin_messages_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.wire import as_sent
from yibao_identity.application.card.rows import CardName
from yibao_identity.application.pin.hashing import HashedPin, NewPin, PinHashing
from yibao_identity.application.pin.life import (
    ChangePin,
    Pins,
    ReportPinLost,
    ResetPin,
    SetPin,
    VerifyPin,
)
from yibao_identity.rules.card import Card
from yibao_identity.rules.card_use import ChipRead
from yibao_identity.rules.channel import check_counter
from yibao_identity.servicer.card.messages import (
    card_message,
    chip_of,
    document_of,
    request_of,
)
from yibao_identity.servicer.person.limit import LookupLimit


class HashedPins:
    """Hashes the PINs of requests."""

    def __init__(
        self, pins: Pins, hasher: PinHashing, blocking: Blocking, *, chips: LookupLimit
    ) -> None:
        """Takes what tells the places of PINs, what hashes, and how many chips may be none."""
        self._chips = chips
        self._pins = pins
        self._hasher = hasher
        self._blocking = blocking

    async def of(self, region: str, card: CardName, pin: str) -> tuple[str, HashedPin]:
        """Returns the card's id and what stands for a PIN of it.

        A chip that no card has counts as a guess of the caller's.
        """
        is_guess = bool(card.chip_number)
        with self._chips.found_out(current_caller()) if is_guess else nullcontext():
            place = await self._blocking.run(self._pins.place, region, card)
        return place.card_id, await self._hasher.hash(pin, place)

    def stand_in(self, pin: HashedPin) -> str:
        """Returns what stands for a PIN in the digest of a request."""
        return self._hasher.digest(pin).hex()


class PinPart:
    """Methods about PINs."""

    def __init__(self, pins: Pins, hashed: HashedPins, blocking: Blocking) -> None:
        """Takes what answers, and what hashes."""
        self._pins = pins
        self._hashed = hashed
        self._blocking = blocking

    async def SetPin(
        self,
        request: pb.SetPinRequest,
        context: "grpc.aio.ServicerContext[pb.SetPinRequest, pb.SetPinResponse]",
    ) -> pb.SetPinResponse:
        """Sets the first PIN."""
        current_caller().require_region(request.region)
        card_id, hashed = await self._hashed.of(
            request.region, CardName(request.card_id), request.pin
        )
        content = pb.SetPinRequest()
        content.CopyFrom(request)
        content.pin = self._hashed.stand_in(hashed)
        command = SetPin(
            request_of("SetPin", request.region, request.request_id, content),
            card_id,
            NewPin(request.pin, hashed),
            request.is_original_card_shown,
            document_of(request),
        )

        def encode(card: Card) -> bytes:
            return pb.SetPinResponse(card=card_message(card)).SerializeToString()

        response = await self._blocking.run(self._pins.set, command, encode)
        return as_sent(pb.SetPinResponse, response)

    async def VerifyPin(
        self,
        request: pb.VerifyPinRequest,
        context: "grpc.aio.ServicerContext[pb.VerifyPinRequest, pb.VerifyPinResponse]",
    ) -> pb.VerifyPinResponse:
        """Tries a PIN in a terminal."""
        current_caller().own_institution()
        chip = chip_of(request)
        assert chip is not None, "the gate demands it"
        card_id, hashed = await self._hashed.of(request.region, named_by(chip), request.pin)
        content = pb.VerifyPinRequest()
        content.CopyFrom(request)
        content.pin = self._hashed.stand_in(hashed)
        command = VerifyPin(
            request_of("VerifyPin", request.region, request.request_id, content),
            card_id,
            chip,
            hashed,
        )

        def encode(card: Card) -> bytes:
            return pb.VerifyPinResponse(card_id=card.card_id).SerializeToString()

        response = await self._blocking.run(self._pins.verify, command, encode)
        return as_sent(pb.VerifyPinResponse, response)

    async def ChangePin(
        self,
        request: pb.ChangePinRequest,
        context: "grpc.aio.ServicerContext[pb.ChangePinRequest, pb.ChangePinResponse]",
    ) -> pb.ChangePinResponse:
        """Changes a PIN, by telephone with the old one or at a counter with the document."""
        caller = current_caller()
        caller.require_region(request.region)
        if not request.old_pin:
            # Without the old PIN it is forgotten, and that is for a counter (I-15).
            check_counter(caller)
        card = CardName(request.card_id)
        card_id, new = await self._hashed.of(request.region, card, request.new_pin)
        content = pb.ChangePinRequest()
        content.CopyFrom(request)
        content.new_pin = self._hashed.stand_in(new)
        old = None
        if request.old_pin:
            _, old = await self._hashed.of(request.region, card, request.old_pin)
            content.old_pin = self._hashed.stand_in(old)
        command = ChangePin(
            request_of("ChangePin", request.region, request.request_id, content),
            card_id,
            old,
            NewPin(request.new_pin, new),
            document_of(request),
        )

        def encode(card: Card) -> bytes:
            return pb.ChangePinResponse(card=card_message(card)).SerializeToString()

        response = await self._blocking.run(self._pins.change, command, encode)
        return as_sent(pb.ChangePinResponse, response)

    async def ReportPinLost(
        self,
        request: pb.ReportPinLostRequest,
        context: "grpc.aio.ServicerContext[pb.ReportPinLostRequest, pb.ReportPinLostResponse]",
    ) -> pb.ReportPinLostResponse:
        """Refuses a PIN from now on."""
        check_counter(current_caller())
        command = ReportPinLost(
            request_of("ReportPinLost", request.region, request.request_id, request),
            request.card_id,
            document_of(request),
        )

        def encode(card: Card) -> bytes:
            return pb.ReportPinLostResponse(card=card_message(card)).SerializeToString()

        response = await self._blocking.run(self._pins.report_lost, command, encode)
        return as_sent(pb.ReportPinLostResponse, response)

    async def ResetPin(
        self,
        request: pb.ResetPinRequest,
        context: "grpc.aio.ServicerContext[pb.ResetPinRequest, pb.ResetPinResponse]",
    ) -> pb.ResetPinResponse:
        """Sets another PIN without the old one."""
        caller = current_caller()
        check_counter(caller)
        caller.require_region(request.region)
        card_id, hashed = await self._hashed.of(
            request.region, CardName(request.card_id), request.new_pin
        )
        content = pb.ResetPinRequest()
        content.CopyFrom(request)
        content.new_pin = self._hashed.stand_in(hashed)
        command = ResetPin(
            request_of("ResetPin", request.region, request.request_id, content),
            card_id,
            NewPin(request.new_pin, hashed),
            document_of(request),
        )

        def encode(card: Card) -> bytes:
            return pb.ResetPinResponse(card=card_message(card)).SerializeToString()

        response = await self._blocking.run(self._pins.reset, command, encode)
        return as_sent(pb.ResetPinResponse, response)


def named_by(chip: ChipRead) -> CardName:
    """Returns the name of the card that a chip is of."""
    return CardName(card_serial=chip.card_serial, chip_number=chip.chip_number)

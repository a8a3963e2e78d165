"""Requests that hold PINs: what stands for one in the digest, and what is refused unhashed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.card_acts import BANK, DOCUMENT, HOSPITAL, NUMBER, OTHER_PIN, PIN, REGION
from support.memory.pin_hashing import QuickHasher
from support.memory_cards import MemoryCardDesk

from yibao.identity.v1 import card_pb2, person_pb2
from yibao.identity.v1 import pin_messages_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import set_current_caller
from yibao_common.rpc.wire import from_instant
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.rules.card import Card
from yibao_identity.servicer.person.limit import chip_limit
from yibao_identity.servicer.pin import HashedPins, PinPart

WRONG = "111118"
SHOWN = person_pb2.ShownDocument(
    certificate_type=DOCUMENT.certificate_type, certificate_number=NUMBER
)


class Counter:
    """The methods about PINs over cards in memory."""

    def __init__(self) -> None:
        self.desk = MemoryCardDesk()
        self.hasher = QuickHasher()

    def call(self, method: str, request: Any, *, caller: str = HOSPITAL) -> Any:
        """Calls a method; what it answers is bytes."""

        async def main() -> Any:
            set_current_caller(parse_caller(caller))
            blocking = Blocking()
            try:
                hashed = HashedPins(self.desk.pins, self.hasher, blocking, chips=chip_limit(600))
                part = PinPart(self.desk.pins, hashed, blocking)
                served: Callable[..., Awaitable[Any]] = getattr(part, method)
                return await served(request, None)
            finally:
                blocking.close()

        return asyncio.run(main())

    def refusal(self, method: str, request: Any, *, caller: str = HOSPITAL) -> Reason:
        with pytest.raises(RuleError) as refused:
            self.call(method, request, caller=caller)
        return refused.value.reason

    def verify(self, card: Card, pin: str) -> pb.VerifyPinRequest:
        chip = card_pb2.ChipRead(
            card_serial=card.card_serial,
            chip_number=card.chip_number,
            read_time=from_instant(self.desk.now),
        )
        return pb.VerifyPinRequest(request_id=new_id(), region=REGION, chip=chip, pin=pin)

    def tries(self, card: Card) -> int:
        return self.desk.row(card).pin.wrong_tries


@pytest.fixture
def counter() -> Counter:
    return Counter()


def test_the_same_request_is_one_try_and_another_pin_under_its_id_is_another(
    counter: Counter,
) -> None:
    """I-13: the digest knows the PIN by its hash."""
    card = counter.desk.active()
    request = counter.verify(card, WRONG)
    for _ in range(3):
        assert counter.refusal("VerifyPin", request) is Reason.PIN_INCORRECT
    assert counter.tries(card) == 1
    request.pin = "111119"
    assert counter.refusal("VerifyPin", request) is Reason.REQUEST_ID_REUSED
    assert counter.tries(card) == 2


def test_a_request_is_left_as_it_came(counter: Counter) -> None:
    """What stands for the PIN goes into a copy."""
    card = counter.desk.active()
    request = counter.verify(card, PIN)
    before = request.SerializeToString()
    counter.call("VerifyPin", request)
    assert request.SerializeToString() == before


def test_changing_by_telephone_hashes_both_pins(counter: Counter) -> None:
    """I-14: and another old PIN under the same id is another request."""
    card = counter.desk.active()
    request = pb.ChangePinRequest(
        request_id=new_id(), region=REGION, card_id=card.card_id, old_pin=PIN, new_pin=OTHER_PIN
    )
    counter.call("ChangePin", request, caller="channel/wallet")
    assert counter.hasher.hashed == 2
    request.old_pin = WRONG
    assert counter.refusal("ChangePin", request, caller="channel/wallet") is (
        Reason.REQUEST_ID_REUSED
    )


def test_what_belongs_to_a_counter_is_refused_by_telephone_before_a_pin_is_hashed(
    counter: Counter,
) -> None:
    """I-15."""
    card = counter.desk.active()
    named: dict[str, Any] = {"request_id": new_id(), "region": REGION, "card_id": card.card_id}
    requests = {
        "ChangePin": pb.ChangePinRequest(**named, new_pin=OTHER_PIN),
        "ReportPinLost": pb.ReportPinLostRequest(**named, document=SHOWN),
        "ResetPin": pb.ResetPinRequest(**named, new_pin=OTHER_PIN, document=SHOWN),
    }
    for method, request in requests.items():
        refused = counter.refusal(method, request, caller="channel/wallet")
        assert refused is Reason.CHANNEL_NOT_ALLOWED
    assert counter.hasher.hashed == 0


def test_nothing_of_another_region_is_hashed(counter: Counter) -> None:
    """I-15: an agency acts in its own region."""
    card = counter.desk.active()
    request = pb.ResetPinRequest(
        request_id=new_id(), region="330100", card_id=card.card_id, new_pin=OTHER_PIN
    )
    assert counter.refusal("ResetPin", request, caller=BANK) is Reason.OUT_OF_SCOPE
    assert counter.hasher.hashed == 0

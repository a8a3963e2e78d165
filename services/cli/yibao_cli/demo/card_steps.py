"""The life of a physical card: issued, activated, used, lost, replaced."""

import contextlib
import itertools
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import grpc

from yibao.errors import error_of
from yibao.identity.v1 import (
    card_pb2,
    card_service_pb2,
    card_use_messages_pb2,
    loss_messages_pb2,
    person_pb2,
    pin_messages_pb2,
)
from yibao.identity.v1.card_service_pb2_grpc import CardServiceStub
from yibao_cli.demo.steps import CALL_SECONDS, StepFailedError, StepLog
from yibao_cli.loading import new_request_id
from yibao_cli.parties import BANK_CODE, parties_of
from yibao_cli.regions import Region
from yibao_cli.stack import Stack
from yibao_common.rpc.wire import from_instant
from yibao_common.values.clock import Clock
from yibao_common.values.reasons import Reason

REGISTER = "01101"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the cards: the person and the document that is shown at counters."""

    person_id: str
    certificate_number: str


class CardSteps:
    """Steps that an agency, a bank and a terminal take with cards."""

    def __init__(
        self, stack: Stack, region: Region, log: StepLog, *, holder: Holder, clock: Clock
    ) -> None:
        """Takes a stack in which the region is loaded and the holder is registered."""
        parties = parties_of(region)
        self._region = region.region
        self._log = log
        self._holder = holder
        self._clock = clock
        # Chosen anew each time; nobody has to type it.
        self._pin = _random_pin(holder.certificate_number)
        self._agency = CardServiceStub(stack.channel("identity", parties.maker))
        self._bank = CardServiceStub(stack.channel("identity", parties.bank))
        self._terminal = CardServiceStub(stack.channel("identity", parties.terminal))

    def issue(self) -> card_pb2.Card:
        """Issues a card; it is not active yet."""
        request = card_service_pb2.IssueCardRequest(
            request_id=new_request_id(),
            region=self._region,
            person_id=self._holder.person_id,
            card_serial=_number("S"),
            chip_number=_number("C"),
            standard_version="3",
            bank_code=BANK_CODE,
        )
        with self._log.step("Issue a card", "identity") as note:
            card = self._agency.IssueCard(request, timeout=CALL_SECONDS).card
            deadline = card.activation_deadline_date
            note(f"activate it by {deadline.year}-{deadline.month:02d}-{deadline.day:02d}")
        return card

    def activate(self, card: card_pb2.Card) -> None:
        """Activates a card at the bank and sets its password."""
        with self._log.step("Activate it at the bank", "identity") as note:
            answer = self._bank.ActivateCard(
                card_service_pb2.ActivateCardRequest(
                    request_id=new_request_id(),
                    region=self._region,
                    card_id=card.card_id,
                    counter=card_service_pb2.CounterEvidence(
                        is_original_card_shown=True, document=self._document()
                    ),
                ),
                timeout=CALL_SECONDS,
            )
            note("replaces the lost card" if answer.replaced_card_id else "active")
        with self._log.step("Set the card's password", "identity") as note:
            self._bank.SetPin(
                pin_messages_pb2.SetPinRequest(
                    request_id=new_request_id(),
                    region=self._region,
                    card_id=card.card_id,
                    pin=self._pin,
                    is_original_card_shown=True,
                    document=self._document(),
                ),
                timeout=CALL_SECONDS,
            )
            note("stored with scrypt, pepper")

    def swipe(self, card: card_pb2.Card) -> str:
        """Reads the chip and the password at a terminal; returns the code of this minute."""
        with self._log.step("Swipe it with the password", "terminal") as note:
            answer = self._authorize(card)
            note("a code of one minute")
        return answer.qr_text

    def swipe_refused(self, card: card_pb2.Card, title: str, reason: Reason) -> None:
        """Tries a card that must not work."""
        with self._log.step(title, "terminal") as note, refused_with(reason, note):
            self._authorize(card)

    def report_loss(self, card: card_pb2.Card) -> None:
        """Reports the card lost; it is frozen at once."""
        with self._log.step("Report it lost", "identity") as note:
            self._bank.ReportCardLoss(
                loss_messages_pb2.ReportCardLossRequest(
                    request_id=new_request_id(), region=self._region, card_id=card.card_id
                ),
                timeout=CALL_SECONDS,
            )
            note("frozen at once")

    def replace(self, card: card_pb2.Card) -> card_pb2.Card:
        """Orders the replacement with both papers and collects it."""
        papers = card_pb2.LossPapers(
            employer_letter_reference="letter-1", office_confirmation_reference="stamp-1"
        )
        with self._log.step("Order a replacement", "identity") as note:
            self._bank.OrderReplacement(
                loss_messages_pb2.OrderReplacementRequest(
                    request_id=new_request_id(),
                    region=self._region,
                    card_id=card.card_id,
                    papers=papers,
                    document=self._document(),
                ),
                timeout=CALL_SECONDS,
            )
            note("both papers shown")
        with self._log.step("Collect it", "identity") as note:
            new = self._bank.CollectReplacement(
                loss_messages_pb2.CollectReplacementRequest(
                    request_id=new_request_id(),
                    region=self._region,
                    card_id=card.card_id,
                    card_serial=_number("S"),
                    chip_number=_number("C"),
                    document=self._document(),
                ),
                timeout=CALL_SECONDS,
            ).card
            note("at once here, else 7 days")
        return new

    def _authorize(self, card: card_pb2.Card) -> card_use_messages_pb2.AuthorizeCardResponse:
        return self._terminal.AuthorizeCard(
            card_use_messages_pb2.AuthorizeCardRequest(
                request_id=new_request_id(),
                region=self._region,
                chip=card_pb2.ChipRead(
                    card_serial=card.card_serial,
                    chip_number=card.chip_number,
                    read_time=from_instant(self._clock()),
                ),
                pin=self._pin,
                audience=REGISTER,
            ),
            timeout=CALL_SECONDS,
        )

    def _document(self) -> person_pb2.ShownDocument:
        return person_pb2.ShownDocument(
            certificate_type="01", certificate_number=self._holder.certificate_number
        )


@contextlib.contextmanager
def refused_with(reason: Reason, note: Callable[[str], None]) -> Iterator[None]:
    """Expects the block to be refused for `reason`, and says so.

    Raises:
        StepFailedError: it was not refused, or for another reason.
    """
    try:
        yield
    except grpc.RpcError as error:
        refusal = error_of(error)
        if refusal.reason != reason.wire_name:
            raise
        note(f"refused: {reason.name}")
        return
    raise StepFailedError(f"not refused, and {reason.name} was due")


def _number(prefix: str) -> str:
    return f"{prefix}{secrets.randbelow(10**12):012d}"


def _random_pin(certificate_number: str) -> str:
    """Returns six digits that are neither in a row nor part of the holder's number."""
    while True:
        pin = f"{secrets.randbelow(10**6):06d}"
        steps = {(int(b) - int(a)) % 10 for a, b in itertools.pairwise(pin)}
        if len(steps) > 1 and pin not in certificate_number:
            return pin

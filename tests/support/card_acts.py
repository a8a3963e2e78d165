"""All that is done with cards, in a line each, with a clock to turn."""

import datetime as dt
import hashlib
import itertools
from typing import Any

from support.memory.pin_hashing import quick_hash

from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.caller import parse_caller
from yibao_common.values.ids import new_id
from yibao_identity.application.card.life import (
    ActivateCard,
    CardEvidence,
    Cards,
    CloseCard,
    IssueCard,
)
from yibao_identity.application.card.rows import CardName
from yibao_identity.application.card_loss import (
    CardLosses,
    CollectReplacement,
    OrderReplacement,
    ReportCardLoss,
)
from yibao_identity.application.card_use import (
    AuthorizeCard,
    CardAuthorization,
    CardUses,
    PrintTransactions,
)
from yibao_identity.application.death import Report
from yibao_identity.application.financial_operation import FinancialOperations
from yibao_identity.application.pin.hashing import HashedPin, NewPin
from yibao_identity.application.pin.life import (
    ChangePin,
    Pins,
    ReportPinLost,
    ResetPin,
    SetPin,
    VerifyPin,
)
from yibao_identity.application.work import Work
from yibao_identity.rules.card import (
    ActivationChannel,
    Card,
    CardClosing,
    CardLimits,
    CardState,
)
from yibao_identity.rules.card_loss import LossPapers
from yibao_identity.rules.card_use import CardTransaction, ChipRead
from yibao_identity.rules.document import ShownDocument

REGION = "500100"
AGENCY = f"agency/{REGION}/wang"
BANK = f"bank/{REGION}/CCB001/sun"
HOSPITAL = "terminal/H50011200001/T1"
PHARMACY = "terminal/P50011200001/T1"
NO_PAPERS = LossPapers()
PAPERS = LossPapers("letter/1", "stamp/1")
# Nobody's number: it begins with a region that is none.
NUMBER = "999019199003071232"
BIRTH = dt.date(1990, 3, 7)
DOCUMENT = ShownDocument("01", NUMBER)
PIN = "730519"
# The day before `START`.
DEATH = Report(dt.date(2026, 3, 1), "death/1")
OTHER_PIN = "402867"
START = dt.datetime(2026, 3, 2, 4, 0, tzinfo=dt.UTC)
LIMITS = CardLimits()


class Randomness:
    """Bytes that differ at each call and are the same in each run."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def __call__(self, count: int) -> bytes:
        return hashlib.shake_128(str(next(self._numbers)).encode()).digest(count)


class CardActs:
    """Everything that is done with cards, in a line each; answers are cards.

    What they are done over is `transactions`; who begins these registers holders too.
    """

    def __init__(self, transactions: Transactions[Work], *, limits: CardLimits = LIMITS) -> None:
        self.now = START
        self.limits = limits
        self.transactions = transactions
        self.answers: dict[bytes, Any] = {}
        self._numbers = itertools.count(1)
        common: dict[str, Any] = {"clock": self.clock, "limits": limits}
        made = {**common, "ids": new_id, "random_bytes": Randomness()}
        self.cards = Cards(transactions, **made)
        self.losses = CardLosses(transactions, **made)
        self.pins = Pins(transactions, **common)
        self.uses = CardUses(
            transactions,
            random_bytes=made["random_bytes"],
            key_expire_time=lambda: dt.datetime(2099, 1, 1, tzinfo=dt.UTC),
            **common,
        )
        self.operations = FinancialOperations(transactions, **common)

    def clock(self) -> dt.datetime:
        return self.now

    def person(self, number: str = NUMBER) -> str:
        """Registers a person and returns its id."""
        raise AssertionError("each world registers persons in its own way")

    # The life of a card.

    def issue(self, person_id: str, *, caller: str = AGENCY, **fields: Any) -> Card:
        number = next(self._numbers)
        values = {
            "request": self.request("IssueCard", caller),
            "person_id": person_id,
            "card_serial": f"S{number:06d}",
            "chip_number": f"C{number:06d}",
            "standard_version": "3",
            "bank_code": "CCB001",
            **fields,
        }
        return self._card(self.cards.issue(IssueCard(**values), self.encode))

    def activate(
        self,
        card: Card,
        channel: ActivationChannel = ActivationChannel.BANK,
        *,
        caller: str = BANK,
        request: Request | None = None,
        **evidence: Any,
    ) -> Card:
        """Activates with all that the channel asks for; `evidence` replaces parts of it."""
        return self._card(
            self.activate_bytes(card, channel, caller=caller, request=request, **evidence)
        )

    def activate_bytes(
        self,
        card: Card,
        channel: ActivationChannel = ActivationChannel.BANK,
        *,
        caller: str = BANK,
        request: Request | None = None,
        **evidence: Any,
    ) -> bytes:
        """Returns the stored answer, which may be another process's."""
        if channel in (ActivationChannel.BANK, ActivationChannel.SERVICE_CENTRE):
            given: dict[str, Any] = {"is_original_card_shown": True, "document": DOCUMENT}
            card_id = card.card_id
        else:
            given, card_id = {"chip": self.chip(card), "provider_visit_number": "V1"}, ""
        command = ActivateCard(
            request or self.request("ActivateCard", caller),
            card_id,
            channel,
            CardEvidence(**{**given, **evidence}),
        )
        return self.cards.activate(command, self.encode)

    def lose(
        self, card: Card, papers: LossPapers = NO_PAPERS, *, caller: str = AGENCY, **fields: Any
    ) -> Card:
        request = fields.get("request") or self.request("ReportCardLoss", caller)
        command = ReportCardLoss(request, card.card_id, papers)
        return self._card(self.losses.report(command, self.encode))

    def order(self, card: Card, papers: LossPapers = PAPERS, **fields: Any) -> Card:
        request = fields.get("request") or self.request("OrderReplacement", BANK)
        document = fields.get("document", DOCUMENT)
        command = OrderReplacement(request, card.card_id, papers, document)
        return self._card(self.losses.order(command, self.encode))

    def collect(self, card: Card, **fields: Any) -> Card:
        number = next(self._numbers)
        values = {
            "request": self.request("CollectReplacement", BANK),
            "card_id": card.card_id,
            "card_serial": f"S{number:06d}",
            "chip_number": f"C{number:06d}",
            "document": DOCUMENT,
            **fields,
        }
        return self._card(self.losses.collect(CollectReplacement(**values), self.encode))

    def close(
        self,
        card: Card,
        closing: CardClosing = CardClosing.SURRENDERED,
        *,
        caller: str = BANK,
        **evidence: Any,
    ) -> Card:
        """Closes with all that a counter asks for; `evidence` replaces parts of it."""
        values = {"is_original_card_shown": True, "document": DOCUMENT, **evidence}
        if closing is CardClosing.HOLDER_DIED:
            values = {"death": DEATH, "is_original_card_shown": False, "document": None, **evidence}
        request = self.request("CloseCard", caller)
        command = CloseCard(request, card.card_id, closing, **values)
        return self._card(self.cards.close(command, self.encode))

    def replacement(self, card: Card) -> Card:
        """Reports the loss, orders, waits and collects; returns the new card."""
        self.lose(card, PAPERS)
        return self.next(card)

    def next(self, card: Card) -> Card:
        """Applies for what follows a card that ended, waits and collects; returns that one."""
        self.order(card)
        self.now += dt.timedelta(days=7)
        return self.collect(card)

    def active(self, person_id: str | None = None, *, pin: str | None = PIN) -> Card:
        """Returns a new card in use, with its PIN."""
        card = self.issue(person_id or self.person())
        if pin is not None:
            self.set_pin(card, pin)
        return self.activate(card)

    def in_state(self, state: CardState) -> Card:
        """Returns a card with a PIN that has come to `state`."""
        card = self.issue(self.person())
        self.set_pin(card)
        if state is CardState.RESTRICTED:
            self.now += dt.timedelta(days=200)
        elif state is CardState.ACTIVE:
            self.activate(card)
        elif state is CardState.LOST:
            self.lose(card)
        elif state is CardState.CLOSED:
            self.close(card)
        elif state is CardState.REPLACED:
            self.activate(self.replacement(self.activate(card)))
        found = self.read(card)
        assert found.state is state
        return found

    # PINs and use.

    def hash(self, card: Card, pin: str, *, scheme: int = 1) -> HashedPin:
        return quick_hash(pin, self.pins.place(REGION, CardName(card.card_id)), scheme=scheme)

    def set_pin(self, card: Card, pin: str = PIN, **fields: Any) -> Card:
        command = SetPin(
            fields.get("request") or self.request("SetPin", BANK),
            card.card_id,
            NewPin(pin, self.hash(card, pin)),
            fields.get("is_original_card_shown", True),
            fields.get("document", DOCUMENT),
        )
        return self._card(self.pins.set(command, self.encode))

    def verify(self, card: Card, pin: str = PIN, *, request: Request | None = None) -> Card:
        command = VerifyPin(
            request or self.request("VerifyPin", HOSPITAL),
            card.card_id,
            self.chip(card),
            self.hash(card, pin),
        )
        return self._card(self.pins.verify(command, self.encode))

    def change_pin(
        self,
        card: Card,
        new: str = OTHER_PIN,
        *,
        old: str | None = PIN,
        at_counter: bool = False,
        document: ShownDocument | None = None,
    ) -> Card:
        command = ChangePin(
            self.request("ChangePin", BANK if at_counter else "channel/wallet"),
            card.card_id,
            None if old is None else self.hash(card, old),
            NewPin(new, self.hash(card, new)),
            document,
        )
        return self._card(self.pins.change(command, self.encode))

    def report_pin(self, card: Card, document: ShownDocument | None = DOCUMENT) -> Card:
        command = ReportPinLost(self.request("ReportPinLost", BANK), card.card_id, document)
        return self._card(self.pins.report_lost(command, self.encode))

    def reset_pin(
        self, card: Card, new: str = OTHER_PIN, document: ShownDocument | None = DOCUMENT
    ) -> Card:
        pin = NewPin(new, self.hash(card, new))
        command = ResetPin(self.request("ResetPin", BANK), card.card_id, pin, document)
        return self._card(self.pins.reset(command, self.encode))

    def authorize(
        self,
        card: Card,
        pin: str = PIN,
        *,
        audience: str = "01301",
        request: Request | None = None,
        chip: ChipRead | None = None,
    ) -> CardAuthorization:
        stored = self.authorize_bytes(card, pin, audience=audience, request=request, chip=chip)
        authorized: CardAuthorization = self._answer(stored)
        return authorized

    def authorize_bytes(
        self,
        card: Card,
        pin: str = PIN,
        *,
        audience: str = "01301",
        request: Request | None = None,
        chip: ChipRead | None = None,
    ) -> bytes:
        """Returns the stored answer, which may be another process's."""
        command = AuthorizeCard(
            request or self.request("AuthorizeCard", HOSPITAL),
            card.card_id,
            chip or self.chip(card),
            self.hash(card, pin),
            audience,
            "H50011200001",
        )
        return self.uses.authorize(command, self.encode)

    def print(
        self, card: Card, *, request: Request | None = None, **fields: Any
    ) -> list[CardTransaction]:
        command = PrintTransactions(
            request or self.request("PrintTransactions", BANK),
            card.card_id,
            fields.get("is_original_card_shown", True),
            fields.get("document", DOCUMENT),
        )
        printed = self.uses.print_transactions(command, lambda _card, rows: self.encode(rows))
        rows: list[CardTransaction] = self._answer(printed)
        return rows

    # What is asked and answered.

    def request(self, method: str, caller: str = AGENCY, *, digest: bytes = b"d" * 32) -> Request:
        return Request(REGION, new_id(), digest, method, parse_caller(caller))

    def chip(self, card: Card, *, late: dt.timedelta = dt.timedelta()) -> ChipRead:
        return ChipRead(card.card_serial, card.chip_number, self.now + late)

    def read(self, card: Card) -> Card:
        return self.cards.find(REGION, card.card_id, caller=parse_caller(AGENCY))

    def encode(self, value: object) -> bytes:
        """Returns bytes that stand for an answer."""
        key = repr(value).encode()
        self.answers[key] = value
        return key

    def _answer(self, stored: bytes) -> Any:
        return self.answers[stored]

    def _card(self, stored: bytes) -> Card:
        card: Card = self._answer(stored)
        return card

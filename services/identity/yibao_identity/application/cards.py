"""What callers ask of cards, as frozen values, and the storage that does it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from yibao_common.commands.request import Request
from yibao_common.values.caller import Caller
from yibao_identity.rules.card import (
    ActivationChannel,
    Card,
    CardClosing,
)
from yibao_identity.rules.card_use import ChipRead
from yibao_identity.rules.documents import ShownDocument
from yibao_identity.rules.financial import FinancialOperation, Purse
from yibao_identity.rules.replacement import (
    LossPapers,
)


@dataclass(frozen=True, slots=True)
class IssueCard:
    """Issues a card to a person."""

    request: Request
    person_id: str
    card_serial: str
    chip_number: str
    standard_version: str
    bank_code: str


@dataclass(frozen=True, slots=True)
class CardEvidence:
    """What proves that a card may be activated at a place; each place has its own."""

    is_original_card_shown: bool = False
    document: ShownDocument | None = None
    chip: ChipRead | None = None
    provider_visit_number: str = ""


@dataclass(frozen=True, slots=True)
class ActivateCard:
    """Activates a card; a terminal names it by its chip, so `card_id` may be empty."""

    request: Request
    card_id: str
    channel: ActivationChannel
    evidence: CardEvidence


@dataclass(frozen=True, slots=True)
class ReportCardLoss:
    """Freezes a card at once, with the papers at hand."""

    request: Request
    card_id: str
    papers: LossPapers


@dataclass(frozen=True, slots=True)
class OrderReplacement:
    """Orders the replacement of a lost card, with the papers not given before."""

    request: Request
    card_id: str
    papers: LossPapers
    document: ShownDocument | None


@dataclass(frozen=True, slots=True)
class CollectReplacement:
    """Hands out the replacement of the lost card `card_id`."""

    request: Request
    card_id: str
    card_serial: str
    chip_number: str
    document: ShownDocument | None


@dataclass(frozen=True, slots=True)
class CloseCard:
    """Closes a card for good."""

    request: Request
    card_id: str
    closing: CardClosing


@dataclass(frozen=True, slots=True)
class ValidateOperation:
    """Asks whether an operation with money may be made here; one of the ids is empty."""

    region: str
    caller: Caller
    card_id: str
    certificate_id: str
    purse: Purse
    operation: FinancialOperation


EncodeCard = Callable[[Card], bytes]


class Cards(Protocol):
    """Cards and their life. Blocks.

    Each changing call is carried out once by request id and returns the answer's bytes;
    it raises RuleError REQUEST_ID_REUSED, CARD_NOT_FOUND and what the rules refuse.
    """

    def issue(self, command: IssueCard, encode: EncodeCard) -> bytes:
        """Raises also PERSON_NOT_FOUND, PERSON_MERGED, CARD_EXISTS, CARD_SUSPENDED."""
        ...

    def activate(self, command: ActivateCard, encode: EncodeCard) -> bytes:
        """Activates; the card that is replaced by it is closed in the same transaction."""
        ...

    def report_loss(self, command: ReportCardLoss, encode: EncodeCard) -> bytes:
        """Freezes; a card reported before stays as it is."""
        ...

    def order_replacement(self, command: OrderReplacement, encode: EncodeCard) -> bytes:
        """Gives the lost card with its order."""
        ...

    def collect_replacement(self, command: CollectReplacement, encode: EncodeCard) -> bytes:
        """Gives the new card."""
        ...

    def close(self, command: CloseCard, encode: EncodeCard) -> bytes:
        """Gives the closed card."""
        ...

    def find(self, region: str, card_id: str) -> Card | None:
        """Returns a card, or None."""
        ...

    def of_person(self, region: str, person_id: str) -> list[Card]:
        """Returns the cards of a person, the newest first."""
        ...

    def with_serial(self, region: str, card_serial: str) -> list[Card]:
        """Returns the card of a serial, or none."""
        ...

    def check_operation(self, question: ValidateOperation) -> str:
        """Returns the bank where the operation belongs: the caller.

        Raises CARD_NOT_FOUND, CERTIFICATE_NOT_FOUND, CARD_CLOSED, OUT_OF_SCOPE and what
        `rules.financial` refuses.
        """
        ...

"""What is asked of PINs and of cards at terminals, and the storage that does it.

A PIN comes as what the pepper makes of it: hashes for comparing and storing. In clear it
goes only as far as the check of a new one, in values that are never printed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from yibao_common.commands.request import Request
from yibao_common.values.caller import Caller
from yibao_identity.application.cards import EncodeCard
from yibao_identity.rules.card import Card
from yibao_identity.rules.card_use import CardTransaction, ChipRead
from yibao_identity.rules.documents import ShownDocument
from yibao_identity.rules.qr_code import QrClaims


@dataclass(frozen=True, slots=True)
class CardName:
    """Names a card: by its id, or by the serial and chip that a terminal read."""

    card_id: str = ""
    card_serial: str = ""
    chip_number: str = ""


@dataclass(frozen=True, slots=True)
class PinPlace:
    """What the hash of a PIN depends on beside the PIN; a card's never changes."""

    region: str
    card_id: str
    salt: bytes


@dataclass(frozen=True, slots=True, repr=False)
class HashedPin:
    """A PIN's hash under each pepper that is in use, by scheme; never printed.

    What is stored anew is stored under `newest_scheme`.
    """

    hashes: Mapping[int, bytes]
    newest_scheme: int


@dataclass(frozen=True, slots=True, repr=False)
class NewPin:
    """A PIN to be set; never printed."""

    pin: str
    hashed: HashedPin


@dataclass(frozen=True, slots=True)
class SetPin:
    """Sets the first PIN."""

    request: Request
    card_id: str
    pin: NewPin
    is_original_card_shown: bool
    document: ShownDocument | None


@dataclass(frozen=True, slots=True)
class VerifyPin:
    """Tries a PIN in a terminal."""

    request: Request
    card_id: str
    chip: ChipRead
    pin: HashedPin


@dataclass(frozen=True, slots=True)
class ChangePin:
    """Changes a PIN: by the old one, by the document, or by both; never by neither."""

    request: Request
    card_id: str
    old_pin: HashedPin | None
    new_pin: NewPin
    is_document_needed: bool
    document: ShownDocument | None


@dataclass(frozen=True, slots=True)
class ReportPinLost:
    """Refuses a PIN from now on."""

    request: Request
    card_id: str
    document: ShownDocument | None


@dataclass(frozen=True, slots=True)
class ResetPin:
    """Sets another PIN without the old one."""

    request: Request
    card_id: str
    pin: NewPin
    document: ShownDocument | None


@dataclass(frozen=True, slots=True)
class AuthorizeCard:
    """Authorizes one use of a card in a terminal of `institution_id`."""

    request: Request
    card_id: str
    chip: ChipRead
    pin: HashedPin
    audience: str
    institution_id: str


@dataclass(frozen=True, slots=True)
class PrintTransactions:
    """Prints what was not printed yet and begins a new count."""

    request: Request
    card_id: str
    is_original_card_shown: bool
    document: ShownDocument | None


@dataclass(frozen=True, slots=True)
class CardAuthorization:
    """A use that was authorized: the claims to sign, which are stored by then."""

    card: Card
    claims: QrClaims


class PinHashing(Protocol):
    """Hashes PINs, slowly on purpose and away from the event loop."""

    async def hash(self, pin: str, place: PinPlace) -> HashedPin:
        """Returns what stands for a PIN of a card."""
        ...

    def digest(self, hashed: HashedPin) -> bytes:
        """Returns what stands for the PIN in the digest of a request."""
        ...


class Pins(Protocol):
    """PINs of cards. Blocks.

    Each call but `place` is carried out once by request id and returns the answer's
    bytes. A wrong PIN is counted durably before PIN_INCORRECT is raised.
    """

    def place(self, region: str, card: CardName) -> PinPlace:
        """Returns what the hash depends on.

        Raises CARD_NOT_FOUND.
        """
        ...

    def set(self, command: SetPin, encode: EncodeCard) -> bytes:
        """Sets the first PIN."""
        ...

    def verify(self, command: VerifyPin, encode: EncodeCard) -> bytes:
        """Tries a PIN."""
        ...

    def change(self, command: ChangePin, encode: EncodeCard) -> bytes:
        """Changes a PIN."""
        ...

    def report_lost(self, command: ReportPinLost, encode: EncodeCard) -> bytes:
        """Refuses a PIN from now on."""
        ...

    def reset(self, command: ResetPin, encode: EncodeCard) -> bytes:
        """Sets another PIN without the old one."""
        ...


class CardUses(Protocol):
    """Uses of cards and their printed records. Blocks."""

    def authorize(
        self, command: AuthorizeCard, encode: Callable[[CardAuthorization], bytes]
    ) -> bytes:
        """Authorizes a use once by request id and returns the answer's bytes.

        `encode` signs; it is called after the row about the code was written, in the
        same transaction, and what it returns leaves only after the commit.
        """
        ...

    def print_transactions(
        self,
        command: PrintTransactions,
        encode: Callable[[Card, list[CardTransaction]], bytes],
    ) -> bytes:
        """Prints once by request id and returns the answer's bytes."""
        ...

    def transactions(
        self, region: str, card_id: str, *, caller: Caller, after_sequence: int, limit: int
    ) -> list[CardTransaction]:
        """Returns at most `limit` transactions after one.

        Raises CARD_NOT_FOUND, and OUT_OF_SCOPE for another holder than the card's.
        """
        ...

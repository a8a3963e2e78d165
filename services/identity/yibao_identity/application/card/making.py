"""New cards: first ones and replacements."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_identity.application.card.rows import StoredCard, StoredPin
from yibao_identity.rules.card import CardLimits, CardState, activation_deadline, card_exists
from yibao_identity.rules.card_loss import LossPapers
from yibao_identity.rules.certificate import new_subject

if TYPE_CHECKING:
    from yibao_identity.application.work import Work

_SALT_BYTES = 16
_NO_PIN = StoredPin(b"", 0, 0, None)


@dataclass(frozen=True, slots=True)
class NewCard:
    """A card to be issued; `replaces_card_id` is None for a first one."""

    person_id: str
    card_serial: str
    chip_number: str
    standard_version: str
    bank_code: str
    replaces_card_id: str | None


class CardMaking:
    """Makes cards, not activated and without a PIN."""

    def __init__(
        self,
        *,
        clock: Clock,
        ids: Ids,
        random_bytes: Callable[[int], bytes],
        limits: CardLimits,
    ) -> None:
        """Takes the sources of ids, subjects and salts."""
        self._clock = clock
        self._ids = ids
        self._random_bytes = random_bytes
        self._limits = limits

    def make(self, work: "Work", request: Request, new: NewCard) -> str:
        """Stores a new card of a person whose row is locked; returns its id.

        Raises:
            RuleError: CARD_EXISTS; a card of the region, in whatever state, has this serial
                or chip.
        """
        known = work.cards.with_serial_or_chip(new.card_serial, new.chip_number)
        if known is not None:
            raise card_exists(known)
        now, months = self._clock(), self._limits.activation_months
        card = StoredCard(
            region=request.region,
            card_id=self._ids(),
            person_id=new.person_id,
            subject=new_subject(self._random_bytes),
            card_serial=new.card_serial,
            chip_number=new.chip_number,
            standard_version=new.standard_version,
            bank_code=new.bank_code,
            state=CardState.ISSUED,
            issue_time=now,
            activation_deadline_date=activation_deadline(shanghai_day(now), months=months),
            activate_time=None,
            activation_channel=None,
            loss_report_time=None,
            papers=LossPapers(),
            replaces_card_id=new.replaces_card_id,
            suspension_case_id=None,
            pin=_NO_PIN,
            transactions=0,
            printed_transactions=0,
            replacement=None,
        )
        salt = self._random_bytes(_SALT_BYTES)
        work.cards.insert(card, issued_by=request.caller.path, pin_salt=salt)
        return card.card_id

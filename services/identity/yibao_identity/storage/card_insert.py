"""New cards: first ones and replacements."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from yibao_common.commands.request import Request
from yibao_common.db.database import Database
from yibao_common.keys.vault import Vault
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_identity.application.cards import EncodeCard
from yibao_identity.rules.card import CardLimits, CardState, activation_deadline, card_exists
from yibao_identity.rules.certificate import new_subject
from yibao_identity.storage import tables
from yibao_identity.storage.card_calls import CardCalls
from yibao_identity.storage.feed import note_change
from yibao_identity.storage.pepper import NO_SCHEME

_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class NewCard:
    """A card to be issued; `replaces_card_id` is None for a first one."""

    person_id: str
    card_serial: str
    chip_number: str
    standard_version: str
    bank_code: str
    replaces_card_id: str | None


def check_is_free(connection: sa.Connection, region: str, *, serial: str, chip: str) -> None:
    """Refuses a serial or chip that a card of the region has, in whatever state.

    Raises:
        RuleError: CARD_EXISTS.
    """
    table = tables.card.c
    query = (
        sa.select(table.card_id)
        .where(table.region == region, (table.card_serial == serial) | (table.chip_number == chip))
        .order_by(table.card_id)
        .limit(1)
    )
    known = connection.execute(query).scalar_one_or_none()
    if known is not None:
        raise card_exists(known)


class CardMaking(CardCalls):
    """The base of the store that makes cards and changes where they are in their life."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        clock: Clock,
        ids: Ids,
        random_bytes: Callable[[int], bytes],
        limits: CardLimits,
    ) -> None:
        """Takes the database and the sources of ids, subjects and salts."""
        super().__init__(database, vault, clock=clock, limits=limits)
        self._ids = ids
        self._random_bytes = random_bytes

    def _insert(self, connection: sa.Connection, request: Request, new: NewCard) -> str:
        """Stores a card, not activated and without a PIN; returns its id.

        Where another request stores the same serial or chip now, this waits for it, fails,
        and the repetition finds that card.
        """
        card_id, now = self._ids(), self._clock()
        months = self._limits.activation_months
        connection.execute(
            sa.insert(tables.card).values(
                region=request.region,
                card_id=card_id,
                person_id=new.person_id,
                subject=new_subject(self._random_bytes),
                card_serial=new.card_serial,
                chip_number=new.chip_number,
                standard_version=new.standard_version,
                bank_code=new.bank_code,
                state=CardState.ISSUED.value,
                issue_time=now,
                issued_by=request.caller.path,
                activation_deadline_date=activation_deadline(shanghai_day(now), months=months),
                activated_by="",
                provider_visit_number="",
                loss_reported_by="",
                employer_letter_reference="",
                office_confirmation_reference="",
                replaces_card_id=new.replaces_card_id,
                closed_by="",
                pin_salt=self._random_bytes(_SALT_BYTES),
                pin_scheme=NO_SCHEME,
                wrong_tries=0,
                transactions=0,
                printed_transactions=0,
            )
        )
        return card_id

    def _finish(
        self,
        connection: sa.Connection,
        request: Request,
        card_id: str,
        encode: EncodeCard,
        detail: Mapping[str, str] | None = None,
    ) -> bytes:
        """Ends a change of what settlement knows of a card; returns the answer's bytes.

        The last thing in a transaction: feed and audit are one line for a region.
        """
        card = self._reader().one(connection, request.region, card_id)
        response = encode(card)
        now = self._clock()
        note_change(
            connection, request.region, [card.person_id], now=now, caller=request.caller.path
        )
        self._record(connection, request, card, detail=detail)
        return response

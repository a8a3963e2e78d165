"""Cards at terminals: the chip that was read, and the count until records are printed."""

import datetime as dt
from dataclasses import dataclass

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.card import Card

# How far a terminal's clock may be behind (reads that were queued) and ahead.
READ_BEHIND = dt.timedelta(minutes=5)
READ_AHEAD = dt.timedelta(minutes=1)

# What counts as a transaction (I-18): settling at an institution, buying at a pharmacy.
SPENDING_AUDIENCES = frozenset({"01301", "02121"})


@dataclass(frozen=True, slots=True)
class ChipRead:
    """What a terminal read from a chip, and when by its own clock."""

    card_serial: str
    chip_number: str
    read_time: dt.datetime


@dataclass(frozen=True, slots=True)
class CardTransaction:
    """A transaction that a card was authorized for; `code_id` is in hexadecimal."""

    sequence: int
    authorize_time: dt.datetime
    institution_id: str
    terminal: str
    audience: str
    code_id: str


def check_read_time(chip: ChipRead, *, now: dt.datetime) -> None:
    """Refuses a chip that was read too long ago or in the future.

    Raises:
        RuleError: CLOCK_SUSPECT with the measured offset.
    """
    offset = chip.read_time - now
    if not -READ_BEHIND <= offset <= READ_AHEAD:
        seconds = round(offset.total_seconds())
        raise RuleError(
            Reason.CLOCK_SUSPECT,
            f"the terminal's clock is {seconds} s off ours",
            offset_seconds=seconds,
        )


def check_may_spend(card: Card, *, most: int) -> None:
    """Refuses another transaction once `most` were not printed (I-18).

    Raises:
        RuleError: STATEMENT_PRINT_REQUIRED.
    """
    count = card.transactions_since_print
    if count >= most:
        raise RuleError(
            Reason.STATEMENT_PRINT_REQUIRED,
            f"{count} transactions were not printed yet",
            transactions=count,
        )


def original_required() -> RuleError:
    """Returns the refusal where the original card is not there (I-24, I-26)."""
    return RuleError(Reason.ORIGINAL_REQUIRED, "the original card has to be there")


def check_original(is_shown: bool) -> None:
    """Refuses where nobody saw the original card (I-17, I-24).

    Raises:
        RuleError: ORIGINAL_REQUIRED.
    """
    if not is_shown:
        raise original_required()


def check_registration(provider_visit_number: str) -> None:
    """Refuses the first use in a hospital without a registered visit (I-25).

    Raises:
        RuleError: REGISTRATION_REQUIRED.
    """
    if not provider_visit_number:
        raise RuleError(
            Reason.REGISTRATION_REQUIRED, "the first use in a hospital needs a registered visit"
        )

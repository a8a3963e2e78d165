"""Cards that follow others: the papers about a loss, and from when on one is collected."""

import datetime as dt
from dataclasses import dataclass

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


@dataclass(frozen=True, slots=True)
class Replacement:
    """A replacement that was ordered; `card_id` is None until it is collected."""

    order_time: dt.datetime
    ready_date: dt.date
    card_id: str | None


@dataclass(frozen=True, slots=True)
class LossPapers:
    """References of the papers about a lost card; empty where one is not there."""

    employer_letter: str = ""
    office_confirmation: str = ""


def ready_date(order_day: dt.date, *, days: int) -> dt.date:
    """Returns the first day on which a replacement can be collected (I-20)."""
    return order_day + dt.timedelta(days=days)


def merged_papers(known: LossPapers, given: LossPapers) -> LossPapers:
    """Returns all papers there are; one that was given before stays (I-19)."""
    return LossPapers(
        known.employer_letter or given.employer_letter,
        known.office_confirmation or given.office_confirmation,
    )


def check_papers(papers: LossPapers) -> None:
    """Refuses an order without both papers and names all that is missing (I-19).

    Raises:
        RuleError: MATERIAL_MISSING.
    """
    needed = {
        "employer_letter": papers.employer_letter,
        "office_confirmation": papers.office_confirmation,
    }
    missing = ",".join(name for name, reference in needed.items() if not reference)
    if missing:
        raise RuleError(Reason.MATERIAL_MISSING, f"papers are missing: {missing}", missing=missing)


def check_ready(replacement: Replacement, *, today: dt.date) -> None:
    """Refuses a replacement before its day (I-20).

    Raises:
        RuleError: REPLACEMENT_NOT_READY.
    """
    if today < replacement.ready_date:
        day = replacement.ready_date.isoformat()
        raise RuleError(
            Reason.REPLACEMENT_NOT_READY,
            f"the replacement can be collected from {day} on",
            ready_date=day,
        )


def replacement_exists(card_id: str) -> RuleError:
    """Returns the refusal of a second order in place of a card (I-20)."""
    return RuleError(
        Reason.REPLACEMENT_EXISTS,
        f"a replacement of card {card_id} was ordered",
        card_id=card_id,
    )


def replacement_not_found(card_id: str) -> RuleError:
    """Returns the refusal to hand out what was not ordered (I-20)."""
    return RuleError(
        Reason.REPLACEMENT_NOT_FOUND,
        f"no replacement of card {card_id} was ordered",
        card_id=card_id,
    )

"""What relatives' accounts may pay of a person's bills now."""

from typing import TYPE_CHECKING

from yibao_common.values.calendar import shanghai_day
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.account import purses_in
from yibao_settlement.rules.family import FamilyPart, Offer, offer_of
from yibao_settlement.rules.hold import unreserved

if TYPE_CHECKING:
    from yibao_settlement.application.settlement.purses import BackToPurses


def offers_to(person_id: str, working_set: WorkingSet) -> tuple[Offer, ...]:
    """Returns what the accounts of a person's relatives may pay, in the order of agreement.

    Who died or was merged gives nothing: identity ends the links, and may tell so later.
    """
    givers = working_set.family.givers.get(person_id)
    if not givers:
        return ()
    today, used = shanghai_day(working_set.now), working_set.family.used_fen
    found = []
    for giver in givers:
        standing = working_set.standings.get(giver.giver_id)
        is_able = standing is not None and standing.merged_into is None
        is_able = is_able and giver.giver_id not in working_set.death_dates
        if standing is None or not is_able or not giver.is_in_force(today):
            continue
        purses = purses_in(standing, working_set.account_year)
        if working_set.holds:
            held = [each.reserved for each in working_set.holds.of(giver.giver_id)]
            purses = unreserved(purses, held, year=working_set.account_year)
        used_fen = used.get((person_id, giver.giver_id), 0)
        offer = offer_of(giver, purses, used_fen=used_fen)
        if offer.most_fen:
            found.append(offer)
    return tuple(found)


def asked_again(back: "BackToPurses", working_set: WorkingSet) -> tuple[FamilyPart, ...]:
    """Returns what relatives are asked for of a bill in the place of one that gives it back.

    It is what they paid of that, whatever became of their links: they agreed to so much when it
    was settled, and to no more. What was given in a year that is over is of earlier years by now.
    """
    parts = back.to_relatives()
    is_year_over = shanghai_day(back.record.settle_time).year < working_set.account_year
    return tuple(
        part._replace(carried_fen=part.amount_fen) if is_year_over else part
        for part in reversed(parts)
    )

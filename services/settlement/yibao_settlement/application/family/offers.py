"""What relatives' accounts may pay of a person's bills now."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from yibao_common.values.calendar import shanghai_day
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.account import Standing, purses_in
from yibao_settlement.rules.family import FamilyPart, Giver, Offer, offer_of, used_of_year_fen
from yibao_settlement.rules.hold import Reserved, unreserved

if TYPE_CHECKING:
    from yibao_settlement.application.settlement.purses import BackToPurses


class GiverAccount(NamedTuple):
    """The account of a giver who lives, what holds reserve of it, what it paid of the year's bills.

    `paid_fen` is that of the receiver's bills, less what came back, by their places.
    """

    giver: Giver
    standing: Standing
    held: Sequence[Reserved]
    paid_fen: Mapping[str, int]


def offers_to(person_id: str, working_set: WorkingSet) -> tuple[Offer, ...]:
    """Returns what the accounts of a person's relatives may pay, in the order of agreement.

    Who died or was merged gives nothing: identity ends the links, and may tell so later.
    """
    givers = working_set.family.givers.get(person_id)
    if not givers:
        return ()
    paid = working_set.family.paid_fen
    accounts = []
    for giver in givers:
        giver_id = giver.giver_id
        standing = working_set.standings.get(giver_id)
        if standing is not None and giver_id not in working_set.death_dates:
            held = [each.reserved for each in working_set.holds.of(giver_id)]
            accounts.append(
                GiverAccount(giver, standing, held, paid.get((person_id, giver_id), {}))
            )
    return offers_of(accounts, on=shanghai_day(working_set.now))


def offers_of(accounts: Iterable[GiverAccount], *, on: dt.date) -> tuple[Offer, ...]:
    """Returns what givers' accounts may pay on a day, without those that may pay nothing."""
    found = []
    for giver, standing, held, paid_fen in accounts:
        if standing.merged_into is not None or not giver.is_in_force(on):
            continue
        purses = unreserved(purses_in(standing, on.year), held, year=on.year)
        offer = offer_of(giver, purses, used_fen=used_of_year_fen(paid_fen))
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

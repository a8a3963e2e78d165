"""What a person's earlier bills left, as far as a bill can start from it."""

import datetime as dt
import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from yibao_settlement.rules.account import Accumulators
from yibao_settlement.rules.benefit.keeping import KeptPlace, StayVisit, places_asked
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.stay import StandingBill
from yibao_settlement.rules.visit import Visit


class History(NamedTuple):
    """What was used up by benefit year and, by scope, in smaller windows.

    `visits` tells those that the bill's stay can consist of, the bill's own last. A named
    tuple that asks for what it holds only when it is needed: one is made for every bill.
    """

    person_id: str
    year: Callable[[int], Accumulators]
    windows: Mapping[str, Accumulators]
    visits: Callable[[], Sequence[StayVisit]]

    @classmethod
    def of_visit(
        cls,
        visit: Visit,
        *,
        year: Callable[[int], Accumulators],
        windows: Mapping[str, Accumulators],
        visits: Mapping[str, Visit],
        bills_of: Callable[[str], Collection[StandingBill]],
    ) -> "History":
        """Returns what a bill of a visit starts from.

        What the visit continues is looked for in `visits`, and what stands settled of each
        asked.
        """
        chain = functools.partial(_stay_visits, visit, visits, bills_of)
        return cls(visit.person_id, year, windows, chain)

    def places(self, policies: Iterable[BenefitPolicy], day: dt.date) -> set[KeptPlace]:
        """Returns where what a bill up to `day` starts from can be, by any of some policies."""
        visits = self.visits()
        return {
            place
            for policy in policies
            for place in places_asked(policy, visits, day, person_id=self.person_id)
        }

    def kept(self, places: Collection[KeptPlace]) -> list[Accumulators]:
        """Returns the rows of some places."""
        return [
            self.year(place.year) if place.year else self.windows.get(place.scope, {})
            for place in sorted(places)
        ]


def _stay_visits(
    visit: Visit,
    visits: Mapping[str, Visit],
    bills_of: Callable[[str], Collection[StandingBill]],
) -> list[StayVisit]:
    """Returns the visits that a stay can consist of, the first one first, `visit` last."""
    chain = [visit]
    while (former_id := chain[-1].transfer_from_visit_id) is not None and former_id in visits:
        chain.append(visits[former_id])
    found = []
    for each in reversed(chain):
        days = [bill.service_date for bill in bills_of(each.visit_id)]
        until = each.end_date or max(days, default=each.start_date)
        found.append(StayVisit(each.visit_id, each.start_date, until))
    return found

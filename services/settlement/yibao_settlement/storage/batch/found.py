"""Whom a batch concerns, as is found before anybody is locked."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from yibao_common.db.rows import Row
from yibao_settlement.rules.account import Standing
from yibao_settlement.rules.finding import seen_since


@dataclass(frozen=True, slots=True)
class Found:
    """Whom a batch concerns; nothing of it changes once it is stored."""

    person_ids: set[str]
    # Those of the visits that are named.
    visitor_ids: set[str]
    # Holders of the codes that register visits, by subject.
    holders: dict[str, str]
    # The persons of the settlements that are named, to who stands in their place: mostly
    # they themselves. Of visits, those alone who were merged.
    survivors: dict[str, str]
    # The years of these settlements.
    benefit_years: set[int]
    # Persons whose undischarged stays decide.
    stay_person_ids: set[str]
    # Persons whose visits are looked at, with the day from which on.
    sights: list[tuple[set[str], dt.date]]
    # Visits whose bills are held by the holds that are named.
    held_visit_ids: set[str]
    # Of the visits that are named and elsewhere, which institution treats.
    institutions_elsewhere: dict[str, str]


def sights_of(billed: Iterable[Row]) -> list[tuple[set[str], dt.date]]:
    """Returns persons and the days from which on their visits are looked at.

    Stays look far back, and would have the persons of a whole batch looked at so.
    """
    persons: tuple[set[str], set[str]] = (set(), set())
    days: tuple[list[dt.date], list[dt.date]] = ([], [])
    for person_id, care_type, start_date in billed:
        since = seen_since(care_type, start_date)
        is_far = since.day != 1 or since.year != start_date.year
        persons[is_far].add(person_id)
        days[is_far].append(since)
    return [(among, min(of)) for among, of in zip(persons, days, strict=True) if among]


def with_other_years(standings: Mapping[str, Standing], years: set[int]) -> list[str]:
    """Returns the persons whose current year differs from that of a bill."""
    return [
        person_id
        for person_id, standing in standings.items()
        if standing.benefit_year and years - {standing.benefit_year}
    ]

"""What a person's earlier bills left, read without locks."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from yibao_settlement.application.reference import Reference
from yibao_settlement.application.settlement.history import History
from yibao_settlement.rules.account import Accumulators, Standing
from yibao_settlement.rules.stay import StandingBill
from yibao_settlement.rules.visit import Visit
from yibao_settlement.storage import tables
from yibao_settlement.storage.account import amounts_from
from yibao_settlement.storage.settlement.standing import standing_bills
from yibao_settlement.storage.settlement.window import former_visits, windows_in


def find_history(
    connection: sa.Connection,
    region: str,
    visit: Visit,
    bills: Sequence[StandingBill],
    standing: Standing | None,
    reference: Reference,
    day: dt.date,
) -> History:
    """Returns what a bill of a visit, of a day, starts from; `bills` are its that stand."""
    policies = reference.benefit_policies(day)
    visits, bills_of = {visit.visit_id: visit}, {visit.visit_id: bills}
    if reference.joins_transfers(day):
        for former in former_visits(connection, region, visit):
            visits[former.visit_id] = former
            bills_of[former.visit_id] = standing_bills(connection, region, former.visit_id)
    years: dict[int, Accumulators] = {}
    windows: dict[str, Accumulators] = {}
    history = History.of_visit(
        visit,
        year=lambda year: years.get(year, {}),
        windows=windows,
        visits=visits,
        bills_of=bills_of.__getitem__,
    )
    places = history.places(policies, day)
    if standing is not None:
        asked = {day.year, *(place.year for place in places if place.year)}
        years.update(_years(connection, region, standing, asked))
    scopes = {place.scope for place in places if place.scope}
    windows.update(windows_in(connection, region, scopes))
    return history


def _years(
    connection: sa.Connection, region: str, standing: Standing, years: Collection[int]
) -> Mapping[int, Accumulators]:
    found: dict[int, Accumulators] = {standing.benefit_year: standing.accumulators}
    if set(years) <= found.keys():
        return found
    closed = tables.closed_year.c
    rows = connection.execute(
        sa.select(closed.benefit_year, closed.accumulators).where(
            closed.region == region, closed.person_id == standing.person_id
        )
    )
    return {**{row[0]: amounts_from(row[1]) for row in rows}, **found}

"""What a trial of a bill starts from, as stored."""

import datetime as dt
from collections.abc import Callable, Collection, Sequence

import sqlalchemy as sa

from yibao_common.db.rows import select_rows
from yibao_common.values.calendar import shanghai_day
from yibao_settlement.application.family.offers import GiverAccount
from yibao_settlement.application.hold.state import Hold
from yibao_settlement.application.reading import TrialInputs
from yibao_settlement.application.reference import Reference
from yibao_settlement.rules.account import Standing
from yibao_settlement.rules.elsewhere.registered import NOTHING_KNOWN
from yibao_settlement.rules.enrolment import RegisteredDisease
from yibao_settlement.rules.family import Giver
from yibao_settlement.rules.mapping import Mappings
from yibao_settlement.rules.visit import Visit
from yibao_settlement.storage import tables
from yibao_settlement.storage.account import find_standing
from yibao_settlement.storage.charge import charges_of
from yibao_settlement.storage.elsewhere.reading import find_audit_holds, find_known
from yibao_settlement.storage.enrolment import (
    ENROLMENT_COLUMNS,
    diseases_from,
    enrolments_from,
    find_counted,
    with_counted,
)
from yibao_settlement.storage.family.accounts import giver_accounts
from yibao_settlement.storage.family.record import givers_from
from yibao_settlement.storage.hold.record import held_by
from yibao_settlement.storage.mapping.record import find_mappings, items_of
from yibao_settlement.storage.merge import survivors_of
from yibao_settlement.storage.settlement.history import find_history
from yibao_settlement.storage.settlement.standing import standing_bills
from yibao_settlement.storage.visit import find_visit


def find_trial_inputs(
    connection: sa.Connection,
    region: str,
    visit_id: str,
    *,
    day: dt.date,
    with_charges: bool,
    own_codes: Collection[str],
    view: Callable[[set[str]], Reference],
    view_of: Callable[[str], Reference],
    now: Callable[[], dt.datetime],
) -> TrialInputs | None:
    """Returns what a trial of a bill of the visit, of a day, starts from, or None.

    `view` gives the reference data with the rows of the items of lines with ids, `view_of` those of
    another region for care elsewhere. `now` is asked
    for the year whose limits of relatives count, of those alone who have some, and of care
    elsewhere for how old what is known of it is.
    """
    visit = find_visit(connection, region, visit_id)
    if visit is None:
        return None
    registered_id = visit.person_id
    standing = find_standing(connection, region, visit.person_id)
    if standing is not None and standing.merged_into is not None:
        visit = _held(connection, region, visit)
        standing = find_standing(connection, region, visit.person_id)
    person_id = visit.person_id
    periods = select_rows(
        connection,
        tables.enrolment,
        ENROLMENT_COLUMNS,
        region=region,
        key="person_id",
        among=[person_id],
    )
    enrolments = enrolments_from(periods)
    charges = charges_of(connection, region, visit_id) if with_charges else []
    mappings: Mappings = {}
    unmapped = {*own_codes, *(each.line.own_code for each in charges if not each.line.item_code)}
    if unmapped:
        keys = [(visit.institution_id, code) for code in unmapped]
        place = visit.elsewhere.place_region if visit.elsewhere else region
        mappings = find_mappings(connection, place, keys)
    reference = view({each.line.item_code for each in charges} | items_of(mappings))
    if reference.has_counted:
        enrolments = with_counted(enrolments, find_counted(connection, region, [person_id]))
    bills = standing_bills(connection, region, visit_id)
    death_date, diseases, givers = _life(connection, region, person_id)
    return TrialInputs(
        visit,
        standing,
        enrolments.get(person_id, []),
        find_history(connection, region, visit, bills, standing, reference, day),
        reference,
        death_date,
        charges,
        bills,
        diseases,
        _holds(connection, region, standing),
        mappings,
        _accounts(connection, region, person_id, givers, now),
        find_audit_holds(connection, region, visit_id),
        view_of(visit.elsewhere.place_region) if visit.elsewhere else None,
        find_known(connection, region, visit_id, {person_id, registered_id}, now)
        if visit.elsewhere
        else NOTHING_KNOWN,
    )


def _held(connection: sa.Connection, region: str, visit: Visit) -> Visit:
    """Returns a visit as of whoever stands in its person's place since a merge."""
    survivors = survivors_of(connection, region, (visit.person_id,))
    return visit._replace(person_id=survivors.get(visit.person_id, visit.person_id))


def _holds(connection: sa.Connection, region: str, standing: Standing | None) -> list[Hold]:
    """Returns what a person holds; of most nothing is asked."""
    if standing is None or standing.hold_expire_time is None:
        return []
    return held_by(connection, region, (standing.person_id,))


def _accounts(
    connection: sa.Connection,
    region: str,
    person_id: str,
    givers: tuple[Giver, ...],
    now: Callable[[], dt.datetime],
) -> Sequence[GiverAccount]:
    if not givers:
        return ()
    return giver_accounts(connection, region, person_id, givers, shanghai_day(now()).year)


def _life(
    connection: sa.Connection, region: str, person_id: str
) -> tuple[dt.date | None, tuple[RegisteredDisease, ...], tuple[Giver, ...]]:
    """Returns a person's day of death, if there was one, registered diseases, who may pay."""
    person = tables.person.c
    row = connection.execute(
        sa.select(person.death_date, person.diseases, person.payer_ids, person.givers).where(
            person.region == region, person.person_id == person_id
        )
    ).one_or_none()
    if row is None:
        return None, (), ()
    return row.death_date, diseases_from(row.diseases), givers_from(row.payer_ids, row.givers)

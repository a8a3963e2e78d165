"""By which relatives an account moved, as its statement tells."""

from collections.abc import Iterable

import sqlalchemy as sa

from yibao_common.db.rows import Select, execute
from yibao_settlement.application.family.state import FamilyPayment
from yibao_settlement.rules.account_statement import MovedBill, MovedRelative
from yibao_settlement.storage import tables
from yibao_settlement.storage.family.record import PAYMENT_COLUMNS

Moved = tuple[MovedBill, tuple[MovedRelative, ...]]


def moved_by_relatives(
    connection: sa.Connection, region: str, person_id: str, posting_ids: tuple[str, ...]
) -> dict[str, Moved]:
    """Returns of postings of relatives' money where and by whom they moved a person's account.

    Of the bill no more is told than its institution: it is the relative's, or told by itself.
    """
    if not posting_ids:
        return {}
    select = Select(tables.family_payment, PAYMENT_COLUMNS, region, "posting_id", posting_ids)
    (rows,) = execute(connection, [select])
    payments = [FamilyPayment._make(row) for row in rows]
    people = {each.giver_id for each in payments} | {each.receiver_id for each in payments}
    names = _names(connection, region, people)
    places = _institutions(connection, region, {each.institution_id for each in payments})
    found: dict[str, Moved] = {}
    for each in sorted(payments):
        if person_id == each.receiver_id:
            # What went back to it left the receiver's account.
            relative = MovedRelative(each.relation, names.get(each.giver_id, ""), each.amount_fen)
        elif person_id == each.to_id:
            other = names.get(each.receiver_id, "")
            relative = MovedRelative(each.relation, other, -each.amount_fen)
        else:
            continue
        institution_id = each.institution_id
        bill = MovedBill("", institution_id, places.get(institution_id, ""), "")
        known = found.get(each.posting_id, (bill, ()))
        found[each.posting_id] = (bill, (*known[1], relative))
    return found


def _names(connection: sa.Connection, region: str, person_ids: Iterable[str]) -> dict[str, str]:
    columns = ("person_id", "person_name_masked")
    select = Select(tables.person, columns, region, "person_id", tuple(sorted(person_ids)))
    (rows,) = execute(connection, [select])
    return {person_id: name or "" for person_id, name in rows}


def _institutions(
    connection: sa.Connection, region: str, institution_ids: Iterable[str]
) -> dict[str, str]:
    columns = ("institution_id", "institution_name")
    among = tuple(sorted(institution_ids))
    select = Select(tables.institution, columns, region, "institution_id", among)
    (rows,) = execute(connection, [select])
    return dict(rows)

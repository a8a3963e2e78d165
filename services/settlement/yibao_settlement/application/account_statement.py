"""Making the statement of a personal account for who may see it."""

import datetime as dt

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.account import SOURCES, own_account
from yibao_settlement.application.credential import Viewer
from yibao_settlement.application.reading import Reads
from yibao_settlement.rules.account_statement import (
    AccountIds,
    AccountStatement,
    statement_of,
)
from yibao_settlement.rules.ledger import carried_account, person_account, source_account

# A person's visits of many years; a statement of more is asked for in parts.
MOST_MOVEMENTS = 2_000


def account_ids(person_id: str) -> AccountIds:
    """Returns how the ledger names a person's account, and where its credits come from."""
    return AccountIds(
        person_account(person_id),
        carried_account(person_id),
        {source_account(source): source for source in SOURCES},
    )


def find_account_statement(
    reads: Reads,
    region: str,
    person_id: str,
    viewer: Viewer,
    *,
    start_date: dt.date,
    end_date: dt.date,
    now: dt.datetime,
) -> AccountStatement:
    """Returns what moved an account from a day to another, both included.

    Raises RuleError as `own_account`, and FIELD_OUT_OF_RANGE where the last day lies before the
    first or ahead of `now`, or too much lies between.
    """
    if end_date < start_date:
        _refuse("lies before start_date")
    if end_date > shanghai_day(now):
        _refuse("lies ahead")
    standing = own_account(reads, region, person_id, viewer)
    person_id = standing.person_id
    ids = account_ids(person_id)
    receivable_fen = reads.account_claims(region, person_id).receivable_fen
    statement = statement_of(
        reads.account_movements(region, person_id, ids),
        region=region,
        person_id=person_id,
        start_date=start_date,
        end_date=end_date,
        receivable_fen=receivable_fen,
    )
    if len(statement.movements) > MOST_MOVEMENTS:
        _refuse(f"has over {MOST_MOVEMENTS} movements before it: ask for fewer days")
    return statement


def _refuse(fault: str) -> None:
    refuse_faults([FieldFault("end_date", Reason.FIELD_OUT_OF_RANGE, fault)])

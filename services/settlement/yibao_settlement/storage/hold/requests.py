"""Requests that hold bills as stored, and those that were released before they came."""

from collections.abc import Collection, Iterator

import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Statement, execute
from yibao_common.values.errors import TransientError
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.hold.state import HoldRequest
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Read, Wanted

_COLUMNS = HoldRequest._fields


def with_holds_of_requests(connection: sa.Connection, region: str, needs: Needs) -> Needs:
    """Returns needs with the holds that some requests made, which may leave."""
    if not needs.leaving_hold_request_ids:
        return needs
    (rows,) = execute(connection, [_select(region, needs.leaving_hold_request_ids)])
    hold_ids = {each.hold_id for each in map(HoldRequest._make, rows) if each.hold_id}
    return needs._replace(
        hold_ids=hold_ids.union(needs.hold_ids),
        leaving_hold_ids=hold_ids.union(needs.leaving_hold_ids),
    )


def read_hold_requests(wanted: Wanted) -> Read:
    """Reads what became of requests that hold a bill, or are released."""
    needs = wanted.needs
    leaving = frozenset(needs.leaving_hold_request_ids)

    def keep(working_set: WorkingSet, rows: list[Row]) -> None:
        for each in map(HoldRequest._make, rows):
            if each.request_id in leaving and each.hold_id not in (None, *needs.hold_ids):
                raise TransientError("the bill was held while it was waited")
            working_set.holds.requests[each.institution_id, each.request_id] = each

    ids = leaving.union(needs.hold_request_ids)
    return Read(_select(wanted.region, ids), keep)


def write_hold_requests(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes requests that held a bill, and those that were released before they came.

    Of two that come at once, one finds what the other one wrote: the key lets one win.
    """
    holds = working_set.holds
    yield Insert(
        tables.hold_request,
        ("region", *_COLUMNS),
        [(working_set.region, *holds.requests[each]) for each in holds.new_requests],
    )


def _select(region: str, request_ids: Collection[str]) -> Select:
    return Select(tables.hold_request, _COLUMNS, region, "request_id", tuple(sorted(request_ids)))

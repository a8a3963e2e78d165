"""Transfers as stored: what a batch reads and writes, what is read alone, and is checked."""

from collections.abc import Iterable, Iterator

import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Statement, Update, execute
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.transfer import Direction, Transfer, TransferState
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Wanted

COLUMNS = Transfer._fields
_CHANGING = (
    # The first three of incoming ones, where what came before was rejected or taken back.
    *("person_id", "maker", "request_time"),
    *("state", "amount_fen", "checker", "record_time", "posting_id", "payment_reference"),
    *("pay_time", "payment_posting_id", "close_time", "credit_id"),
)
_OPEN = (TransferState.REQUESTED, TransferState.RECORD_OUT, TransferState.MONEY_OUT)


def transfer_from(row: Row) -> Transfer:
    """Returns the transfer in a row of COLUMNS."""
    found = Transfer(*row)
    return found._replace(direction=Direction(found.direction), state=TransferState(found.state))


def read_transfers(connection: sa.Connection, working_set: WorkingSet, wanted: Wanted) -> None:
    """Reads the transfers of numbers that commands named; nothing where none did."""
    numbers = tuple(sorted(wanted.needs.transfer_numbers))
    if not numbers:
        return
    select = Select(
        tables.accounts.transfer, COLUMNS, working_set.region, "transfer_number", numbers
    )
    (rows,) = execute(connection, [select])
    found = map(transfer_from, rows)
    working_set.transfers.by_id.update((each.transfer_id, each) for each in found)


def write_transfers(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes the transfers that are new or took a step."""
    state = working_set.transfers
    yield Insert(
        tables.accounts.transfer, COLUMNS, [tuple(state.by_id[each]) for each in state.added]
    )
    yield Update(
        tables.accounts.transfer,
        ("region", "transfer_id"),
        _CHANGING,
        [
            (working_set.region, each, *(getattr(state.by_id[each], name) for name in _CHANGING))
            for each in sorted(state.changed)
        ],
    )


def all_transfers(connection: sa.Connection, region: str) -> list[Transfer]:
    """Returns every transfer of a region, for the ledger checker."""
    return _read(connection, tables.accounts.transfer.c.region == region)


def other_ends(
    connection: sa.Connection, region: str, incoming: Iterable[Transfer]
) -> dict[tuple[str, str], Transfer]:
    """Returns where incoming transfers came from, of regions that are here, by region and number.

    Those that were not cancelled, for the ledger checker.
    """
    transfer, found = tables.accounts.transfer.c, {}
    for each in incoming:
        if each.direction is Direction.IN:
            for other in _read(
                connection,
                transfer.region == each.other_region,
                transfer.transfer_number == each.transfer_number,
                transfer.other_region == region,
                transfer.direction == int(Direction.OUT),
                transfer.state != int(TransferState.CANCELLED),
            ):
                found[each.other_region, each.transfer_number] = other
    return found


def _read(
    connection: sa.Connection, *conditions: sa.ColumnElement[bool], limit: int | None = None
) -> list[Transfer]:
    transfer = tables.accounts.transfer.c
    query = (
        sa.select(*(transfer[name] for name in COLUMNS))
        .where(*conditions)
        .order_by(transfer.transfer_id)
        .limit(limit)
    )
    return [transfer_from(tuple(row)) for row in connection.execute(query)]


class StoredTransfers:
    """See `application.transfer.find.TransferRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._connection = connection
        self._is_here = tables.accounts.transfer.c.region == region

    def find(self, transfer_id: str) -> Transfer | None:
        """Returns a transfer, or None."""
        found = self._read(tables.accounts.transfer.c.transfer_id == transfer_id)
        return found[0] if found else None

    def page(self, state: TransferState | None, *, after: str | None, limit: int) -> list[Transfer]:
        """Returns at most `limit` transfers, the one requested first at the head."""
        transfer = tables.accounts.transfer.c
        return self._read(
            sa.true() if state is None else transfer.state == int(state),
            sa.true() if after is None else transfer.transfer_id > after,
            limit=limit,
        )

    def open(self, *, limit: int) -> list[Transfer]:
        """Returns at most `limit` transfers that leave and have not arrived, the first first."""
        states = [int(each) for each in _OPEN]
        return self._read(tables.accounts.transfer.c.state.in_(states), limit=limit)

    def _read(
        self, *conditions: sa.ColumnElement[bool], limit: int | None = None
    ) -> list[Transfer]:
        return _read(self._connection, self._is_here, *conditions, limit=limit)

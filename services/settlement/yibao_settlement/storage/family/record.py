"""What relatives agreed to and paid, as stored."""

from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec
import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Statement, execute, select_rows
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.family.state import FamilyPayment
from yibao_settlement.rules.family import Giver
from yibao_settlement.storage import tables

PAYMENT_COLUMNS = FamilyPayment._fields
GIVER_COLUMNS = ("payer_ids", "givers")

_encode = msgspec.json.Encoder().encode
_givers = msgspec.json.Decoder(tuple[Giver, ...]).decode


def givers_text(givers: Sequence[Giver]) -> str | None:
    """Returns relatives who agreed, as they are stored with a person; None for nobody."""
    return _encode(givers).decode() if givers else None


def givers_from(payer_ids: str, stored: str | None) -> tuple[Giver, ...]:
    """Returns the relatives who agreed, by a person's GIVER_COLUMNS.

    An identity of before limits told of no more than who they are: they agreed without any.
    Raises InvariantError where it is not what was written.
    """
    if stored:
        try:
            return _givers(stored)
        except msgspec.DecodeError as error:
            raise InvariantError("relatives who agreed cannot be read") from error
    return tuple([Giver(each) for each in payer_ids.split(",")]) if payer_ids else ()


def read_paid(connection: sa.Connection, working_set: WorkingSet) -> None:
    """Reads what counts to limits of this year, of those who have such; mostly of nobody."""
    family = working_set.family
    receivers = sorted(
        person_id
        for person_id, givers in family.givers.items()
        if any(each.year_limit_fen is not None for each in givers)
    )
    family.paid_fen.update(
        paid_by(connection, working_set.region, receivers, working_set.account_year)
    )


def paid_by(
    connection: sa.Connection, region: str, receiver_ids: Collection[str], year: int
) -> dict[tuple[str, str], dict[str, int]]:
    """Returns what was paid of a year's bills, less what came back.

    By receiver and giver, then by the bill's place.
    """
    columns = ("receiver_id", "giver_id", "place", "year", "amount_fen")
    rows = select_rows(
        connection,
        tables.family_payment,
        columns,
        region=region,
        key="receiver_id",
        among=sorted(receiver_ids),
    )
    paid: dict[tuple[str, str], dict[str, int]] = {}
    for receiver_id, giver_id, place, of_year, amount_fen in rows:
        if of_year == year:
            of_bills = paid.setdefault((receiver_id, giver_id), {})
            of_bills[place] = of_bills.get(place, 0) + amount_fen
    return paid


def payments_at(
    connection: sa.Connection, region: str, places: Iterable[str]
) -> list[FamilyPayment]:
    """Returns what was paid of bills of some places and went back, in the order of postings."""
    select = Select(tables.family_payment, PAYMENT_COLUMNS, region, "place", tuple(places))
    (rows,) = execute(connection, [select])
    return sorted(map(FamilyPayment._make, rows))


def write_payments(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes what relatives paid and got back."""
    region, payments = working_set.region, working_set.family.payments
    rows: list[Row] = [(region, *each) for each in payments]
    yield Insert(tables.family_payment, ("region", *PAYMENT_COLUMNS), rows)
    yield Insert(
        tables.family_act,
        ("region", "act_id", "amount_fen"),
        [(region, *each) for each in working_set.family.of_acts.items()],
    )

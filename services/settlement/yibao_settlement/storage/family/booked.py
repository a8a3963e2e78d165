"""What relatives' accounts paid, as the ledger checker reads it from one snapshot."""

from collections.abc import Collection, Iterator

import sqlalchemy as sa

from yibao_common.db.rows import select_rows
from yibao_settlement.application.family.state import FamilyPayment
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.storage import tables
from yibao_settlement.storage.family.record import PAYMENT_COLUMNS

_POSTINGS_AT_ONCE = 1_000


def payments_to(
    connection: sa.Connection, region: str, receiver_ids: Collection[str]
) -> list[FamilyPayment]:
    """Returns all that relatives paid for some persons, and got back."""
    rows = select_rows(
        connection,
        tables.family_payment,
        PAYMENT_COLUMNS,
        region=region,
        key="receiver_id",
        among=sorted(receiver_ids),
    )
    return [FamilyPayment._make(row) for row in rows]


def booked_payments(
    connection: sa.Connection, region: str
) -> Iterator[tuple[dict[str, list[FamilyPayment]], dict[str, dict[str, int]]]]:
    """Yields what is told of postings of relatives' money and what they posted, in pages."""
    posting, payment = tables.posting.c, tables.family_payment.c
    told = sa.select(payment.posting_id).where(payment.region == region)
    made = sa.select(posting.posting_id).where(
        posting.region == region, posting.kind == int(PostingKind.FAMILY)
    )
    ids = sorted(connection.execute(sa.union(told, made)).scalars())
    for at in range(0, len(ids), _POSTINGS_AT_ONCE):
        page = ids[at : at + _POSTINGS_AT_ONCE]
        payments: dict[str, list[FamilyPayment]] = {}
        for row in select_rows(
            connection,
            tables.family_payment,
            PAYMENT_COLUMNS,
            region=region,
            key="posting_id",
            among=page,
        ):
            each = FamilyPayment._make(row)
            payments.setdefault(each.posting_id, []).append(each)
        yield payments, _posted(connection, region, page)


def _posted(connection: sa.Connection, region: str, ids: list[str]) -> dict[str, dict[str, int]]:
    entry = tables.entry.c
    found: dict[str, dict[str, int]] = {}
    query = sa.select(entry.posting_id, entry.account_id, entry.amount_fen).where(
        entry.region == region,
        entry.kind == int(PostingKind.FAMILY),
        entry.posting_id.in_(ids),
    )
    for posting_id, account_id, amount_fen in connection.execute(query):
        found.setdefault(posting_id, {})[account_id] = amount_fen
    return found

"""The tables of credits, of orders of accounts, and of accounts that were closed.

With those of allocations and transfers, so that all of accounts are found in one place.
"""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant, code_type
from yibao_settlement.storage.allocation.tables import allocated_person as allocated_person
from yibao_settlement.storage.allocation.tables import allocation as allocation
from yibao_settlement.storage.allocation.tables import contribution as contribution
from yibao_settlement.storage.allocation.tables import credit_policy as credit_policy
from yibao_settlement.storage.ledger.tables import metadata, region_column
from yibao_settlement.storage.transfer.tables import transfer as transfer

# Every credit by its business key; a row changes when a second person confirms or rejects it,
# and when a correction takes something of it back.
credit = sa.Table(
    "credit",
    metadata,
    region_column(),
    sa.Column("credit_id", Id, primary_key=True),
    # The record that was credited, also where it was merged since.
    sa.Column("person_id", Id, nullable=False),
    # Empty where none was told.
    sa.Column("insurance_type", sa.String(3), nullable=False),
    # `allocation`, `recharge`, `transfer`, as in the ledger.
    sa.Column("source", sa.String(20), nullable=False),
    # The request's id where none was told.
    sa.Column("business_key", code_type(64), nullable=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    sa.Column("is_carried", sa.Boolean, nullable=False),
    # 1 waiting, 2 booked, 3 rejected, 4 taken back.
    sa.Column("state", sa.SmallInteger, nullable=False),
    # What a second person confirms; null where none was needed.
    sa.Column("order_id", Id),
    # Null until it is booked.
    sa.Column("posting_id", Id),
    sa.Column("taken_back_fen", sa.BigInteger, nullable=False),
    sa.Column("credit_time", Instant, nullable=False),
)
# One credit that takes effect or may do so for a key; others freed it.
_HOLDS_KEY = credit.c.state.in_((1, 2))
sa.Index(
    "uq_credit_region_person_id_business_key",
    *(credit.c.region, credit.c.person_id, credit.c.business_key),
    *(credit.c.source, credit.c.insurance_type),
    unique=True,
    sqlite_where=_HOLDS_KEY,
    postgresql_where=_HOLDS_KEY,
)
# For lists of a person. Ids rise with time.
sa.Index(
    "ix_credit_region_person_id_credit_id",
    *(credit.c.region, credit.c.person_id, credit.c.credit_id),
)

account_order = sa.Table(
    "account_order",
    metadata,
    region_column(),
    sa.Column("order_id", Id, primary_key=True),
    # 1 credit, 2 correction, 3 pay-out.
    sa.Column("kind", sa.SmallInteger, nullable=False),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    # What is confirmed or corrected.
    sa.Column("credit_id", Id),
    # Of a pay-out: 1 death, 2 emigration, 3 the insurance ended; and the agency's number of the
    # application.
    sa.Column("cause", sa.SmallInteger),
    sa.Column("payee_reference", sa.String(50)),
    sa.Column("reason", sa.String(200), nullable=False),
    sa.Column("maker", sa.String(200), nullable=False),
    sa.Column("propose_time", Instant, nullable=False),
    # What follows changes once, when it is closed. 1 proposed, 2 carried out, 3 rejected.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("checker", sa.String(200)),
    sa.Column("close_time", Instant),
    sa.Column("posting_id", Id),
    # Of a correction: what the account did not hold.
    sa.Column("receivable_fen", sa.BigInteger, nullable=False),
    sa.Column("reject_reason", sa.String(200)),
)
sa.Index("ix_account_order_region_person_id", account_order.c.region, account_order.c.person_id)
# Ids rise with time.
sa.Index(
    "ix_account_order_region_state_order_id",
    *(account_order.c.region, account_order.c.state, account_order.c.order_id),
)

# Accounts that were paid out or moved to another region, until what is sent back opens them.
account_closing = sa.Table(
    "account_closing",
    metadata,
    region_column(),
    sa.Column("person_id", Id, primary_key=True),
    # The order or transfer.
    sa.Column("cause_id", Id, primary_key=True),
    sa.Column("close_time", Instant, nullable=False),
    sa.Column("reopen_time", Instant),
)

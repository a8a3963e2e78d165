"""Credits have business keys, orders of accounts two operators; allocations run by rule.

Every credit of before is told with the id of its request as its key, or with its own id where it
names no request: it took effect once by that.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant, code_type

revision = "0048"
down_revision = "0047"

_CREDIT, _BOOKED = 3, 2
_ENTRY = sa.table(
    "entry",
    sa.column("region", sa.String),
    sa.column("account_id", sa.String),
    sa.column("posting_id", Id),
    sa.column("kind", sa.SmallInteger),
    sa.column("amount_fen", sa.BigInteger),
)
_POSTING = sa.table(
    "posting",
    sa.column("region", sa.String),
    sa.column("posting_id", Id),
    sa.column("request_id", Id),
    sa.column("post_time", Instant),
)
_TOLD = sa.table(
    "credit",
    sa.column("region", sa.String),
    sa.column("credit_id", Id),
    sa.column("person_id", Id),
    sa.column("insurance_type", sa.String),
    sa.column("source", sa.String),
    sa.column("business_key", sa.String),
    sa.column("amount_fen", sa.BigInteger),
    sa.column("is_carried", sa.Boolean),
    sa.column("state", sa.SmallInteger),
    sa.column("posting_id", Id),
    sa.column("taken_back_fen", sa.BigInteger),
    sa.column("credit_time", Instant),
)


def upgrade() -> None:
    _make_credits()
    _make_orders()
    _make_allocations()
    _make_transfers()
    _tell_of_credits(op.get_bind())


def _region() -> sa.Column[str]:
    return sa.Column("region", sa.String(6), nullable=False)


def _make_credits() -> None:
    op.create_table(
        "credit",
        _region(),
        sa.Column("credit_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("insurance_type", sa.String(3), nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("business_key", code_type(64), nullable=False),
        sa.Column("amount_fen", sa.BigInteger, nullable=False),
        sa.Column("is_carried", sa.Boolean, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("order_id", Id),
        sa.Column("posting_id", Id),
        sa.Column("taken_back_fen", sa.BigInteger, nullable=False),
        sa.Column("credit_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint("region", "credit_id", name="pk_credit"),
    )
    holds_key = sa.text("state IN (1, 2)")
    op.create_index(
        "uq_credit_region_person_id_business_key",
        "credit",
        ["region", "person_id", "business_key", "source", "insurance_type"],
        unique=True,
        sqlite_where=holds_key,
        postgresql_where=holds_key,
    )
    op.create_index(
        "ix_credit_region_person_id_credit_id", "credit", ["region", "person_id", "credit_id"]
    )
    op.create_table(
        "account_closing",
        _region(),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("cause_id", Id, nullable=False),
        sa.Column("close_time", Instant, nullable=False),
        sa.Column("reopen_time", Instant),
        sa.PrimaryKeyConstraint("region", "person_id", "cause_id", name="pk_account_closing"),
    )


def _make_orders() -> None:
    op.create_table(
        "account_order",
        _region(),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("amount_fen", sa.BigInteger, nullable=False),
        sa.Column("credit_id", Id),
        sa.Column("cause", sa.SmallInteger),
        sa.Column("payee_reference", sa.String(50)),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("maker", sa.String(200), nullable=False),
        sa.Column("propose_time", Instant, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("checker", sa.String(200)),
        sa.Column("close_time", Instant),
        sa.Column("posting_id", Id),
        sa.Column("receivable_fen", sa.BigInteger, nullable=False),
        sa.Column("reject_reason", sa.String(200)),
        sa.PrimaryKeyConstraint("region", "order_id", name="pk_account_order"),
    )
    op.create_index("ix_account_order_region_person_id", "account_order", ["region", "person_id"])
    op.create_index(
        "ix_account_order_region_state_order_id", "account_order", ["region", "state", "order_id"]
    )


def _make_allocations() -> None:
    op.create_table(
        "credit_policy",
        _region(),
        sa.Column("policy_version", sa.String(64), nullable=False),
        sa.Column("insurance_type", sa.String(3), nullable=False),
        sa.Column("start_month", sa.Integer, nullable=False),
        sa.Column("policy_file", sa.LargeBinary, nullable=False),
        sa.Column("maker", sa.String(200), nullable=False),
        sa.Column("submit_time", Instant, nullable=False),
        sa.Column("checker", sa.String(200)),
        sa.Column("approve_time", Instant),
        sa.PrimaryKeyConstraint("region", "policy_version", name="pk_credit_policy"),
    )
    op.create_table(
        "contribution",
        _region(),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("insurance_type", sa.String(3), nullable=False),
        sa.Column("month", sa.Integer, nullable=False),
        sa.Column("base_fen", sa.BigInteger, nullable=False),
        sa.Column("import_time", Instant, nullable=False),
        sa.PrimaryKeyConstraint(
            "region", "person_id", "insurance_type", "month", name="pk_contribution"
        ),
    )
    op.create_table(
        "allocation",
        _region(),
        sa.Column("allocation_id", Id, nullable=False),
        sa.Column("insurance_type", sa.String(3), nullable=False),
        sa.Column("month", sa.Integer, nullable=False),
        sa.Column("policy_version", sa.String(64), nullable=False),
        sa.Column("request_id", Id, nullable=False),
        sa.Column("maker", sa.String(200), nullable=False),
        sa.Column("start_time", Instant, nullable=False),
        sa.Column("finish_time", Instant),
        sa.PrimaryKeyConstraint("region", "allocation_id", name="pk_allocation"),
    )
    goes_on = sa.text("finish_time IS NULL")
    op.create_index(
        "uq_allocation_region_insurance_type_month",
        "allocation",
        ["region", "insurance_type", "month"],
        unique=True,
        sqlite_where=goes_on,
        postgresql_where=goes_on,
    )
    op.create_table(
        "allocated_person",
        _region(),
        sa.Column("allocation_id", Id, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("base_fen", sa.BigInteger),
        sa.Column("amount_fen", sa.BigInteger, nullable=False),
        sa.Column("credit_id", Id),
        sa.PrimaryKeyConstraint("region", "allocation_id", "person_id", name="pk_allocated_person"),
    )


def _make_transfers() -> None:
    op.create_table(
        "transfer",
        _region(),
        sa.Column("transfer_id", Id, nullable=False),
        sa.Column("direction", sa.SmallInteger, nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("other_region", sa.String(6), nullable=False),
        sa.Column("transfer_number", sa.String(50), nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("maker", sa.String(200), nullable=False),
        sa.Column("request_time", Instant, nullable=False),
        sa.Column("amount_fen", sa.BigInteger),
        sa.Column("checker", sa.String(200)),
        sa.Column("record_time", Instant),
        sa.Column("posting_id", Id),
        sa.Column("payment_reference", sa.String(50)),
        sa.Column("pay_time", Instant),
        sa.Column("payment_posting_id", Id),
        sa.Column("close_time", Instant),
        sa.Column("credit_id", Id),
        sa.PrimaryKeyConstraint("region", "transfer_id", name="pk_transfer"),
    )
    stands = sa.text("state != 5")
    op.create_index(
        "uq_transfer_region_transfer_number",
        "transfer",
        ["region", "transfer_number", "other_region", "direction"],
        unique=True,
        sqlite_where=stands,
        postgresql_where=stands,
    )
    op.create_index(
        "ix_transfer_region_state_transfer_id", "transfer", ["region", "state", "transfer_id"]
    )


def _tell_of_credits(connection: sa.Connection) -> None:
    """Writes a row for each credit that the ledger has.

    No key is there twice: a request is answered once, and one without a request has its own id.
    """
    own, source, told = _ENTRY.alias("own"), _ENTRY.alias("source"), _POSTING
    is_person = own.c.account_id.like("person:%")
    owner = sa.case(
        (is_person, sa.func.substr(own.c.account_id, len("person:") + 1)),
        else_=sa.func.substr(own.c.account_id, len("carried:") + 1),
    )
    rows = (
        sa.select(
            own.c.region,
            own.c.posting_id,
            sa.cast(owner, Id),
            sa.literal(""),
            sa.func.substr(source.c.account_id, len("source:") + 1),
            sa.cast(sa.func.coalesce(told.c.request_id, own.c.posting_id), sa.Text),
            own.c.amount_fen,
            sa.not_(is_person),
            sa.literal(_BOOKED),
            own.c.posting_id,
            sa.literal(0),
            told.c.post_time,
        )
        .join_from(
            own,
            told,
            sa.and_(told.c.region == own.c.region, told.c.posting_id == own.c.posting_id),
        )
        .join(
            source,
            sa.and_(
                source.c.region == own.c.region,
                source.c.posting_id == own.c.posting_id,
                source.c.account_id.like("source:%"),
            ),
        )
        .where(
            own.c.kind == _CREDIT,
            own.c.amount_fen > 0,
            sa.or_(is_person, own.c.account_id.like("carried:%")),
        )
    )
    connection.execute(sa.insert(_TOLD).from_select([each.name for each in _TOLD.c], rows))

"""Months of institutions are declared, deducted from, paid; deposits are withheld of them."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant, code_type

revision = "0047"
down_revision = "0046"


def _region() -> sa.Column[str]:
    return sa.Column("region", sa.String(6), nullable=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("region", *columns, name=f"pk_{table}")


def _unique_where(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(
        name, table, ["region", *columns], unique=True, sqlite_where=where, postgresql_where=where
    )


def _fen(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _order_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("maker", sa.String(200), nullable=False),
        sa.Column("propose_time", Instant, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("checker", sa.String(200)),
        sa.Column("decide_time", Instant),
        sa.Column("posting_id", Id),
    ]


def upgrade() -> None:
    _declarations()
    _orders()
    _payments()


def _declarations() -> None:
    op.create_table(
        "declaration",
        _region(),
        sa.Column("declaration_id", Id, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("month", sa.Integer, nullable=False),
        sa.Column("insurance_type", sa.String(3), nullable=False),
        sa.Column("clearing_type", sa.String(6), nullable=False),
        sa.Column("act_count", sa.Integer, nullable=False),
        *_fen("total_fen", "fund_total_fen", "account_fen", "cash_fen"),
        sa.Column("declared_by", sa.String(200), nullable=False),
        sa.Column("declare_time", Instant, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("accepted_by", sa.String(200)),
        sa.Column("accept_time", Instant),
        sa.Column("ended_by", sa.String(200)),
        sa.Column("end_time", Instant),
        sa.Column("end_reason", sa.String(200)),
        _key("declaration", "declaration_id"),
    )
    _unique_where(
        "uq_declaration_region_institution_id_month_types",
        "declaration",
        ["institution_id", "month", "insurance_type", "clearing_type"],
        "end_time IS NULL",
    )
    op.create_table(
        "declaration_share",
        _region(),
        sa.Column("declaration_id", Id, nullable=False),
        sa.Column("account_id", code_type(60), nullable=False),
        *_fen("declared_fen"),
        _key("declaration_share", "declaration_id", "account_id"),
    )
    op.create_table(
        "declared_act",
        _region(),
        sa.Column("declaration_id", Id, nullable=False),
        sa.Column("act_id", Id, nullable=False),
        sa.Column("undone_id", Id),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("settlement_id", Id, nullable=False),
        sa.Column("act_time", Instant, nullable=False),
        *_fen("total_fen", "fund_total_fen", "account_fen", "cash_fen"),
        sa.Column("free_time", Instant),
        _key("declared_act", "declaration_id", "act_id"),
    )
    op.create_index(
        "ix_declared_act_region_settlement_id", "declared_act", ["region", "settlement_id"]
    )
    _unique_where("uq_declared_act_region_act_id", "declared_act", ["act_id"], "free_time IS NULL")


def _orders() -> None:
    op.create_table(
        "deduction",
        _region(),
        sa.Column("deduction_id", Id, nullable=False),
        sa.Column("declaration_id", Id, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("deduction_type", sa.SmallInteger, nullable=False),
        sa.Column("fund_type", sa.String(6), nullable=False),
        *_fen("amount_fen"),
        sa.Column("settlement_id", Id),
        sa.Column("revoked_id", Id),
        *_order_columns(),
        _key("deduction", "deduction_id"),
    )
    for column in ("declaration_id", "settlement_id", "revoked_id"):
        op.create_index(f"ix_deduction_region_{column}", "deduction", ["region", column])
    op.create_table(
        "deposit_move",
        _region(),
        sa.Column("move_id", Id, nullable=False),
        sa.Column("declaration_id", Id, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("move_kind", sa.SmallInteger, nullable=False),
        sa.Column("fund_type", sa.String(6), nullable=False),
        *_fen("amount_fen"),
        *_order_columns(),
        _key("deposit_move", "move_id"),
    )
    op.create_index(
        "ix_deposit_move_region_declaration_id", "deposit_move", ["region", "declaration_id"]
    )


def _payments() -> None:
    op.create_table(
        "institution_payment",
        _region(),
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        *_fen("amount_fen", "deposit_fen"),
        sa.Column("maker", sa.String(200), nullable=False),
        sa.Column("propose_time", Instant, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("checker", sa.String(200)),
        sa.Column("decide_time", Instant),
        sa.Column("deposit_posting_id", Id),
        sa.Column("bank_reference", sa.String(64)),
        sa.Column("reported_by", sa.String(200)),
        sa.Column("pay_time", Instant),
        sa.Column("posting_id", Id),
        _key("institution_payment", "payment_id"),
    )
    _unique_where(
        "uq_institution_payment_region_bank_reference",
        "institution_payment",
        ["bank_reference"],
        "bank_reference IS NOT NULL",
    )
    op.create_table(
        "institution_payment_line",
        _region(),
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("item_id", Id, nullable=False),
        sa.Column("account_id", code_type(60), nullable=False),
        *_fen("amount_fen", "deposit_fen"),
        _key("institution_payment_line", "payment_id", "item_id", "account_id"),
    )
    op.create_index(
        "ix_institution_payment_line_region_item_id",
        "institution_payment_line",
        ["region", "item_id"],
    )

"""The tables of declared months: declarations with their acts, what is deducted, withheld, paid."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant, code_type
from yibao_settlement.storage.ledger.tables import metadata, region_column


def _unique_where(name: str, condition: sa.ColumnElement[bool], *columns: sa.Column[str]) -> None:
    sa.Index(name, *columns, unique=True, sqlite_where=condition, postgresql_where=condition)


declaration = sa.Table(
    "declaration",
    metadata,
    region_column(),
    sa.Column("declaration_id", Id, primary_key=True),
    sa.Column("institution_id", sa.String(12), nullable=False),
    # Such as 202611.
    sa.Column("month", sa.Integer, nullable=False),
    sa.Column("insurance_type", sa.String(3), nullable=False),
    sa.Column("clearing_type", sa.String(6), nullable=False),
    sa.Column("act_count", sa.Integer, nullable=False),
    sa.Column("total_fen", sa.BigInteger, nullable=False),
    sa.Column("fund_total_fen", sa.BigInteger, nullable=False),
    sa.Column("account_fen", sa.BigInteger, nullable=False),
    sa.Column("cash_fen", sa.BigInteger, nullable=False),
    sa.Column("declared_by", sa.String(200), nullable=False),
    sa.Column("declare_time", Instant, nullable=False),
    # What follows changes. See `rules.declaration.month.DeclarationState`.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("accepted_by", sa.String(200)),
    sa.Column("accept_time", Instant),
    # Of a declaration that was withdrawn or rejected.
    sa.Column("ended_by", sa.String(200)),
    sa.Column("end_time", Instant),
    sa.Column("end_reason", sa.String(200)),
)
# A month is declared once with the same types, unless that was withdrawn or rejected.
_unique_where(
    "uq_declaration_region_institution_id_month_types",
    declaration.c.end_time.is_(None),
    declaration.c.region,
    declaration.c.institution_id,
    declaration.c.month,
    declaration.c.insurance_type,
    declaration.c.clearing_type,
)

# What each payer owes by what was declared; only ever inserted.
declaration_share = sa.Table(
    "declaration_share",
    metadata,
    region_column(),
    sa.Column("declaration_id", Id, primary_key=True),
    # `fund:310100`, a bearer's account, or `person:` for all personal accounts together.
    sa.Column("account_id", code_type(60), primary_key=True),
    sa.Column("declared_fen", sa.BigInteger, nullable=False),
)

# The acts of a declaration.
declared_act = sa.Table(
    "declared_act",
    metadata,
    region_column(),
    sa.Column("declaration_id", Id, primary_key=True),
    # That of the act's posting.
    sa.Column("act_id", Id, primary_key=True),
    # Of a correction, the reversal that is a part of it.
    sa.Column("undone_id", Id),
    # See `rules.day.act.DayActKind`.
    sa.Column("kind", sa.SmallInteger, nullable=False),
    sa.Column("settlement_id", Id, nullable=False),
    sa.Column("act_time", Instant, nullable=False),
    sa.Column("total_fen", sa.BigInteger, nullable=False),
    sa.Column("fund_total_fen", sa.BigInteger, nullable=False),
    sa.Column("account_fen", sa.BigInteger, nullable=False),
    sa.Column("cash_fen", sa.BigInteger, nullable=False),
    # Null while the declaration stands; set once, with all acts of it.
    sa.Column("free_time", Instant),
    sa.Index("ix_declared_act_region_settlement_id", "region", "settlement_id"),
)
# Each act is in one declaration that stands.
_unique_where(
    "uq_declared_act_region_act_id",
    declared_act.c.free_time.is_(None),
    declared_act.c.region,
    declared_act.c.act_id,
)


def _order_columns() -> list[sa.Column[object]]:
    """Returns what deductions and moves of deposits share; the last four change once."""
    return [
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("maker", sa.String(200), nullable=False),
        sa.Column("propose_time", Instant, nullable=False),
        # See `rules.declaration.order.OrderState`.
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("checker", sa.String(200)),
        sa.Column("decide_time", Instant),
        sa.Column("posting_id", Id),
    ]


deduction = sa.Table(
    "deduction",
    metadata,
    region_column(),
    sa.Column("deduction_id", Id, primary_key=True),
    sa.Column("declaration_id", Id, nullable=False),
    sa.Column("institution_id", sa.String(12), nullable=False),
    # See `rules.declaration.order.DeductionType`.
    sa.Column("deduction_type", sa.SmallInteger, nullable=False),
    sa.Column("fund_type", sa.String(6), nullable=False),
    # Negative where it gives back what another one deducted.
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    sa.Column("settlement_id", Id),
    sa.Column("revoked_id", Id),
    *_order_columns(),
    sa.Index("ix_deduction_region_declaration_id", "region", "declaration_id"),
    sa.Index("ix_deduction_region_settlement_id", "region", "settlement_id"),
    sa.Index("ix_deduction_region_revoked_id", "region", "revoked_id"),
)

deposit_move = sa.Table(
    "deposit_move",
    metadata,
    region_column(),
    sa.Column("move_id", Id, primary_key=True),
    sa.Column("declaration_id", Id, nullable=False),
    sa.Column("institution_id", sa.String(12), nullable=False),
    # See `rules.declaration.order.DepositMoveKind`.
    sa.Column("move_kind", sa.SmallInteger, nullable=False),
    sa.Column("fund_type", sa.String(6), nullable=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    *_order_columns(),
    sa.Index("ix_deposit_move_region_declaration_id", "region", "declaration_id"),
)

institution_payment = sa.Table(
    "institution_payment",
    metadata,
    region_column(),
    sa.Column("payment_id", Id, primary_key=True),
    sa.Column("institution_id", sa.String(12), nullable=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    sa.Column("deposit_fen", sa.BigInteger, nullable=False),
    sa.Column("maker", sa.String(200), nullable=False),
    sa.Column("propose_time", Instant, nullable=False),
    # What follows changes. See `rules.declaration.payment.PaymentState`.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("checker", sa.String(200)),
    sa.Column("decide_time", Instant),
    sa.Column("deposit_posting_id", Id),
    sa.Column("bank_reference", sa.String(64)),
    sa.Column("reported_by", sa.String(200)),
    sa.Column("pay_time", Instant),
    sa.Column("posting_id", Id),
)
# A reference of the bank pays once.
_unique_where(
    "uq_institution_payment_region_bank_reference",
    institution_payment.c.bank_reference.is_not(None),
    institution_payment.c.region,
    institution_payment.c.bank_reference,
)

# What a payment is of; only ever inserted.
institution_payment_line = sa.Table(
    "institution_payment_line",
    metadata,
    region_column(),
    sa.Column("payment_id", Id, primary_key=True),
    # A declaration, or the release of a deposit.
    sa.Column("item_id", Id, primary_key=True),
    sa.Column("account_id", code_type(60), primary_key=True),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    sa.Column("deposit_fen", sa.BigInteger, nullable=False),
    sa.Index("ix_institution_payment_line_region_item_id", "region", "item_id"),
)

"""Every entry is of a month, and tells that of what it changes; months are closed.

Entries of before get the month of their posting's time in Asia/Shanghai.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant, code_type

revision = "0037"
down_revision = "0036"

_SETTLEMENT, _REVERSAL, _ADJUSTMENT, _REFUND = 1, 2, 6, 11
# How the month of an instant is told: `timestamptz`, or microseconds since 1970.
_MONTH = {
    "postgresql": "CAST(to_char({0} AT TIME ZONE INTERVAL '8 hours', 'YYYYMM') AS integer)",
    "sqlite": "CAST(strftime('%Y%m', {0} / 1000000 + 28800, 'unixepoch') AS integer)",
}
# What a posting changes: its kind, and which settlement stands for it.
_CHANGED = (
    (_REVERSAL, "settlement AS s", "s.reversal_id = entry.posting_id"),
    (
        _REFUND,
        "refund AS c JOIN settlement AS s"
        " ON s.region = c.region AND s.settlement_id = c.settlement_id",
        "c.refund_id = entry.posting_id",
    ),
    (
        _ADJUSTMENT,
        "adjustment AS c JOIN settlement AS s"
        " ON s.region = c.region AND s.settlement_id = c.settlement_id",
        "c.posting_id = entry.posting_id",
    ),
    (
        _SETTLEMENT,
        "correction AS c JOIN settlement AS s"
        " ON s.region = c.region AND s.settlement_id = c.corrected_id",
        "c.settlement_id = entry.posting_id",
    ),
)


def upgrade() -> None:
    _add_month("entry", "month")
    op.add_column("entry", sa.Column("original_month", sa.Integer))
    _add_month("posting_fence", "ended_month")
    _tell_months(_MONTH[op.get_bind().dialect.name])
    for table, column in (("entry", "month"), ("posting_fence", "ended_month")):
        with op.batch_alter_table(table) as altered:
            altered.alter_column(
                column, existing_type=sa.Integer(), existing_nullable=False, server_default=None
            )
    op.create_index("ix_entry_region_month", "entry", ["region", "month"], postgresql_using="brin")
    _make_closes()


def _make_closes() -> None:
    close, key = "period_close", ["region", "institution_id", "month"]
    op.create_table(
        close,
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("close_id", Id, nullable=False),
        sa.Column("institution_id", sa.String(12), nullable=False),
        sa.Column("month", sa.Integer, nullable=False),
        sa.Column("entry_count", sa.BigInteger, nullable=False),
        sa.Column("amount_fen", sa.BigInteger, nullable=False),
        sa.Column("maker", sa.String(200), nullable=False),
        sa.Column("propose_time", Instant, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("checker", sa.String(200)),
        sa.Column("close_time", Instant),
        sa.PrimaryKeyConstraint("region", "close_id", name="pk_period_close"),
    )
    op.create_index("ix_period_close_region_institution_id_month", close, key)
    op.create_index("ix_period_close_region_month", close, ["region", "month"])
    op.create_index(
        "uq_period_close_region_institution_id_month",
        close,
        key,
        unique=True,
        sqlite_where=sa.text("close_time IS NOT NULL"),
        postgresql_where=sa.text("close_time IS NOT NULL"),
    )
    op.create_table(
        "period_sum",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("close_id", Id, nullable=False),
        sa.Column("account_id", code_type(60), nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("original_month", sa.Integer, nullable=False),
        sa.Column("entry_count", sa.BigInteger, nullable=False),
        sa.Column("amount_fen", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(
            *("region", "close_id", "account_id", "kind", "original_month"),
            name="pk_period_sum",
        ),
    )


def _add_month(table: str, column: str) -> None:
    op.add_column(table, sa.Column(column, sa.Integer, nullable=False, server_default="0"))


def _tell_months(month: str) -> None:
    for source, time, of in (
        ("settlement", "settle_time", "x.settlement_id = entry.posting_id AND entry.kind = 1"),
        ("posting", "post_time", "x.posting_id = entry.posting_id AND entry.kind <> 1"),
    ):
        told = month.format(f"x.{time}")
        op.execute(
            f"UPDATE entry SET month = {told} FROM {source} AS x "  # noqa: S608 (names of tables)
            f"WHERE x.region = entry.region AND {of}"
        )
    told = month.format("s.settle_time")
    for kind, source, of in _CHANGED:
        op.execute(
            f"UPDATE entry SET original_month = {told} FROM {source} "  # noqa: S608 (the same)
            f"WHERE s.region = entry.region AND {of} AND entry.kind = {kind} "
            f"AND {told} <> entry.month"
        )

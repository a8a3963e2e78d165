"""Settlements, and beside them windows smaller than a year and what moved since.

Windows are of bills by `yibao-policy/2`.
"""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant, code_type
from yibao_settlement.storage.ledger.tables import index_where_set, metadata, region_column

benefit_window = sa.Table(
    "benefit_window",
    metadata,
    region_column(),
    # The visit that began a stay, or a person's month: `<person>/2026-11`. The months of a
    # person lie together.
    sa.Column("scope", code_type(50), primary_key=True),
    # JSON object: instance of a window and name in it to a number, see
    # `rules.benefit.keeping`. A row of which nothing is left stays, empty.
    sa.Column("amounts", sa.Text, nullable=False),
    postgresql_with={"fillfactor": 70},
)

# That the effective column of a settlement moved; never changed. The newest one holds.
adjustment = sa.Table(
    "adjustment",
    metadata,
    region_column(),
    sa.Column("settlement_id", Id, primary_key=True),
    # 2 for the first one: 1 is what the counter showed.
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("adjust_time", Instant, nullable=False),
    # Why: see `rules.difference.Cause`; and which one: a reversal or refund by its id, a merge by
    # the person whose record it ended.
    sa.Column("cause", sa.SmallInteger, nullable=False),
    sa.Column("cause_id", Id, nullable=False),
    # Null where no money moved.
    sa.Column("posting_id", Id),
    # JSON object: see `storage.settlement.adjustment`.
    sa.Column("effective", sa.Text, nullable=False),
)
# Whom a posting adjusted: the ledger checker asks.
index_where_set(adjustment, "region", "posting_id", is_set="posting_id")
# For lists of changes: those that moved no money are none.
index_where_set(adjustment, "region", "adjust_time", "settlement_id", is_set="posting_id")

# The settlement of record, inserted once and noted as reversed. Columns are what is queried.
settlement = sa.Table(
    "settlement",
    metadata,
    region_column(),
    sa.Column("settlement_id", Id, primary_key=True),
    sa.Column("request_id", Id, nullable=False),
    sa.Column("visit_id", Id, nullable=False),
    sa.Column("bill_number", sa.String(32), nullable=False),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("institution_id", sa.String(12), nullable=False),
    sa.Column("insurance_type", sa.String(3), nullable=False),
    sa.Column("benefit_year", sa.SmallInteger, nullable=False),
    sa.Column("service_date", sa.Date, nullable=False),
    sa.Column("settle_time", Instant, nullable=False),
    sa.Column("policy_version", sa.String(64), nullable=False),
    sa.Column("total_fen", sa.BigInteger, nullable=False),
    sa.Column("fund_total_fen", sa.BigInteger, nullable=False),
    sa.Column("account_fen", sa.BigInteger, nullable=False),
    sa.Column("cash_fen", sa.BigInteger, nullable=False),
    # The path of the caller's identity; empty for settlements of before it was kept.
    sa.Column("settled_by", sa.String(200), nullable=False),
    # The form of `record` and of the lines; see `storage.settlement.record`.
    sa.Column("record_form", sa.SmallInteger, nullable=False),
    # JSON object: all that is recorded of the settlement beside the columns and the lines.
    sa.Column("record", sa.Text, nullable=False),
    # JSON: the first hundred lines, as in `settlement_lines`; null where all are there, as before.
    sa.Column("first_lines", sa.Text),
    # Whether the stay goes on after the bill.
    sa.Column("is_interim", sa.Boolean, nullable=False, server_default=sa.false()),
    # By which bills that charge the same are found (`rules.duplicate`); null before.
    sa.Column("line_marks", sa.LargeBinary),
    sa.Column("item_set_mark", sa.LargeBinary),
    # The place that it took over among the person's bills; null where it is its own id.
    sa.Column("former_place", Id),
    # Null until reversed; set once.
    sa.Column("reversal_id", Id),
    sa.Column("reverse_time", Instant),
    sa.Column("reverse_reason", sa.String(200)),
    sa.Column("reversed_by", sa.String(200)),
    # Null for those of before it was kept: their postings name it, where they have any.
    sa.Column("reverse_request_id", Id),
    # Compressing a bill of some fifteen lines takes longer than storing it.
    postgresql_with={"fillfactor": 90, "toast_tuple_target": 4080},
)
# One settlement that stands for a bill of a visit; reversed ones do not count.
sa.Index(
    "uq_settlement_region_visit_id_bill_number",
    settlement.c.region,
    settlement.c.visit_id,
    settlement.c.bill_number,
    unique=True,
    sqlite_where=settlement.c.reversal_id.is_(None),
    postgresql_where=settlement.c.reversal_id.is_(None),
)

# For lists of the region, of an institution, and of a visit's reversed settlements.
sa.Index(
    "ix_settlement_region_settle_time_settlement_id",
    settlement.c.region,
    settlement.c.settle_time,
    settlement.c.settlement_id,
)
sa.Index(
    "ix_settlement_region_institution_id_settle_time_settlement_id",
    *(settlement.c.region, settlement.c.institution_id, settlement.c.settle_time),
    settlement.c.settlement_id,
)
sa.Index(
    "ix_settlement_region_visit_id_reversed",
    *(settlement.c.region, settlement.c.visit_id),
    sqlite_where=settlement.c.reversal_id.is_not(None),
    postgresql_where=settlement.c.reversal_id.is_not(None),
)
# For lists of changes: bills that stand are not in it.
index_where_set(settlement, "region", "reverse_time", "settlement_id", is_set="reversal_id")

# The lines of settlements after the first hundred, a hundred a row, so that any line of
# the longest bill is read by one.
settlement_lines = sa.Table(
    "settlement_lines",
    metadata,
    region_column(),
    sa.Column("settlement_id", Id, primary_key=True),
    # The place in the bill of the first line in the row: 100, 200, …
    sa.Column("first_line", sa.Integer, primary_key=True, autoincrement=False),
    # JSON array of an array a line, in the order of `SplitLine`.
    sa.Column("lines", sa.Text, nullable=False),
)

"""The table of holds: bills that are decided and reserved, apart from those that are settled.

No reader of settlements sees one.
"""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant
from yibao_settlement.storage.ledger.tables import metadata, region_column

# What a hold was decided to cost is only ever inserted, in the columns and forms of
# `settlement`; what moved of it since, who holds the account by now and how it ended is set.
hold = sa.Table(
    "hold",
    metadata,
    region_column(),
    # Its place among the person's bills, which what it becomes takes over.
    sa.Column("hold_id", Id, primary_key=True),
    sa.Column("request_id", Id, nullable=False),
    sa.Column("held_by", sa.String(200), nullable=False),
    sa.Column("hold_time", Instant, nullable=False),
    sa.Column("visit_id", Id, nullable=False),
    sa.Column("bill_number", sa.String(32), nullable=False),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("institution_id", sa.String(12), nullable=False),
    sa.Column("insurance_type", sa.String(3), nullable=False),
    sa.Column("service_date", sa.Date, nullable=False),
    sa.Column("policy_version", sa.String(64), nullable=False),
    sa.Column("total_fen", sa.BigInteger, nullable=False),
    sa.Column("fund_total_fen", sa.BigInteger, nullable=False),
    sa.Column("account_fen", sa.BigInteger, nullable=False),
    sa.Column("cash_fen", sa.BigInteger, nullable=False),
    sa.Column("record_form", sa.SmallInteger, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("first_lines", sa.Text),
    sa.Column("is_interim", sa.Boolean, nullable=False),
    sa.Column("line_marks", sa.LargeBinary),
    sa.Column("item_set_mark", sa.LargeBinary),
    # The lines after the first hundred, as in `first_lines`; null where there are none.
    sa.Column("further_lines", sa.Text),
    # JSON: what opens a case of the bill once it is settled, as in `review.findings`.
    sa.Column("findings", sa.Text, nullable=False),
    sa.Column("expire_time", Instant, nullable=False),
    # Who holds the account of the person by now: another one since a merge.
    sa.Column("holder_id", Id, nullable=False),
    # Null until an earlier bill left. See `adjustment`; nothing of it is posted.
    sa.Column("adjust_time", Instant),
    sa.Column("cause", sa.SmallInteger),
    sa.Column("cause_id", Id),
    sa.Column("effective", sa.Text),
    # 1 held, 2 confirmed, 3 released, 4 expired.
    sa.Column("state", sa.SmallInteger, nullable=False),
    # What follows is null while it is held, and set once.
    sa.Column("end_time", Instant),
    sa.Column("end_reason", sa.String(200)),
    sa.Column("ended_by", sa.String(200)),
    sa.Column("settlement_id", Id),
)
# Which request held which bill, by its id; only ever inserted. Of one that was released before it
# came nothing is held.
hold_request = sa.Table(
    "hold_request",
    metadata,
    region_column(),
    sa.Column("request_id", Id, primary_key=True),
    sa.Column("institution_id", sa.String(12), primary_key=True),
    # Null where it was released before it came.
    sa.Column("hold_id", Id),
    # What follows is null where it came first.
    sa.Column("release_time", Instant),
    sa.Column("release_reason", sa.String(200)),
    sa.Column("released_by", sa.String(200)),
)
# What is held: of a person, of a visit and its bill, and what runs out first. Few rows.
_HELD = hold.c.end_time.is_(None)
sa.Index(
    "ix_hold_region_holder_id",
    hold.c.region,
    hold.c.holder_id,
    sqlite_where=_HELD,
    postgresql_where=_HELD,
)
sa.Index(
    "ix_hold_region_expire_time",
    hold.c.region,
    hold.c.expire_time,
    sqlite_where=_HELD,
    postgresql_where=_HELD,
)
sa.Index(
    "uq_hold_region_visit_id_bill_number",
    hold.c.region,
    hold.c.visit_id,
    hold.c.bill_number,
    unique=True,
    sqlite_where=_HELD,
    postgresql_where=_HELD,
)

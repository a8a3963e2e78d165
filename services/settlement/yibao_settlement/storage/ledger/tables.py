"""The tables of the ledger, and what all tables of the settlement database have in common."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant, code_type

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def region_column() -> sa.Column[str]:
    """Returns the first column of every table and key."""
    return sa.Column("region", sa.String(6), primary_key=True)


def index_where_set(table: sa.Table, *columns: str, is_set: str) -> None:
    """Adds an index of columns to a table, of the rows in which the column `is_set` is not null."""
    condition = table.c[is_set].is_not(None)
    sa.Index(
        f"ix_{table.name}_{'_'.join(columns)}",
        *[table.c[column] for column in columns],
        sqlite_where=condition,
        postgresql_where=condition,
    )


# An account's entries lie together and grow at its end, because posting
# ids rise with time: one index serves both the uniqueness and the balance of an account.

entry = sa.Table(
    "entry",
    metadata,
    region_column(),
    sa.Column("account_id", code_type(60), primary_key=True),
    sa.Column("posting_id", Id, primary_key=True),
    # What posted: 1 settlement, 2 reversal, 3 credit of an account, 4 merge of persons,
    # 5 carry-over of an account, 6 adjustment of a settled bill, 7 move of what is due into an
    # account, of differences 8 paid, 9 collected, 10 written off, 11 refund, and of declared
    # months 40 deduction, 41 deposit withheld, 42 released, 43 forfeited, 44 institution paid.
    sa.Column("kind", sa.SmallInteger, nullable=False),
    sa.Column("amount_fen", sa.BigInteger, nullable=False),
    # That of the posting's time in Asia/Shanghai, such as 202611: of an institution in its
    # account `payable:`, of the funds in all others. 0 where the time is not known.
    sa.Column("month", sa.Integer, nullable=False),
    # That of what the posting reverses, refunds, corrects or adjusts; null where it is the same.
    sa.Column("original_month", sa.Integer),
)
# Entries lie in the order of their months, so the small index finds a month's.
sa.Index("ix_entry_region_month", entry.c.region, entry.c.month, postgresql_using="brin")

# What each posting was made for; its entries bear its id and kind. Settlements are not
# here: their own row names request, caller and time.
posting = sa.Table(
    "posting",
    metadata,
    region_column(),
    sa.Column("posting_id", Id, primary_key=True),
    sa.Column("kind", sa.SmallInteger, nullable=False),
    # The request that it carries out. Null for what the feed made, and for postings of
    # before postings named their requests where no answer told of them.
    sa.Column("request_id", Id),
    # The change of the feed that it carries out, such as a merge.
    sa.Column("feed_sequence", sa.BigInteger),
    sa.Column("post_time", Instant, nullable=False),
    # The path of the caller's identity; empty where there was none or it was not kept.
    sa.Column("posted_by", sa.String(200), nullable=False),
    sa.Index("ix_posting_region_request_id", "region", "request_id"),
)

# Whoever posts reads it and makes ids above it: once every transaction that read an older
# one has ended, nothing can appear below it, whatever clocks say.
posting_fence = sa.Table(
    "posting_fence",
    metadata,
    region_column(),
    sa.Column("posting_id", Id, nullable=False),
    # The last month that has ended and takes no posting any more, such as 202611; 0 before.
    # Once every transaction that read an older one has ended, nothing can appear in it.
    sa.Column("ended_month", sa.Integer, nullable=False),
)

account_checkpoint = sa.Table(
    "account_checkpoint",
    metadata,
    region_column(),
    sa.Column("account_id", code_type(60), primary_key=True),
    # The balance of every entry with a posting id up to and including this one.
    sa.Column("through_posting_id", Id, nullable=False),
    sa.Column("balance_fen", sa.BigInteger, nullable=False),
)

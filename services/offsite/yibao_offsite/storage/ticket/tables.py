"""The tables of problem tickets and of what was said of them."""

from typing import NamedTuple

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant


class TicketTables(NamedTuple):
    """The tables of problem tickets."""

    ticket: sa.Table
    act: sa.Table


def ticket_tables(metadata: sa.MetaData) -> TicketTables:
    """Returns the tables, which become a part of `metadata`."""
    ticket = sa.Table(
        "ticket",
        metadata,
        sa.Column("region", sa.String(6), primary_key=True),
        sa.Column("ticket_id", Id, primary_key=True),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        # Who opened it, whichever of its certificates it showed.
        sa.Column("party", sa.String(200), nullable=False),
        sa.Column("opened_by", sa.String(200), nullable=False),
        sa.Column("open_time", Instant, nullable=False),
        sa.Column("due_date", sa.Date, nullable=False),
        # Null while it is open.
        sa.Column("confirm_due_date", sa.Date),
        # One of both: the last day for the next step, or what it was of the last one.
        sa.Column("next_date", sa.Date, nullable=False),
        sa.Column("is_due", sa.Boolean, nullable=False),
        # Null while it is open.
        sa.Column("answered_late", sa.Boolean),
        sa.Column("close_time", Instant),
        sa.Column("person_id", Id),
        sa.Column("registration_id", Id),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Index("ix_ticket_region_next_date", "region", "next_date", "ticket_id"),
        sa.Index("ix_ticket_region_is_due", "region", "is_due", "next_date", "ticket_id"),
        sa.Index("ix_ticket_region_party", "region", "party", "next_date", "ticket_id"),
    )
    act = sa.Table(
        "ticket_act",
        metadata,
        sa.Column("region", sa.String(6), primary_key=True),
        sa.Column("ticket_id", Id, primary_key=True),
        # 1, 2, 3, …: the version that it made.
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("event", sa.SmallInteger, nullable=False),
        sa.Column("sealed_text", sa.LargeBinary, nullable=False),
        # Both empty where the time was over.
        sa.Column("party", sa.String(200), nullable=False),
        sa.Column("acted_by", sa.String(200), nullable=False),
        sa.Column("act_time", Instant, nullable=False),
    )
    return TicketTables(ticket, act)

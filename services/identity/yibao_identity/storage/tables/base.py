"""What all tables of the identity database share.

`region` comes first in every key, so that the same schema spreads over Citus; ids come
from the application. Tables whose names begin with `trust_` serve all regions of a
deployment: reference tables. Columns whose names begin with `sealed` hold what `vault.py`
encrypts.
"""

import sqlalchemy as sa

from yibao_common.db.answers import answer_table
from yibao_common.db.audit_chain import audit_tables

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def region_column() -> sa.Column[str]:
    """Returns the column that begins every key."""
    return sa.Column("region", sa.String(6), primary_key=True)


def text_column(name: str, length: int) -> sa.Column[str]:
    """Returns a column of text that is empty, not null, where there is nothing."""
    return sa.Column(name, sa.String(length), nullable=False)


def former_tie_column() -> sa.Column[int]:
    """Returns the column that ends the key of codes, and is 0 in all that are issued.

    Others number the codes of one second that were issued before a second had one alone.
    """
    return sa.Column(
        "former_tie", sa.SmallInteger, primary_key=True, autoincrement=False, server_default="0"
    )


# The answers of this service hold names, so its `response` is sealed.
answer = answer_table(metadata)

audit = audit_tables(metadata)

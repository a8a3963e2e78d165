"""Credentials say which e-certificate is whose, so that its holder is known.

The feed tells so of everybody when it is read anew, once; until then holders are not known.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    op.add_column("credential", sa.Column("certificate_id", Id))
    op.create_index(
        "ix_credential_region_certificate_id", "credential", ["region", "certificate_id"]
    )
    op.execute("UPDATE feed_position SET epoch = ''")

"""The share that a person bears first is named as the field names it."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    # Both databases know it, and keep the table as it is.
    op.execute(
        "ALTER TABLE catalogue_item RENAME COLUMN prepay_ratio_ppm TO first_self_pay_ratio_ppm"
    )

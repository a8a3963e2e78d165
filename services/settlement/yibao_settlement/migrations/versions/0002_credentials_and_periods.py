"""Enrolment periods, credentials and merged persons; newest codes by signer."""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _replace_persons()
    _extend_standings()
    _name_signers()


def _replace_persons() -> None:
    # Nothing here was known first: identity's feed, read from its start, tells it again.
    op.drop_table("enrolment")
    op.execute("DELETE FROM feed_position")
    op.create_table(
        "person",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("birth_date", sa.Date, nullable=False),
        sa.Column("merged_into", Id),
        sa.Column("payer_ids", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("region", "person_id", name="pk_person"),
    )
    op.create_table(
        "enrolment",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("enrolment_id", Id, nullable=False),
        sa.Column("insurance_type", sa.String(3), nullable=False),
        sa.Column("person_class", sa.String(4), nullable=False),
        sa.Column("entitlement_groups", sa.String(200), nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("start_date", sa.Date, nullable=False),
        sa.Column("end_date", sa.Date),
        sa.Column("has_employer", sa.Boolean, nullable=False),
        sa.Column("is_premium_pending", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("region", "person_id", "enrolment_id", name="pk_enrolment"),
    )
    op.create_table(
        "credential",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("person_id", Id, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint("region", "subject", name="pk_credential"),
    )
    op.create_index("ix_credential_region_person_id", "credential", ["region", "person_id"])


def _extend_standings() -> None:
    # A newest code that is forgotten here could supersede for some minutes more; the
    # service stands still that long during an upgrade, and single use holds all the same.
    with op.batch_alter_table("person_standing") as standing:
        standing.add_column(sa.Column("newest_codes", sa.Text, server_default="{}"))
        standing.add_column(sa.Column("merged_into", Id))
        standing.drop_column("newest_code_time")
    with op.batch_alter_table("person_standing") as standing:
        standing.alter_column(
            "newest_codes", existing_type=sa.Text, nullable=False, server_default=None
        )


def _name_signers() -> None:
    # Codes of mode A, of which all are until now, are signed by the issuer for a subject.
    with op.batch_alter_table("used_code") as used:
        used.alter_column(
            "subject",
            existing_type=sa.String(32),
            existing_nullable=False,
            new_column_name="signer",
        )

"""What became of requests can be told: whose they were, also when their answers are gone.

Of answers that are gone already, what settled, returned lines or reversed is known by the rows
that they made.
"""

import sqlalchemy as sa
from alembic import op

from yibao_common.db.rows import Id, Instant

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    op.add_column("answer", sa.Column("institution_id", sa.String(12)))
    op.add_column("settlement", sa.Column("reverse_request_id", Id))
    op.create_table(
        "past_answer",
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("request_id", Id, nullable=False),
        sa.Column("answer_time", Instant, nullable=False),
        sa.Column("method", sa.String(64), nullable=False),
        sa.Column("institution_id", sa.String(12)),
        sa.PrimaryKeyConstraint("region", "request_id", "answer_time", name="pk_past_answer"),
    )
    # A settlement of a correction bears the request of its reversal, and UNION keeps one of both.
    op.execute(
        "INSERT INTO past_answer (region, request_id, answer_time, method, institution_id) "
        "SELECT made.region, made.request_id, made.made_time, '', NULL FROM ("
        " SELECT region, request_id, settle_time AS made_time FROM settlement"
        " UNION SELECT region, request_id, refund_time FROM refund"
        " UNION SELECT region, request_id, post_time FROM posting"
        " WHERE kind = 2 AND request_id IS NOT NULL"
        ") AS made LEFT JOIN answer "
        "ON answer.region = made.region AND answer.request_id = made.request_id "
        "WHERE answer.request_id IS NULL"
    )

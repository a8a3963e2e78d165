"""The tables of the identity database.

`region` comes first in every key, so that the same schema spreads over Citus; ids come
from the application. Persons, changes, issued codes, snapshots and answers are only ever
inserted. Columns whose names begin with `sealed` hold what `vault.py` encrypts.
"""

import sqlalchemy as sa

from yibao_common.once import answer_table
from yibao_common.rows import Id, Instant, code_type

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _region() -> sa.Column[str]:
    return sa.Column("region", sa.String(6), primary_key=True)


# The answers of this service hold names, so its `response` is sealed.
answer = answer_table(metadata)

person = sa.Table(
    "person",
    metadata,
    _region(),
    sa.Column("person_id", Id, primary_key=True),
    sa.Column("certificate_type", sa.String(2), nullable=False),
    # Keyed hash of type and number: finds a person without showing the number.
    sa.Column("number_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("sealed_number", sa.LargeBinary, nullable=False),
    sa.Column("sealed_name", sa.LargeBinary, nullable=False),
    sa.Column("gender", sa.SmallInteger, nullable=False),
    sa.Column("birth_date", sa.Date, nullable=False),
    sa.Column("register_time", Instant, nullable=False),
    sa.Column("registered_by", sa.String(200), nullable=False),
    sa.UniqueConstraint("region", "number_hash"),
)

# The feed that settlement follows and, with its earlier rows, the history of every
# person's enrolment. The row with a person's highest sequence is what stands.
enrolment_change = sa.Table(
    "enrolment_change",
    metadata,
    _region(),
    # 1, 2, 3, … without a gap; handed out under the lock of `feed_head`.
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("person_id", Id, nullable=False),
    # Empty until a certificate is active.
    sa.Column("subject", sa.String(32), nullable=False),
    sa.Column("credential_usable", sa.Boolean, nullable=False),
    sa.Column("birth_date", sa.Date, nullable=False),
    sa.Column("insurance_type", sa.String(3), nullable=False),
    sa.Column("person_class", sa.String(4), nullable=False),
    # Codes joined by commas, sorted.
    sa.Column("entitlement_groups", sa.String(200), nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("record_time", Instant, nullable=False),
    sa.Column("recorded_by", sa.String(200), nullable=False),
    sa.Index("ix_enrolment_change_region_person_id_sequence", "region", "person_id", "sequence"),
)

feed_head = sa.Table(
    "feed_head",
    metadata,
    _region(),
    # The last sequence number handed out.
    sa.Column("sequence", sa.BigInteger, nullable=False),
)

certificate = sa.Table(
    "certificate",
    metadata,
    _region(),
    sa.Column("certificate_id", Id, primary_key=True),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("subject", code_type(13), nullable=False),
    # 1 active, 2 suspended.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("activate_time", Instant, nullable=False),
    sa.Column("activated_by", sa.String(200), nullable=False),
    sa.Column("proofing_method", sa.SmallInteger, nullable=False),
    sa.Column("proofing_reference", sa.String(64), nullable=False),
    sa.UniqueConstraint("region", "subject"),
)
# One certificate of a person that stands; states to come, such as ended, do not count.
sa.Index(
    "uq_certificate_region_person_id",
    certificate.c.region,
    certificate.c.person_id,
    unique=True,
    sqlite_where=certificate.c.state.in_((1, 2)),
    postgresql_where=certificate.c.state.in_((1, 2)),
)

# What was about to be signed. The time comes before the random code id, so that rows are
# added at the end of the index; a presented code tells both.
issued_code = sa.Table(
    "issued_code",
    metadata,
    _region(),
    sa.Column("issue_time", Instant, primary_key=True),
    # Claim `cti` in hexadecimal.
    sa.Column("code_id", code_type(16), primary_key=True),
    sa.Column("certificate_id", Id, nullable=False),
    sa.Column("audience", sa.String(5), nullable=False),
    sa.Column("issued_to", sa.String(200), nullable=False),
)

# The keys of a deployment serve all its regions: a reference table.
trust_snapshot = sa.Table(
    "trust_snapshot",
    metadata,
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("trust_key_id", sa.LargeBinary(8), nullable=False),
    sa.Column("list_digest", sa.LargeBinary(32), nullable=False),
    sa.Column("issue_time", Instant, nullable=False),
    sa.Column("snapshot", sa.LargeBinary, nullable=False),
)

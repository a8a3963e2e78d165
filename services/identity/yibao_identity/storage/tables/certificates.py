"""E-certificates, the codes and devices that show them, and cases of suspected misuse."""

import sqlalchemy as sa

from yibao_common.db.rows import Id, Instant, code_type
from yibao_identity.storage.tables.base import (
    former_tie_column,
    metadata,
    region_column,
    text_column,
)

certificate = sa.Table(
    "certificate",
    metadata,
    region_column(),
    sa.Column("certificate_id", Id, primary_key=True),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("subject", code_type(13), nullable=False),
    # 1 active, 3 closed. That it is suspended lies beside, as with cards.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("activate_time", Instant, nullable=False),
    sa.Column("activated_by", sa.String(200), nullable=False),
    sa.Column("proofing_method", sa.SmallInteger, nullable=False),
    sa.Column("proofing_reference", sa.String(64), nullable=False),
    sa.Column("suspension_case_id", Id),
    sa.Column("close_time", Instant),
    sa.Column("closed_by", sa.String(200)),
    sa.UniqueConstraint("region", "subject"),
)
# One certificate of a person that stands; closed ones do not count.
sa.Index(
    "uq_certificate_region_person_id",
    certificate.c.region,
    certificate.c.person_id,
    unique=True,
    sqlite_where=certificate.c.state.in_((1, 2)),
    postgresql_where=certificate.c.state.in_((1, 2)),
)
# Closed ones are told of in the feed too.
sa.Index("ix_certificate_region_person_id", certificate.c.region, certificate.c.person_id)

# What was about to be signed: one code a second of each certificate (I-01). The time comes
# first, so that rows are added at the end of the index. Only inserted.
issued_code = sa.Table(
    "issued_code",
    metadata,
    region_column(),
    sa.Column("issue_time", Instant, primary_key=True),
    # Claim `cti` in hexadecimal.
    sa.Column("code_id", code_type(16), nullable=False),
    sa.Column("certificate_id", Id, primary_key=True),
    sa.Column("audience", sa.String(5), nullable=False),
    sa.Column("issued_to", sa.String(200), nullable=False),
    # The certificate of the relative who showed it; null where the holder did.
    sa.Column("shown_by", Id),
    former_tie_column(),
)
# Few are shown by relatives; these are looked for when the relative may not show them any more.
sa.Index(
    "ix_issued_code_region_shown_by_issue_time",
    issued_code.c.region,
    issued_code.c.shown_by,
    issued_code.c.issue_time,
    sqlite_where=issued_code.c.shown_by.is_not(None),
    postgresql_where=issued_code.c.shown_by.is_not(None),
)

# Since when the codes of an e-certificate count; the last row of each says it. Only inserted.
code_withdrawal = sa.Table(
    "code_withdrawal",
    metadata,
    region_column(),
    sa.Column("certificate_id", Id, primary_key=True),
    sa.Column("codes_since_time", Instant, primary_key=True),
    sa.Column("withdraw_time", Instant, nullable=False),
    text_column("withdrawn_by", 200),
)

device = sa.Table(
    "device",
    metadata,
    region_column(),
    sa.Column("device_id", Id, primary_key=True),
    sa.Column("certificate_id", Id, nullable=False),
    text_column("device_name", 50),
    # 1 Ed25519, 2 P-256.
    sa.Column("algorithm", sa.SmallInteger, nullable=False),
    sa.Column("public_key", sa.LargeBinary(65), nullable=False),
    # 1 active, 2 revoked, 3 clone suspected.
    sa.Column("state", sa.SmallInteger, nullable=False),
    # The certificate that a renewal has to name (claim `cti` in hexadecimal).
    sa.Column("newest_device_certificate_id", code_type(16), nullable=False),
    # Where the bit of its certificates lies in the status lists; another place once that
    # bit was set. One a device, because one a certificate would fill a list in a day.
    sa.Column("list_number", sa.Integer, nullable=False),
    sa.Column("status_index", sa.Integer, nullable=False),
    sa.Column("attestation", sa.LargeBinary),
    sa.Column("enrol_time", Instant, nullable=False),
    text_column("enrolled_by", 200),
    sa.Column("revoke_time", Instant),
    text_column("revoked_by", 200),
    sa.Column("revocation", sa.SmallInteger),
    # A key belongs to one device for ever, also after it is revoked.
    sa.UniqueConstraint("region", "public_key"),
    sa.UniqueConstraint("region", "list_number", "status_index"),
    sa.Index("ix_device_region_certificate_id", "region", "certificate_id"),
)

# Every device certificate that was about to be signed. Only inserted.
device_certificate = sa.Table(
    "device_certificate",
    metadata,
    region_column(),
    # Claim `cti` in hexadecimal.
    sa.Column("device_certificate_id", code_type(16), primary_key=True),
    sa.Column("device_id", Id, nullable=False),
    sa.Column("issue_time", Instant, nullable=False),
    sa.Column("expire_time", Instant, nullable=False),
    # Where its bit lies in the status lists.
    sa.Column("list_number", sa.Integer, nullable=False),
    sa.Column("status_index", sa.Integer, nullable=False),
    sa.Index("ix_device_certificate_region_device_id", "region", "device_id"),
    sa.Index(
        "ix_device_certificate_region_list_number_expire_time",
        *("region", "list_number", "expire_time"),
    ),
)

# The bits that are set: written with the revocation, read where lists are signed. Each
# names the last certificate of its place.
revoked_status = sa.Table(
    "revoked_status",
    metadata,
    region_column(),
    sa.Column("list_number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("status_index", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("device_certificate_id", code_type(16), nullable=False),
    sa.Column("revoke_time", Instant, nullable=False),
    # From when on the certificate is invalid by itself and the bit may be left out.
    sa.Column("expire_time", Instant, nullable=False),
)

# Renewals that showed that a key lives in two places. Only inserted.
device_alarm = sa.Table(
    "device_alarm",
    metadata,
    region_column(),
    sa.Column("alarm_id", Id, primary_key=True),
    sa.Column("device_id", Id, nullable=False),
    sa.Column("raise_time", Instant, nullable=False),
    # What the caller named, and what was the newest.
    sa.Column("named_device_certificate_id", code_type(16), nullable=False),
    sa.Column("newest_device_certificate_id", code_type(16), nullable=False),
    text_column("caller", 200),
)

misuse_case = sa.Table(
    "misuse_case",
    metadata,
    region_column(),
    sa.Column("case_id", Id, primary_key=True),
    sa.Column("person_id", Id, nullable=False),
    sa.Column("subject", code_type(13), nullable=False),
    sa.Column("kind", sa.SmallInteger, nullable=False),
    # 1 reported, 2 suspended, 3 closed.
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("sealed_description", sa.LargeBinary, nullable=False),
    text_column("evidence_reference", 64),
    text_column("reporter", 200),
    sa.Column("report_time", Instant, nullable=False),
    # Who suspended; who lifts has to be another.
    text_column("suspended_by", 200),
    text_column("decider", 200),
    sa.Column("decide_time", Instant),
    text_column("decision_note", 200),
    sa.Index("ix_misuse_case_region_person_id", "region", "person_id"),
)

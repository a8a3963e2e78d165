"""The tables of the identity database, a file for each feature."""

from yibao_identity.storage.tables.base import answer, audit, metadata
from yibao_identity.storage.tables.card import (
    card,
    card_code,
    card_replacement,
    card_transaction,
)
from yibao_identity.storage.tables.certificates import (
    certificate,
    code_withdrawal,
    device,
    device_alarm,
    device_certificate,
    issued_code,
    misuse_case,
    revoked_status,
)
from yibao_identity.storage.tables.persons import (
    death,
    disease,
    document_guess,
    enrolment,
    feed_head,
    former_person,
    person,
    person_change,
    person_merge,
    relative_link,
)
from yibao_identity.storage.tables.secret import trust_secret_check
from yibao_identity.storage.tables.trust import (
    status_list,
    trust_denied,
    trust_head,
    trust_key,
    trust_root,
    trust_snapshot,
)

__all__ = [
    "answer",
    "audit",
    "card",
    "card_code",
    "card_replacement",
    "card_transaction",
    "certificate",
    "code_withdrawal",
    "death",
    "device",
    "device_alarm",
    "device_certificate",
    "disease",
    "document_guess",
    "enrolment",
    "feed_head",
    "former_person",
    "issued_code",
    "metadata",
    "misuse_case",
    "person",
    "person_change",
    "person_merge",
    "relative_link",
    "revoked_status",
    "status_list",
    "trust_denied",
    "trust_head",
    "trust_key",
    "trust_root",
    "trust_secret_check",
    "trust_snapshot",
]

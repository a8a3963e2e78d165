"""Keys, what changed of them, and roots of trust as the documents of --json."""

import datetime as dt
import hashlib
from pathlib import Path

from yibao.issuing import key_id_of, open_root
from yibao_cli.keys.root_ceremony import RootStanding
from yibao_identity.application.trust.admin import Outcome, TrustAdmin
from yibao_identity.rules.trust.keys import listed_until
from yibao_identity.rules.trust.published import ListedKey


def outcome_document(outcome: Outcome) -> dict[str, object]:
    """Returns what a change did; what it did not do is null."""
    promotion = outcome.promotion
    return {
        "made": _key_or_none(outcome.made),
        "promoted": _key_or_none(promotion.promoted if promotion else None),
        "retired": _key_or_none(promotion.retired if promotion else None),
        "killed": _key_or_none(outcome.killed),
        "ready_time": _instant(outcome.ready_time),
        "snapshot_version": outcome.version,
        "not_published": outcome.not_published or None,
    }


def standing_document(admin: TrustAdmin, *, now: dt.datetime) -> dict[str, object]:
    """Returns the root in force, all keys and what is denied."""
    root = admin.newest_root()
    return {
        "root": None
        if root is None
        else {
            "version": root.version,
            "expire_time": _instant(root.expire_time),
            "trust_keys": [key_id_of(key).hex() for key in root.trust_keys],
        },
        "keys": [
            {
                **key_document(recorded.key),
                "is_listed": now < listed_until(recorded.key),
                "record_time": _instant(recorded.record_time),
                "recorded_by": recorded.recorded_by,
            }
            for recorded in admin.recorded_keys()
        ],
        "denied": [
            {
                "device_certificate_id": denial.certificate_id.hex(),
                "expire_time": _instant(denial.expire_time),
                "explanation": denial.explanation,
                "denied_by": denial.denied_by,
            }
            for denial in admin.denials()
        ],
    }


def key_document(key: ListedKey) -> dict[str, object]:
    """Returns a key."""
    return {
        "key_id": key_id_of(key.public_key).hex(),
        "use": key.use.value,
        "state": key.state.name.lower(),
        "regions": sorted(key.issuers),
        "start_time": _instant(key.start_time),
        "expire_time": _instant(key.expire_time),
        "killed_time": _instant(key.killed_time),
    }


def root_document(file: Path, document: bytes, standing: RootStanding) -> dict[str, object]:
    """Returns what a root of trust states, who has signed it and how many are wanted still."""
    content = standing.content
    return {
        "file": str(file),
        "version": content.version,
        "issue_time": _instant(dt.datetime.fromtimestamp(content.issue_second, dt.UTC)),
        "expire_time": _instant(dt.datetime.fromtimestamp(content.expire_second, dt.UTC)),
        "contents_sha256": hashlib.sha256(open_root(document).payload).hexdigest(),
        "root_keys": [
            {"key_id": key_id_of(key).hex(), "has_signed": key in standing.signed_by}
            for key in content.root_keys
        ],
        "trust_keys": [key_id_of(key).hex() for key in content.trust_keys],
        "missing": standing.missing,
        "missing_of_previous": standing.missing_of_previous,
        "is_complete": standing.is_complete,
    }


def _key_or_none(key: ListedKey | None) -> dict[str, object] | None:
    return None if key is None else key_document(key)


def _instant(instant: dt.datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()

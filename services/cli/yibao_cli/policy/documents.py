"""Policies, bills and simulations as the documents of --json."""

from collections.abc import Sequence
from pathlib import Path

from yibao_settlement.files.benefit.check import BenefitWarning
from yibao_settlement.files.policy.check import PolicyWarning
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.any_words import words_of
from yibao_settlement.rules.policy.difference import Difference
from yibao_settlement.rules.policy.told import Told


def policy_document(path: Path, policy: AnyPolicy) -> dict[str, object]:
    """Returns a policy of a file, with its words in both languages."""
    words = words_of(policy)
    return {
        "file": str(path),
        "policy_id": policy.policy_id,
        "title": policy.title,
        "title_zh": policy.title_zh,
        "region": policy.region,
        "insurance_type": policy.insurance_type,
        "start_date": policy.start_date.isoformat(),
        "end_date": policy.end_date.isoformat() if policy.end_date else None,
        "steps": [step.id for step in policy.steps],
        "policy_version": policy.version,
        "words": words.en.splitlines(),
        "words_zh": words.zh.splitlines(),
    }


def warnings_documents(
    warnings: Sequence[PolicyWarning | BenefitWarning],
) -> list[dict[str, object]]:
    """Returns what is probably not meant in a file."""
    return [
        {
            "line": each.line,
            "key": each.key,
            "message": each.message,
            "message_zh": each.message_zh,
        }
        for each in warnings
    ]


def difference_document(difference: Difference) -> dict[str, object]:
    """Returns what two policies say differently of one step, counter or of themselves."""
    return {
        "owner": difference.owner or "policy",
        "change": difference.change.name.lower(),
        "before": _told(difference.before),
        "after": _told(difference.after),
    }


def _told(told: Told | None) -> dict[str, str] | None:
    return None if told is None else {"text": told.text_en, "text_zh": told.text_zh}

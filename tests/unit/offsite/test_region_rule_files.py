"""Files of rules: what they say, and all their mistakes at once with line and key."""

import hashlib
import re

import pytest
from support.registrations import NATIONAL, NATIONAL_FILE, SAMPLE, SAMPLE_FILE

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.files.region_rules import load_region_rules

TEXT = SAMPLE_FILE.read_text(encoding="utf-8")


def faults(text: str) -> list[tuple[str, str]]:
    """Returns the key and the message of each mistake, in the order of lines."""
    with pytest.raises(RuleError) as caught:
        load_region_rules(text.encode(), name="rules")
    assert caught.value.reason is Reason.OFFSITE_RULES_INVALID
    found = []
    lines = []
    for fault in caught.value.faults:
        place = re.fullmatch(r"rules:([0-9]+) ?(.*)", fault.field)
        assert place is not None, fault.field
        lines.append(int(place[1]))
        found.append((place[2], fault.message))
    assert lines == sorted(lines)
    return found


def test_a_version_is_the_hash_of_its_file() -> None:
    assert hashlib.sha256(SAMPLE_FILE.read_bytes()).hexdigest() == SAMPLE.version
    assert hashlib.sha256(NATIONAL_FILE.contents).hexdigest() == NATIONAL.version


def test_all_mistakes_are_told_at_once() -> None:
    text = (
        TEXT.replace("terms: referral", "terms: somewhere")
        .replace("check_days: 30", "check_days: soon")
        .replace("urgent_late_days: 7", "urgent_late_day: 7")
    )
    assert [key for key, _ in faults(text)] == [
        "check_days",
        "categories.referral.terms",
        "categories.referral.urgent_late_day",
    ]


@pytest.mark.parametrize(
    ("before", "after", "key", "words"),
    [
        ("        cover: 12", "        cover: 0", "cover", "months from 1 to 120"),
        ("        cover: 12", "        cover: for_ever", "cover", "until_changed or visit"),
        ("        cover: 12", "        cover: true", "cover", "until_changed or visit"),
        ("  maternity:", "  childbirth:", "categories", ""),
        ("second_operator: [phone, post]", "second_operator: [hospital]", "[0]", "none of the"),
        ("checked_after: [app, mini", "checked_after: [phone, mini", "[0]", "second operator"),
        ("    late_days: 10", "    urgent_late_days: 10", "urgent_late_days", "only a referral"),
        ("{source: press,", "{source: rumour,", "source", "is no source"),
        ("needs_pre_evaluation: true", "needs_pre_evaluation: false", "history_file", "read in"),
        ("[referral_proof]", "[referral_prove]", "papers[2][0]", "no kind of paper"),
        ("['71', '81', '82']", "[71, 81, 82]", "excluded_provinces[0]", "in quotes"),
        (
            "[window, app, mini_program]\n    several",
            "[hospital]\n    several",
            "channels",
            "alone",
        ),
    ],
)
def test_what_no_region_can_mean_is_told(before: str, after: str, key: str, words: str) -> None:
    assert before in TEXT
    found = faults(TEXT.replace(before, after))
    assert any(each.endswith(key) or key in each for each, _ in found), found
    assert any(words in message for _, message in found), found


def test_a_category_that_is_missing_is_named() -> None:
    text = TEXT[: TEXT.index("  maternity:")]
    assert faults(text) == [("categories", "category maternity is missing")]


def test_what_is_no_yaml_is_told_by_its_line() -> None:
    assert len(faults("format: yibao-offsite/1\n\tcategories: {}\n")) == 1

"""Decisions are numbered and dated, and say whether they still hold."""

import re

from support.contracts import ROOT

TEXT = (ROOT / "docs" / "internals" / "decisions.md").read_text(encoding="utf-8")
ENTRY = re.compile(
    r"^## (?P<number>\d+)\. [^\n]+\n\n"
    r"\*(?P<day>\d{4}-\d\d-\d\d), (?P<status>accepted|superseded by (?P<by>\d+))\*$",
    re.M,
)
ENTRIES = list(ENTRY.finditer(TEXT))


def test_each_decision_has_a_number_a_date_and_a_status() -> None:
    assert len(ENTRIES) == len(re.findall(r"^## ", TEXT, re.M))


def test_they_are_numbered_from_one_and_the_newest_is_last() -> None:
    assert [int(entry["number"]) for entry in ENTRIES] == list(range(1, len(ENTRIES) + 1))
    days = [entry["day"] for entry in ENTRIES]
    assert days == sorted(days)


def test_a_decision_is_superseded_by_a_later_one() -> None:
    replaced = [entry for entry in ENTRIES if entry["by"] is not None]
    assert all(int(entry["number"]) < int(entry["by"]) <= len(ENTRIES) for entry in replaced)

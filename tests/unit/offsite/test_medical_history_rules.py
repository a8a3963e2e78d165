"""Medical-history files (O-10): what a version tells, and which one is verified and read."""

import dataclasses
import datetime as dt

import pytest
from support.medical_desk import LI, NOW, WANG, contents

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.medical_history import (
    Contents,
    History,
    check_contents,
    mark_of,
    next_version,
    verify,
)

TODAY = NOW.date()
HISTORY = History("p", 2, contents(), WANG, NOW)


def faults_of(told: Contents) -> list[tuple[str, Reason]]:
    with pytest.raises(RuleError) as refused:
        check_contents(told, today=TODAY)
    return [(fault.field, fault.reason) for fault in refused.value.faults]


def test_contents_are_a_summary_or_entries() -> None:
    """O-10: main contents are entered."""
    check_contents(Contents("既往体健", ()), today=TODAY)
    check_contents(Contents("", contents().entries), today=TODAY)
    assert faults_of(Contents("", ())) == [("summary", Reason.FIELD_REQUIRED)]


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"institution_id": ""}, "institution_id", Reason.FIELD_REQUIRED),
        ({"institution_name": "某医院"}, "institution_id", Reason.FIELD_REQUIRED),
        ({"source_date": TODAY + dt.timedelta(days=1)}, "source_date", Reason.FIELD_OUT_OF_RANGE),
    ],
)
def test_an_entry_names_one_source_of_the_past(
    changes: dict[str, object], field: str, reason: Reason
) -> None:
    (entry,) = contents().entries
    source = dataclasses.replace(entry.source, **changes)  # type: ignore[arg-type]
    told = Contents("", (dataclasses.replace(entry, source=source),))
    assert faults_of(told) == [(f"entries[0].source.{field}", reason)]


def test_what_a_paper_tells_is_not_later_than_the_paper() -> None:
    (entry,) = contents().entries
    of_the_day = dataclasses.replace(entry, since_date=entry.source.source_date)
    check_contents(Contents("", (of_the_day,)), today=TODAY)
    later = dataclasses.replace(entry, since_date=entry.source.source_date + dt.timedelta(days=1))
    assert faults_of(Contents("", (entry, later))) == [
        ("entries[1].since_date", Reason.FIELD_OUT_OF_RANGE)
    ]


def test_all_faults_are_told_at_once() -> None:
    (entry,) = contents().entries
    source = dataclasses.replace(entry.source, institution_id="", source_date=dt.date(2027, 1, 1))
    told = Contents("", (dataclasses.replace(entry, source=source),) * 2)
    assert len(faults_of(told)) == 4


def test_a_version_is_written_upon_the_newest() -> None:
    assert next_version(0, base=0, person_id="p") == 1
    assert next_version(4, base=4, person_id="p") == 5
    for base in (3, 5):
        with pytest.raises(RuleError) as refused:
            next_version(4, base=base, person_id="p")
        assert refused.value.reason is Reason.HISTORY_VERSION_STATE


def test_the_newest_version_is_verified_once_by_a_second_operator() -> None:
    """O-10: verified history."""
    verified = verify(HISTORY, newest=2, verified_by=LI, now=NOW)
    assert (verified.verified_by, verified.contents) == (LI, HISTORY.contents)
    for history, newest, by, reason in (
        (HISTORY, 2, WANG, Reason.SAME_MAKER_AND_CHECKER),
        (HISTORY, 3, LI, Reason.HISTORY_VERSION_STATE),
        (verified, 2, LI, Reason.HISTORY_VERSION_STATE),
    ):
        with pytest.raises(RuleError) as refused:
            verify(history, newest=newest, verified_by=by, now=NOW)
        assert refused.value.reason is reason


def test_a_mark_stands_for_the_newest_versions_of_all_files() -> None:
    assert mark_of({"a": 1, "b": 2}) == mark_of({"b": 2, "a": 1})
    marks = [mark_of(each) for each in ({}, {"a": 1}, {"a": 2}, {"a": 1, "b": 1}, {"b": 1})]
    assert len(set(marks)) == len(marks)


def test_contents_are_never_printed() -> None:
    assert "三支病变" not in repr(HISTORY)
    assert "冠状动脉" not in repr(HISTORY)

"""Care that a policy file does not name is settled by nobody's terms without a warning."""

import pytest
from support.benefit_doubts_text import told

from yibao_settlement.files.policy.check import check_policy
from yibao_settlement.rules.care_type import CARE_TYPES, is_named_by

INPATIENT = 'inpatient: ["2*", "28", "2106", "2107"]'
OUTPATIENT = (
    'outpatient: ["11", "1103", "12", "13*", "14", "18", "41", "51", "52", "71", "99*", "9903", '
    '"9904"]'
)
TABLE = "        - shares: {"
REFUSING = (
    ("      id: S1\n", "      id: S1\n      by: [care_group]\n"),
    (TABLE, "        - when: {care_group: [inpatient, outpatient]}\n          shares: {"),
)


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("52", {"52"}),
        ("14*", {"14"}),
        ("13*", {"13", "1301"}),
        ("2*", {"21", "2101", "2102", "2105", "2109", "21303", "22", "23", "24"}),
        ("21*", {"21", "2101", "2102", "2105", "2109", "21303"}),
        ("28*", {"28"}),
        ("99*", {"9901"}),
        ("*", set()),
        ("7", set()),
    ],
)
def test_a_pattern_names_care_of_one_kind(pattern: str, named: set[str]) -> None:
    assert {code for code in CARE_TYPES if is_named_by(pattern, code)} == named


@pytest.mark.parametrize(
    ("old", "new", "group", "codes"),
    [
        (INPATIENT, 'inpatient: ["2*"]', "inpatient", "2106, 2107, 28"),
        (INPATIENT, 'inpatient: ["2*", "28"]', "inpatient", "2106, 2107"),
        (OUTPATIENT, OUTPATIENT.replace('"52", ', "").replace("]", ', "5*"]'), "outpatient", ""),
        (OUTPATIENT, OUTPATIENT.replace('"52", ', "").replace("]", ', "*"]'), "outpatient", "52"),
        (OUTPATIENT, OUTPATIENT.replace(', "9904"]', "]"), "outpatient", "9904"),
    ],
)
def test_what_a_group_takes_along_is_told_by_name(
    old: str, new: str, group: str, codes: str
) -> None:
    found = told((old, new))
    assert [(each.kind.value, each.key) for each in found] == (
        [("W18", f"care_groups.{group}")] if codes else []
    )
    assert not codes or f"does not name: {codes};" in found[0].message


def test_a_delivery_that_outpatient_terms_would_pay_is_told_in_chinese() -> None:
    (found,) = told((OUTPATIENT, OUTPATIENT.replace('"51", "52", ', "").replace("]", ', "*"]')))
    assert "生育门诊（51）、生育住院（52）" in found.message_zh


def test_care_of_no_group_is_told_unless_a_table_refuses_it() -> None:
    without = (OUTPATIENT, OUTPATIENT.replace('"52", ', ""))
    (found,) = told(without)
    assert (found.kind.value, found.key) == ("W18", "care_groups")
    assert "is settled: 52;" in found.message
    assert "生育住院（52）" in found.message_zh
    assert told(without, *REFUSING) == []


def test_a_row_for_every_other_care_refuses_nothing() -> None:
    without = (OUTPATIENT, OUTPATIENT.replace('"52", ', ""))
    at = "        - amount: 100_000\n"
    by = "      window: stay\n      by: [care_group]\n"
    rows = "        - when: {care_group: inpatient}\n          amount: 100_000\n"
    asked = ("      window: stay\n", by)
    assert told(without, asked, (at, rows + at.replace("-", "- when: otherwise\n         "))) != []
    assert [each.kind.value for each in told(without, asked, (at, rows))] == ["W4"]


def test_care_that_a_step_asks_for_is_named() -> None:
    without = (OUTPATIENT, OUTPATIENT.replace('"52", ', ""))
    step = "      id: D1\n"
    assert told(without, (step, f'{step}      applies: {{care_type: ["52", "11"]}}\n')) == []


FORMER = """\
format: yibao-policy/1
policy_id: p
title: P
title_zh: P
region: "999001"
insurance_type: "390"
start_date: 2024-01-01
sources: {page: {title: 某文件}}
care_groups: {inpatient: ["2*", "28", "2106", "2107"], outpatient: ["*"]}
steps:
  - classify:
      id: S1
      title: T
      title_zh: T
      cites: {source: page, clause: 一}
      by: [care_group]
      rows:
        - when: {care_group: GROUPS}
          prepay_ppm: {"01": 0, "02": 100_000}
          own_cost: ["03"]
"""


@pytest.mark.parametrize(
    ("groups", "keys"),
    [("[inpatient, outpatient]", ["care_groups.outpatient"]), ("inpatient", [])],
)
def test_a_file_of_the_former_format_is_told_the_same(groups: str, keys: list[str]) -> None:
    found = check_policy(FORMER.replace("GROUPS", groups).encode(), name="p.yaml")
    assert found.faults == ()
    told_of = [each for each in found.warnings if "does not name" in each.message]
    assert [each.key for each in told_of] == keys

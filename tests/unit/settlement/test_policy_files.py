"""Policy files: what one says, and what the author of a faulty one is told."""

import datetime as dt
import hashlib

import pytest

from yibao_common.errors import RuleError
from yibao_common.reasons import Reason
from yibao_settlement.rules.tables import CareGroup
from yibao_settlement.storage.policy_file import load_policy

NAME = "policies/x.yaml"
GOOD = """\
format: yibao-policy/1
policy_id: sample-2024
title: Sample
title_zh: 样例
region: "999001"
insurance_type: "310"
start_date: 2024-01-01
end_date: 2024-12-31
sources:
  page: {title: 某文件}
care_groups:
  inpatient: ["2*"]
  outpatient: ["*"]
steps:
  - classify:
      id: S1
      title: Classes
      title_zh: 目录类别
      cites: {source: page, clause: 第一条}
      rows:
        - prepay_ppm: {"01": 0, "02": 100_000}
          own_cost: ["03"]
  - deductible:
      id: D1
      title: Deductible
      title_zh: 起付线
      cites: {source: page, clause: 第二条}
      basis: per_bill
      by: [age, count.inpatient]
      rows:
        - when: {age: {to: 59}, count.inpatient: 1}
          amount_fen: 100_000
        - when: {age: {from: 60}, count.inpatient: any}
          amount_fen: 50_000
          annual_cap_fen: 200_000
  - tiers:
      id: P1
      title: Pool
      title_zh: 统筹基金
      cites: {source: page, clause: 第三条}
      fund_type: "310100"
      base: {add: [eligible], subtract: [D1.paid]}
      axis: above_threshold
      cap_basis: per_year
      by: [institution_level, entitlement_groups]
      rows:
        - when: {institution_level: ["1", "2"], entitlement_groups: "2305"}
          cap_fen: 5_000_000
          brackets:
            - {over_fen: 0, upto_fen: 1_000_000, ratio_ppm: 800_000}
            - {over_fen: 1_000_000, ratio_ppm: 850_000}
        - when: {institution_level: ["1", "2"], entitlement_groups: none}
          brackets:
            - {over_fen: 0, ratio_ppm: 700_000}
  - account:
      id: Z1
      title: Account
      title_zh: 个人账户
      cites: {source: page, clause: 第四条}
      rows:
        - pays: [copay]
"""


def faults_of(contents: str | bytes) -> list[tuple[str, str]]:
    raw = contents if isinstance(contents, bytes) else contents.encode()
    with pytest.raises(RuleError) as raised:
        load_policy(raw, name=NAME)
    assert raised.value.reason is Reason.POLICY_FILE_INVALID
    assert all(fault.reason is Reason.POLICY_FILE_INVALID for fault in raised.value.faults)
    return [(fault.field, fault.message) for fault in raised.value.faults]


def changed(old: str, new: str) -> tuple[str, int]:
    """The good file with one change, and the line in which it stands."""
    assert GOOD.count(old) == 1, old
    at = GOOD.index(old)
    return GOOD.replace(old, new), GOOD.count("\n", 0, at) + 1


def test_a_policy_says_what_its_file_says() -> None:
    policy = load_policy(GOOD.encode(), name=NAME)
    assert policy.version == hashlib.sha256(GOOD.encode()).hexdigest()
    assert (policy.policy_id, policy.region, policy.insurance_type) == (
        "sample-2024",
        "999001",
        "310",
    )
    assert (policy.title, policy.title_zh) == ("Sample", "样例")
    assert (policy.start_date, policy.end_date) == (dt.date(2024, 1, 1), dt.date(2024, 12, 31))
    assert policy.care_groups == (
        CareGroup("inpatient", ("2*",)),
        CareGroup("outpatient", ("*",)),
    )
    assert policy.counted_groups == ("inpatient",)
    assert [step.id for step in policy.steps] == ["S1", "D1", "P1", "Z1"]
    assert policy.amount_names[5:] == (
        "D1.paid",
        "P1.base",
        "P1.below",
        "P1.paid",
        "P1.copay",
        "P1.overflow",
    )


def test_a_policy_without_an_end_is_open() -> None:
    contents = GOOD.replace("end_date: 2024-12-31\n", "")
    assert load_policy(contents.encode(), name=NAME).end_date is None


def test_any_change_of_the_bytes_is_another_version() -> None:
    versions = {
        load_policy(contents.encode(), name=NAME).version
        for contents in (GOOD, GOOD + "\n", "# remark\n" + GOOD)
    }
    assert len(versions) == 3


_D1 = "steps[1].deductible"
_P1 = "steps[2].tiers"
_RANGE = "a number from 0 to 1000, {from: ..., to: ...} or any"


@pytest.mark.parametrize(
    ("old", "new", "key", "message"),
    [
        # Shape.
        (
            "ratio_ppm: 850_000",
            "ratio_ppm: abc",
            f"{_P1}.rows[0].brackets[1].ratio_ppm",
            "expected an integer from 0 to 1000000, got 'abc'",
        ),
        (
            "ratio_ppm: 850_000",
            "ratio_ppm: 1_000_001",
            f"{_P1}.rows[0].brackets[1].ratio_ppm",
            "expected an integer from 0 to 1000000, got 1000001",
        ),
        (
            "ratio_ppm: 850_000",
            "ratio_ppm: 0.85",
            f"{_P1}.rows[0].brackets[1].ratio_ppm",
            "expected an integer from 0 to 1000000, got '0.85'",
        ),
        (
            "amount_fen: 50_000",
            "amount_fen: -1",
            f"{_D1}.rows[1].amount_fen",
            "expected an integer from 0 to 100000000000, got -1",
        ),
        (
            "cap_fen: 5_000_000",
            "cap_fen: 0",
            f"{_P1}.rows[0].cap_fen",
            "expected an integer from 1 to 100000000000, got 0",
        ),
        (
            "amount_fen: 50_000",
            "amount_fen: true",
            f"{_D1}.rows[1].amount_fen",
            "expected an integer from 0 to 100000000000, got true",
        ),
        (
            'region: "999001"',
            "region: 999001",
            "region",
            ("expected a region of 6 digits, in quotes, got 999001"),
        ),
        (
            "policy_id: sample-2024",
            "policy_id: Sample 2024",
            "policy_id",
            "expected a name of small letters, digits, points and hyphens, got 'Sample 2024'",
        ),
        (
            "title: Pool",
            "title: ''",
            f"{_P1}.title",
            ("expected a text of 1 to 200 characters, got ''"),
        ),
        (
            "title: Pool",
            "title: Pool\n      colour: red",
            f"{_P1}.colour",
            (
                "unknown key; expected one of: id, title, title_zh, cites, applies, by, fund_type, "
                "base, axis, deductible, accumulates, cap_basis, rows"
            ),
        ),
        (
            "axis: above_threshold",
            "axis: sideways",
            f"{_P1}.axis",
            ("expected 'covered_fee' or 'above_threshold', got 'sideways'"),
        ),
        (
            "start_date: 2024-01-01",
            "start_date: 2024-02-30",
            "start_date",
            ("expected a day such as 2024-01-31, got '2024-02-30'"),
        ),
        (
            "pays: [copay]",
            "pays: copay",
            "steps[3].account.rows[0].pays",
            ("expected a list, got 'copay'"),
        ),
        (
            "pays: [copay]",
            "pays: [cash]",
            "steps[3].account.rows[0].pays[0]",
            ("expected 'copay', 'deductible', 'prepay', 'over_limit' or 'excluded', got 'cash'"),
        ),
        (
            "page: {title: 某文件}",
            "page: 某文件",
            "sources.page",
            ("expected a mapping (key: value), got '某文件'"),
        ),
        (
            "format: yibao-policy/1",
            "format: yibao-policy/2",
            "format",
            ("expected 'yibao-policy/1', got 'yibao-policy/2'"),
        ),
        # Meaning.
        (
            "end_date: 2024-12-31",
            "end_date: 2023-12-31",
            "end_date",
            ("expected a day not before start_date (2024-01-01), got 2023-12-31"),
        ),
        (
            "over_fen: 1_000_000, ratio",
            "over_fen: 1_000_001, ratio",
            f"{_P1}.rows[0].brackets[1].over_fen",
            "expected 1000000 (where the one before ends), got 1000001",
        ),
        (
            "over_fen: 0, upto_fen: 1_000_000",
            "over_fen: 1, upto_fen: 1_000_000",
            f"{_P1}.rows[0].brackets[0].over_fen",
            "expected 0 (the threshold on this axis), got 1",
        ),
        (
            "over_fen: 1_000_000, ratio",
            "over_fen: 1_000_000, upto_fen: 1_000_000, ratio",
            f"{_P1}.rows[0].brackets[1].upto_fen",
            "expected more than over_fen (1000000), got 1000000",
        ),
        (
            "subtract: [D1.paid]",
            "subtract: [D2.paid]",
            f"{_P1}.base.subtract[0]",
            "expected one of: total, excluded, over_limit, prepay, eligible, D1.paid; got "
            "'D2.paid'",
        ),
        (
            "subtract: [D1.paid]",
            "subtract: [P1.copay]",
            f"{_P1}.base.subtract[0]",
            ("'P1.copay' is used before the step that defines it"),
        ),
        (
            "add: [eligible]",
            "add: [eligible, eligible]",
            f"{_P1}.base.add[1]",
            ("'eligible' stands here twice"),
        ),
        (
            "axis: above_threshold",
            "axis: above_threshold\n      deductible: D1",
            (f"{_P1}.deductible"),
            "expected only on the axis covered_fee; else subtract D1.paid in base",
        ),
        (
            "axis: above_threshold",
            "axis: covered_fee\n      deductible: P1",
            (f"{_P1}.deductible"),
            "expected a deductible step above this one (D1), got 'P1'",
        ),
        ("      cap_basis: per_year\n", "", f"{_P1}.cap_basis", "is missing; rows have cap_fen"),
        (
            "          cap_fen: 5_000_000\n",
            "",
            f"{_P1}.cap_basis",
            ("expected only where rows have cap_fen"),
        ),
        (
            "basis: per_bill",
            "basis: per_year",
            f"{_D1}.rows[1].annual_cap_fen",
            ("expected only with basis per_bill; amount_fen is of the year"),
        ),
        ("id: Z1", "id: P1", "steps[3].account.id", "'P1' is the id of steps[2] already"),
        (
            "cites: {source: page, clause: 第三条}",
            "cites: {source: paper, clause: 第三条}",
            f"{_P1}.cites.source",
            "expected a source that the file lists (page), got 'paper'",
        ),
        (
            'own_cost: ["03"]',
            'own_cost: ["02", "03"]',
            "steps[0].classify.rows[0]",
            ("expected class '02' once, in prepay_ppm, by_item or own_cost, got it 2 times"),
        ),
        (
            '"01": 0, ',
            "",
            "steps[0].classify.rows[0]",
            ("expected class '01' once, in prepay_ppm, by_item or own_cost, got it 0 times"),
        ),
        # Tables.
        (
            "axis: above_threshold",
            "axis: above_threshold\n      applies: {agee: 60}",
            f"{_P1}.applies.agee",
            (
                "expected one of: care_type, care_group, person_class, entitlement_groups, "
                "institution_level, age, count.inpatient, count.outpatient; got 'agee'"
            ),
        ),
        (
            "{age: {to: 59}, count.inpatient: 1}",
            "{age: {to: 59}}",
            f"{_D1}.rows[0].when",
            ("expected a value for count.inpatient, which `by` asks for"),
        ),
        (
            "{age: {to: 59}, count.inpatient: 1}",
            "{age: {to: 59}, count.inpatient: 1, person_class: '11'}",
            f"{_D1}.rows[0].when.person_class",
            "expected only facts that `by` asks for",
        ),
        (
            "{age: {from: 60}, ",
            "{age: {from: 59}, ",
            f"{_D1}.rows[1].when",
            ("can hold together with rows[0]; rows must exclude others"),
        ),
        (
            "{age: {from: 60}, ",
            "{age: any, ",
            f"{_D1}.rows[1].when",
            ("can hold together with rows[0]; rows must exclude others"),
        ),
        (
            "{age: {to: 59}, ",
            "{age: {to: -1}, ",
            f"{_D1}.rows[0].when.age",
            (f"expected {_RANGE}, got \"{{'to': -1}}\""),
        ),
        (
            "{age: {to: 59}, ",
            "{age: old, ",
            f"{_D1}.rows[0].when.age",
            (f"expected {_RANGE}, got 'old'"),
        ),
        (
            '["1", "2"], entitlement_groups: "2305"',
            '["1", "15"], entitlement_groups: "2305"',
            f"{_P1}.rows[0].when.institution_level",
            "expected institution levels from '1' to '14', or any, got '15'",
        ),
        (
            '["1", "2"], entitlement_groups: none',
            '["1", "2"], entitlement_groups: ["2303", "2305"]',
            f"{_P1}.rows[1].when",
            "can hold together with rows[0]; rows must exclude others",
        ),
        (
            '["1", "2"], entitlement_groups: none',
            '["1", "2"], entitlement_groups: any',
            f"{_P1}.rows[1].when",
            "can hold together with rows[0]; rows must exclude others",
        ),
        (
            "by: [age, count.inpatient]",
            "by: [age, age, count.inpatient]",
            f"{_D1}.by[1]",
            "'age' stands here twice",
        ),
        # Steps.
        (
            "- account:",
            "- accounts:",
            "steps[3]",
            ("expected one step of: classify, deductible, tiers, account; got a mapping"),
        ),
    ],
)
def test_a_mistake_is_told_by_line_key_and_what_was_expected(
    old: str, new: str, key: str, message: str
) -> None:
    contents, changed_line = changed(old, new)
    ((field, told),) = faults_of(contents)
    place, _, told_key = field.partition(" ")
    assert (told_key, told) == (key, message)
    print("LINE", int(place.removeprefix(f"{NAME}:")) - changed_line)


def test_every_mistake_is_told_at_once_in_the_order_of_lines() -> None:
    contents = (
        GOOD.replace('region: "999001"', 'region: "1"')
        .replace("basis: per_bill", "basis: monthly")
        .replace("subtract: [D1.paid]", "subtract: [D9.paid]")
        .replace("ratio_ppm: 700_000", "ratio_ppm: 70%")
        .replace("id: Z1", "id: z1")
    )
    told = [(field.partition(" ")[2], message) for field, message in faults_of(contents)]
    assert [key for key, _ in told] == [
        "region",
        "steps[1].deductible.basis",
        "steps[2].tiers.rows[1].brackets[0].ratio_ppm",
        "steps[3].account.id",
    ]
    # The names of a step that is told already are no mistake of the steps behind it.
    assert all("D1.paid" not in message for _, message in told)


def test_steps_with_mistakes_of_shape_and_of_meaning_are_told_together() -> None:
    contents = GOOD.replace("basis: per_bill", "basis: monthly").replace(
        "over_fen: 1_000_000, ratio", "over_fen: 2_000_000, ratio"
    )
    keys = [field.partition(" ")[2] for field, _ in faults_of(contents)]
    assert keys == ["steps[1].deductible.basis", "steps[2].tiers.rows[0].brackets[1].over_fen"]


@pytest.mark.parametrize(
    ("steps", "messages"),
    [
        ("S1 D1 P1 Z1", []),
        ("D1 P1 Z1", ["expected classify as the first step, and only there"]),
        ("S1 Z1 D1 P1", ["expected account only as the last step"]),
        ("S1 P1 D1 Z1", ["'D1.paid' is used before the step that defines it"]),
    ],
)
def test_steps_stand_in_the_order_in_which_money_is_decided(
    steps: str, messages: list[str]
) -> None:
    top, *bodies = GOOD.split("  - ")[0:1] + GOOD.split("\n  - ")[1:]
    by_id = {body.split("id: ")[1][:2]: body.rstrip("\n") for body in bodies}
    first = top.index("steps:")
    text = top[:first] + "steps:\n" + "\n".join(f"  - {by_id[name]}" for name in steps.split())
    contents = text + "\n"
    if not messages:
        assert load_policy(contents.encode(), name=NAME).policy_id == "sample-2024"
        return
    assert [message for _, message in faults_of(contents)] == messages


@pytest.mark.parametrize(
    ("contents", "field", "message"),
    [
        ("", f"{NAME}:1", "expected a mapping (key: value), got nothing"),
        ("[]", f"{NAME}:1", "expected a mapping (key: value), got a list"),
        ("a: [1", f"{NAME}:1", "not YAML"),
        ("a: 1\nb: *x\n", f"{NAME}:2", "aliases (*name) are not allowed"),
        ("a: &x 1\n", f"{NAME}:1", "anchors (&name) are not allowed"),
        ("a: !!python/name:os.system x\n", f"{NAME}:1", "tags (tag:yaml.org"),
        ("a: !!str 1\n", f"{NAME}:1", "tags (tag:yaml.org"),
        ("a: 1\n---\nb: 1\n", f"{NAME}:2", "expected one YAML document"),
        ("? [a]\n: 1\n", f"{NAME}:1", "expected a text as key"),
        (b"a: 1\nb: \xff\n", f"{NAME}:2", "expected UTF-8"),
        ("a: 1\nb: \x00\n", f"{NAME}:", "not YAML"),
        ("[" * 100_000, f"{NAME}:1", "expected at most 20 levels of nesting"),
        ("a: " + "x" * 1_000_000, f"{NAME}:1", "expected at most 1000000 bytes, got 1000003"),
        ("[" + "1," * 200_000 + "]", f"{NAME}:1", "expected at most 100000 values"),
    ],
)
def test_a_file_that_is_no_plain_yaml_is_refused(
    contents: str | bytes, field: str, message: str
) -> None:
    told = faults_of(contents)
    assert told[0][0].startswith(field)
    assert told[0][1].startswith(message)


def test_a_repeated_key_is_told_with_the_line_of_the_first() -> None:
    contents = GOOD.replace("title: Pool\n", "title: Pool\n      title: Fund\n")
    first = GOOD[: GOOD.index("title: Pool")].count("\n") + 1
    assert faults_of(contents) == [
        (f"{NAME}:{first + 1} {_P1}.title", f"this key stands already in line {first}")
    ]

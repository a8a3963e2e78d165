"""Every mistake in a policy file is told by line, key and what was expected."""

import re

import pytest
from support.policy_text import GOOD, NAME, changed, faults_of

from yibao_common.files.yaml_problems import yaml_problem
from yibao_settlement.files.policy.mistakes_zh import mistake_zh
from yibao_settlement.files.policy.schema import STEP_MODELS

_D1 = "steps[1].deductible"
_P1 = "steps[2].tiers"
_RANGE = "a number from 0 to 1000, {from: ..., to: ...} or any"
_ENGLISH = re.compile("[a-z]+ [a-z]+ [a-z]+")


def see_chinese_of(message: str) -> None:
    """Sees that a mistake has a Chinese sentence that leaves no English one in it."""
    told = mistake_zh(message)
    assert told, message
    assert not _ENGLISH.search(told), told


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
            "deductible: P1\n      axis: covered_fee",
            (f"{_P1}.deductible"),
            "expected a deductible step above this one (D1), got 'P1'",
        ),
        ("id: Z1", "id: P1", "steps[3].account.id", "'P1' is the id of steps[2] already"),
        (
            "cites: {source: page, clause: 第三条}",
            "cites: {source: paper, clause: 第三条}",
            f"{_P1}.cites.source",
            "expected a source that the file lists (page), got 'paper'",
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
    contents = changed(old, new)
    good, faulty = GOOD.split("\n"), contents.split("\n")
    line = next(index for index, text in enumerate(good, 1) if text != faulty[index - 1])
    assert faults_of(contents) == [(f"{NAME}:{line} {key}", message)]
    see_chinese_of(message)


@pytest.mark.parametrize(
    ("old", "new", "told_at", "key", "message"),
    [
        (
            "      cap_basis: per_year\n",
            "",
            "tiers:",
            f"{_P1}.cap_basis",
            "is missing; rows have cap_fen",
        ),
        (
            "          cap_fen: 5_000_000\n",
            "",
            "cap_basis:",
            f"{_P1}.cap_basis",
            "expected only where rows have cap_fen",
        ),
        (
            "basis: per_bill",
            "basis: per_year",
            "annual_cap_fen:",
            f"{_D1}.rows[1].annual_cap_fen",
            "expected only with basis per_bill; amount_fen is of the year",
        ),
        (
            'own_cost: ["03"]',
            'own_cost: ["02", "03"]',
            "- prepay_ppm:",
            "steps[0].classify.rows[0]",
            "expected class '02' once, in prepay_ppm, by_item or own_cost, got it 2 times",
        ),
    ],
)
def test_a_mistake_that_shows_elsewhere_is_told_where_it_shows(
    old: str, new: str, told_at: str, key: str, message: str
) -> None:
    contents = changed(old, new)
    line = contents[: contents.index(told_at)].count("\n") + 1
    assert faults_of(contents) == [(f"{NAME}:{line} {key}", message)]
    see_chinese_of(message)


_LATER = """\
  - deductible:
      id: D9
      title: Later deductible
      title_zh: 后面的起付线
      cites: {source: page, clause: 第五条}
      basis: per_bill
      rows: [{amount_fen: 1}]
  - tiers:
      id: T9
      title: Later fund
      title_zh: 后面的基金
      cites: {source: page, clause: 第六条}
      fund_type: "390200"
      base: {add: [P1.overflow]}
      axis: above_threshold
      rows: [{brackets: [{over_fen: 0, ratio_ppm: 1}]}]
"""
_LEFT_LATER = [
    f"{step_id}.{name}"
    for step_id, kind in (("D9", "deductible"), ("T9", "tiers"))
    for name in STEP_MODELS[kind].makes.leaves
]


@pytest.mark.parametrize("is_faulty", [False, True])
@pytest.mark.parametrize(
    ("old", "new", "key", "name"),
    [
        *[
            ("subtract: [D1.paid]", f"subtract: [{name}]", f"{_P1}.base.subtract[0]", name)
            for name in _LEFT_LATER
        ],
        (
            "axis: above_threshold\n      cap_basis",
            "axis: covered_fee\n      deductible: D9\n      cap_basis",
            f"{_P1}.deductible",
            "D9",
        ),
    ],
)
def test_what_a_later_step_defines_is_told_as_used_too_early(
    old: str, new: str, key: str, name: str, is_faulty: bool
) -> None:
    later = _LATER.replace("title: Later", "titel: Later") if is_faulty else _LATER
    contents = changed(old, new).replace("  - account:\n", f"{later}  - account:\n")
    line = contents[: contents.index(new)].count("\n") + 1
    line += new.count("\n", 0, new.index("deductible")) if "deductible" in new else 0
    told = (f"{NAME}:{line} {key}", f"'{name}' is used before the step that defines it")
    faults = faults_of(contents)
    assert faults[0] == told
    see_chinese_of(told[1])
    # A faulty step is told of too, but its names are known all the same.
    assert len(faults) == (5 if is_faulty else 1), faults


@pytest.mark.parametrize("kind", STEP_MODELS)
def test_every_step_type_declares_what_it_leaves(kind: str) -> None:
    leaves = STEP_MODELS[kind].makes.leaves
    assert isinstance(leaves, tuple)
    assert len(set(leaves)) == len(leaves)


@pytest.mark.parametrize(
    "problem",
    [
        "mapping values are not allowed in this context",
        "could not find expected ':'",
        "found unexpected end of stream while scanning a quoted scalar",
        "found unknown escape character",
        "found character that cannot start any token",
        "did not find expected ',' or ']'",
        "did not find expected ',' or '}'",
        "while parsing a flow node",
        "unexpected end of stream",
        "did not find expected <document start>",
        "did not find expected key",
        "while parsing a block mapping",
        "did not find expected node content",
        "control characters are not allowed",
        "something that no parser said before",
    ],
)
def test_what_is_no_yaml_is_told_in_chinese(problem: str) -> None:
    see_chinese_of(yaml_problem("", 1, problem)[1])


@pytest.mark.parametrize(
    "contents",
    [
        b"\xff\xfe",
        b"? [a]\n: 1\n",
        b"a: &b 1\n",
        b"a: !!str 1\n",
        b"a: 1\n---\nb: 2\n",
        b"a: " + b"[" * 200,
        b"a" * 500_001,
        b"- 1\n" * 120_000,
        "a：1\n".encode(),
        "a: “b”\n".encode(),
        "a: b\u3000\n".encode(),
        b"a:\n\tb: 1\n",
    ],
    ids=lambda contents: contents[:12].hex(),
)
def test_a_file_that_is_not_read_is_told_so_in_chinese(contents: bytes) -> None:
    for _, message in faults_of(contents):
        see_chinese_of(message)

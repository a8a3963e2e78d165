"""Warnings about files of `yibao-policy/2`: each beside a policy that does not earn it."""

from pathlib import Path

import pytest
from support.benefit_doubts_text import CLEAR, told, warnings_of
from support.benefit_examples import FOLDERS

from yibao_settlement.rules.benefit.doubts.doubt import DoubtKind

Changes = tuple[tuple[str, str], ...]
AMOUNT = "        - amount: 100_000\n"
FIRST = "- {over_fen: 0, upto_fen: 1_000_000, ratio_ppm: 800_000}"
BASE_L1 = "base: [P1.overflow]"
ROUNDED = (("      on_top_of: [D1.paid]", "      rounding: {each: bracket}"),)
ROUNDED_BILL = (
    *ROUNDED,
    ("base: [D1.rest]\n      window: year", "base: [D1.rest]\n      window: bill"),
    ("  pool:\n    window: year", "  pool:\n    window: bill"),
)
BY_STAYS = """\
        - when: {count.stays: 1}
          amount: 100_000
        - when: {count.stays: {from: 2}}
          amount: 50_000
"""
BY_NUMBER = (
    (AMOUNT, BY_STAYS),
    ("      window: stay\n", "      window: stay\n      by: [count.stays]\n"),
)
INPATIENT = (
    (AMOUNT, BY_STAYS),
    (
        "      window: stay\n",
        "      window: stay\n      applies: {care_group: inpatient}\n      by: [count.stays]\n",
    ),
)


def by_age(first: str) -> Changes:
    rows = (
        f"        - when: {{age: {first}}}\n          amount: 100_000\n"
        "        - when: {age: {from: 60}}\n          amount: 50_000\n"
    )
    return ((AMOUNT, rows), ("      window: stay\n", "      window: stay\n      by: [age]\n"))


LEVELS = ", ".join(f'"{code}"' for code in range(1, 15))


def by_level(codes: str) -> Changes:
    rows = f"        - when: {{institution_level: [{codes}]}}\n          amount: 100_000\n"
    by = "      window: stay\n      by: [institution_level]\n"
    return ((AMOUNT, rows), ("      window: stay\n", by))


def offsite(points: str) -> Changes:
    adjust = f"      adjust:\n        - by: [offsite]\n          rows:\n{points}"
    return (("      on_top_of: [D1.paid]\n", f"      on_top_of: [D1.paid]\n{adjust}"),)


LOCAL = "            - when: {offsite: local}\n"
OTHERS = "            - {when: otherwise, points_ppm: -100_000}\n"


def test_the_policy_gives_no_doubt() -> None:
    assert told() == []


@pytest.mark.parametrize(
    ("kind", "key", "doubtful", "clear"),
    [
        ("W1", "shares.02", (("30_000", "9_999"),), (("30_000", "10_000"),)),
        ("W1", "brackets[0].ratio_ppm", (("800_000", "8_000"),), (("800_000", "0"),)),
        ("W2", "brackets[1].ratio_ppm", (("900_000", "799_999"),), (("900_000", "800_000"),)),
        ("W3", "tiers.fund_type", (("330100", "330101"),), (("330100", "330200"),)),
        ("W4", "deductible.rows", by_age("{to: 58}"), by_age("{to: 59}")),
        ("W4", "deductible.rows", BY_NUMBER, INPATIENT),
        ("W4", "adjust[0].rows", offsite(LOCAL), offsite(LOCAL + OTHERS)),
        (
            "W4",
            "pool.rows",
            (("      - limit: 3", "      - when: {path: claim}\n        limit: 3"),
             ("    limits: [P1.paid]\n", "    by: [path]\n    limits: [P1.paid]\n")),
            (("      - limit: 3", "      - when: {path: [claim, counter]}\n        limit: 3"),
             ("    limits: [P1.paid]\n", "    by: [path]\n    limits: [P1.paid]\n")),
        ),
        ("W5", "base", ((BASE_L1, "base: [P1.copay.implant]"),), ((BASE_L1, "base: [P1.copay]"),)),
        (
            "W5",
            "base",
            ((BASE_L1, "base: [D1.rest.implant]"),),
            ((BASE_L1, "base: [D1.rest]"),),
        ),
        (
            "W6",
            "brackets[0].upto_fen",
            ((AMOUNT, "        - amount: 1_000_001\n"),),
            ((AMOUNT, "        - amount: 1_000_000\n"),),
        ),
        (
            "W7",
            "pool.rows",
            (("limit: 3_000_000", "limit: 4_400_003"),),
            (("limit: 3_000_000", "limit: 4_400_000"),),
        ),
        (
            "W7",
            "pool.rows",
            (("limit: 3_000_000", "limit: {of: average_wage, ppm: 5_000_000}"),),
            (("limit: 3_000_000", "limit: {of: average_wage, ppm: 4_000_000}"),),
        ),
        ("W8", "tiers.rounding", ROUNDED, ROUNDED_BILL),
        (
            "W9",
            "pool.limits",
            (("limits: [P1.paid]", "limits: [P1.paid, L1.paid]"),),
            (
                ("limits: [P1.paid]", "limits: [P1.paid, L1.paid]"),
                ('"310100"\n', '"310100"\n      applies: {path: claim}\n'),
                ('"330100"\n', '"330100"\n      applies: {path: counter}\n'),
            ),
        ),
        (
            "W10",
            "amount",
            ((AMOUNT, "        - amount: {of: eligible, ppm: 100_000}\n"),),
            ((AMOUNT, "        - amount: {of: average_wage, ppm: 100_000}\n"),),
        ),
        (
            "W11",
            "deductible",
            (("base: [D1.rest]", "base: [eligible]"), ("      on_top_of: [D1.paid]\n", "")),
            (("base: [D1.rest]", "base: [eligible]"),),
        ),
        ("W12", "outpatient", (('["11", ', '["21", "11", '),), (('["11", ', '["11", "12", '),)),
        ("W13", "fund_type", (('"310100"', '"390100"'),), (('"310100"', '"610100"'),)),
        ("W4", "shares", ((', "03": own_cost', ""),), ((', "03": own_cost', ', "03": 1_000_000'),)),
        ("W4", "deductible.rows", by_level('"5", "6", "7"'), by_level(LEVELS)),
        (
            "W16",
            "tiers.base[0]",
            (
                ("limits: [P1.paid]", "limits: [L1.paid]"),
                ("upto_fen: 5_000_000, ratio_ppm: 900_000", "ratio_ppm: 900_000"),
            ),
            (("upto_fen: 5_000_000, ratio_ppm: 900_000", "ratio_ppm: 900_000"),),
        ),
        ("W17", "rows[0].amount", ((AMOUNT, "        - amount: 999\n"),),
         ((AMOUNT, "        - amount: 1_000\n"),)),
        ("W17", "rows[0].limit", (("limit: 3_000_000", "limit: 4_999"),),
         (("limit: 3_000_000", "limit: 5_000"),)),
        ("W14", "insurance_type", (('"310"', '"311"'),), (('"310"', '"340"'),)),
    ],
)  # fmt: skip
def test_a_doubt_is_told_where_it_is_earned(
    kind: str, key: str, doubtful: Changes, clear: Changes
) -> None:
    found = told(*doubtful)
    assert [each.kind.value for each in found] == [kind]
    assert found[0].key.endswith(key)
    assert found[0].message
    assert any("\u4e00" <= character <= "\u9fff" for character in found[0].message_zh)
    assert told(*clear) == []


def test_a_doubt_names_its_line_and_its_step() -> None:
    (found,) = told(("900_000", "799_999"))
    line = CLEAR[: CLEAR.index("900_000")].count("\n") + 1
    assert (found.line, found.owner) == (line, "P1")
    assert found.message == "the ratio falls from 80% to 79.9999% as the fee rises"


def test_a_gap_names_levels_with_their_grade_and_says_that_there_are_more() -> None:
    (found,) = told(*by_level(LEVELS.replace('"1", "2", "3", "4", ', "")))
    levels = "1 (3 special); institution_level 2 (3A); institution_level 3 (3B); and more"
    assert found.message == f"no row for institution_level {levels}: such bills are refused"
    assert "医院等级 三级甲等（2）" in found.message_zh
    assert "三级乙等（3）等；" in found.message_zh


def test_a_gap_names_what_no_row_takes() -> None:
    (found,) = told(*by_age("{to: 57}"))
    assert found.message == "no row for age 58: such bills are refused"
    assert found.message_zh == "没有适用于以下情形的行：年龄 58；此类单据将被拒绝"


# Policies of which a doubt is true. Their deductible asks for the number of a stay, and has no
# row for care that the count leaves out before any stay: such a bill is refused.
NO_STAY_YET = (
    *("E1", "E10-admission", "E10-discharge", "E10-second-make_up", "E10-second-once"),
    *("E10-split-again", "E10-split-make_up", "E10-split-once", "E12", "E3", "E4", "E4-before"),
    *("E7", "E9", "N10", "N16", "WE-033", "WE-035", "interim-small-first"),
)
EARNED = {
    **{name: ["W4"] for name in NO_STAY_YET},
    # They insure employees and let the residents' catastrophic fund pay.
    "N12": ["W13"],
    "person-ceiling": ["W13"],
    # They have rows for the levels of their page alone.
    "N04": ["W4"],
    "WE-007": ["W4"],
    # They have rows for inpatients alone.
    "WE-003": ["W4", "W4"],
    "WE-019": ["W4", "W4"],
    "WE-029": ["W4", "W4"],
    # The account pays of the eligible fee behind a fund that paid of more.
    "WE-049": ["W5"],
    "group-of-a-step": ["W5"],
    "share-over-stay": ["W10"],
    # Texts that tell of some terms elsewhere and not of others, or not of care at home.
    **{
        f"OFF-{place}": ["W4"]
        for place in ("handan", "huainan", "jiangsu", "linyi", "ningde", "suzhou")
    },
}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_example_has_the_doubts_that_it_earns(folder: Path) -> None:
    contents = (folder / "policy.yaml").read_bytes()
    # Examples are of one kind of care, and say `*` for all others: see the tests of care.
    found = [each for each in warnings_of(contents) if each.kind is not DoubtKind.UNNAMED_CARE]
    assert [each.kind.value for each in found] == EARNED.get(folder.name, [])


# Tables that name different classes of person: each is complete by what it knows.
BY_CLASS = (
    (
        AMOUNT,
        '        - {when: {person_class: "11"}, amount: 100_000}\n'
        '        - {when: {person_class: "12"}, amount: 50_000}\n',
    ),
    ("      window: stay\n", "      window: stay\n      by: [person_class]\n"),
)
ASKED_FOR_OTHERS = ("      on_top_of: [D1.paid]\n", '      applies: {person_class: ["11", "13"]}\n')


def test_a_code_that_only_another_table_names_is_told_by_a_bill_that_is_refused() -> None:
    assert told(*BY_CLASS) == []
    (found,) = told(*BY_CLASS, ASKED_FOR_OTHERS)
    assert (found.kind.value, found.owner) == ("W15", "D1")
    assert found.key == "steps[1].deductible.rows"
    assert found.message.endswith("would be refused: step D1 has no row for person_class=13")
    assert "未找到适用的待遇标准" in found.message_zh


def test_a_parameter_that_begins_behind_the_policy_is_told() -> None:
    of_wage = (AMOUNT, "        - amount: {of: average_wage, ppm: 100_000}\n")
    assert told(of_wage) == []
    (found,) = told(of_wage, ("from: 2024-01-01, fen", "from: 2024-01-02, fen"))
    assert (found.kind.value, found.owner, found.key) == (
        "W15",
        "average_wage",
        "parameters.average_wage",
    )

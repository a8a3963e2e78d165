"""Policy files: what one says, and how a faulty one is refused."""

import datetime as dt
import hashlib

import pytest
from support.policy_text import GOOD, NAME, faults_of

from yibao_settlement.files.policy.file import load_policy
from yibao_settlement.rules.policy.tables import CareGroup


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
        ("a: [1", f"{NAME}:1", "a bracket [ is not closed, or a comma is missing"),
        ("a: 1\nb: *x\n", f"{NAME}:2", "anchors and aliases are not allowed"),
        ("a: &x 1\n", f"{NAME}:1", "anchors and aliases are not allowed"),
        ("a: !!python/name:os.system x\n", f"{NAME}:1", "tags are not allowed, got tag:yaml.org"),
        ("a: !!str 1\n", f"{NAME}:1", "tags are not allowed, got tag:yaml.org"),
        ("a: 1\n---\nb: 1\n", f"{NAME}:2", "expected one YAML document"),
        ("? [a]\n: 1\n", f"{NAME}:1", "expected a text as key"),
        (b"a: 1\nb: \xff\n", f"{NAME}:2", "expected UTF-8"),
        ("a: 1\nb: \x00\n", f"{NAME}:", "a character that cannot be printed"),
        ("[" * 100_000, f"{NAME}:1", "expected at most 20 levels of nesting"),
        ("a: " + "x" * 500_000, f"{NAME}:1", "expected at most 500000 bytes, got 500003"),
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
        (
            f"{NAME}:{first + 1} steps[2].tiers.title",
            f"key title is repeated; it stands already in line {first}",
        )
    ]

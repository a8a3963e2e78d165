"""What two versions of a policy say differently, and what becomes of a withdrawn one."""

import pytest
from support import benefit_text, policy_text
from support.benefit_doubts_text import CLEAR

from yibao_settlement.files.policy.any_file import load_any_policy
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.policy.difference import Change, differences
from yibao_settlement.rules.policy.told import tell_policy


def load(text: str) -> AnyPolicy:
    return load_any_policy(text.encode(), name="p.yaml")


def found(before: str, after: str) -> list[tuple[Change, str, str, str]]:
    """Returns change, owner, and both rows in English as differences tell them."""
    return [
        (
            each.change,
            each.owner,
            each.before.text_en if each.before else "",
            each.after.text_en if each.after else "",
        )
        for each in differences(load(before), load(after))
    ]


@pytest.mark.parametrize("text", [policy_text.GOOD, benefit_text.GOOD, CLEAR])
def test_a_policy_differs_in_nothing_from_itself(text: str) -> None:
    assert found(text, text) == []


@pytest.mark.parametrize("text", [policy_text.GOOD, benefit_text.GOOD])
def test_every_row_is_told_in_both_languages(text: str) -> None:
    told = tell_policy(load(text))
    assert all(each.text_zh and each.text_en for each in told)
    assert len({(each.owner, each.key, each.text_en) for each in told}) == len(told)


def test_a_row_of_the_same_condition_is_changed() -> None:
    after = CLEAR.replace("limit: 3_000_000", "limit: 4_000_000")
    ((change, owner, before, now),) = found(CLEAR, after)
    assert (change, owner) == (Change.CHANGED, "pool")
    assert "30,000.00" in before
    assert "40,000.00" in now


def test_a_row_that_came_and_one_that_went_are_told_so() -> None:
    row = "        - when: {age: {from: 60}, count.inpatient: any}\n"
    values = "          amount_fen: 50_000\n          annual_cap_fen: 200_000\n"
    without = policy_text.GOOD.replace(row + values, "")
    assert without != policy_text.GOOD
    added = [
        (Change.ADDED, "D1", "", "D1 Deductible: age 60 and more: 500.00, at most 2000.00 a year.")
    ]
    assert found(without, policy_text.GOOD) == added
    removed = [(Change.REMOVED, owner, now, before) for _, owner, before, now in added]
    assert found(policy_text.GOOD, without) == removed


def test_a_row_whose_condition_was_altered_is_changed() -> None:
    after = policy_text.GOOD.replace("{from: 60}", "{from: 65}").replace("{to: 59}", "{to: 64}")
    assert [
        (change, before[:27], now[:27]) for change, _, before, now in found(policy_text.GOOD, after)
    ] == [
        (Change.CHANGED, "D1 Deductible: age 0 to 59,", "D1 Deductible: age 0 to 64,"),
        (Change.CHANGED, "D1 Deductible: age 60 and m", "D1 Deductible: age 65 and m"),
    ]


def test_declarations_and_the_order_of_steps_are_compared_too() -> None:
    after = benefit_text.GOOD.replace("days: 90", "days: 60").replace(
        "fen: 808_400", "fen: 808_500"
    )
    told = found(benefit_text.GOOD, after)
    assert [(change, owner, now) for change, owner, _, now in told] == [
        (Change.CHANGED, "", "A period has 60 days from the admission"),
        (Change.CHANGED, "", "Parameter average_wage: 8,085.00 from 2023-07-01 on"),
    ]
    steps = CLEAR.replace("id: D1", "id: D9").replace("D1.", "D9.")
    owners = {owner for _, owner, _, _ in found(CLEAR, steps)}
    assert {"", "D1", "D9"} <= owners


def test_a_care_group_of_another_name_is_another_one() -> None:
    told_apart = CLEAR.replace('  inpatient: ["2*"', '  stays: ["2*"').replace(
        "care_groups: [inpatient]", "care_groups: [stays]"
    )
    kinds = [(change, before, now) for change, owner, before, now in found(CLEAR, told_apart)]
    patterns = "2*, 28, 2106, 2107"
    assert (Change.ADDED, "", f"Care group stays: {patterns}") in kinds
    assert (Change.REMOVED, f"Care group inpatient: {patterns}", "") in kinds


def test_a_dated_amount_of_other_days_is_changed() -> None:
    ((change, _, before, now),) = found(
        CLEAR, CLEAR.replace("{from: 2024-01-01", "{from: 2023-07-01")
    )
    assert change is Change.CHANGED
    assert "from 2024-01-01 on" in before
    assert "from 2023-07-01 on" in now


def test_care_that_is_refused_is_told_in_words() -> None:
    refusing = CLEAR.replace(
        "      rows:\n        - shares",
        "      by: [care_group]\n      rows:\n"
        "        - when: {care_group: inpatient}\n          shares",
        1,
    ).replace('"51", "52", ', "")
    ((_, _, before, now),) = [each for each in found(CLEAR, refusing) if "refused" in each[3]]
    assert before == ""
    assert now.startswith("Care types of which bills are refused: 11, 1103, 12, ")
    assert ", 51, 52," in now
    told = [row.text_zh for row in tell_policy(load(refusing)) if row.key == "refused_care"]
    assert "生育住院（52）" in told[0]

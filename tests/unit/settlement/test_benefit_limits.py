"""Each limit of a policy, a fen below it, at it and a fen above it."""

import pytest
from support.policies import (
    amounts_of,
    classify,
    deductible,
    line,
    paid_by,
    policy_of,
    split_of,
    tiers,
    year_after,
)

from yibao_settlement.rules.policy.split import PricedLine

ELIGIBLE = {"add": ["eligible"]}


AFTER_D1 = {"add": ["eligible"], "subtract": ["D1.paid"]}


@pytest.mark.parametrize(
    ("amount_fen", "class_b_ppm", "first_self_pay_fen"),
    [(3177, 100_000, 318), (5, 100_000, 1), (4, 100_000, 0), (54_550, 50_000, 2728), (1, 0, 0)],
)
def test_the_first_self_pay_share_of_a_line_is_rounded_half_up(
    amount_fen: int, class_b_ppm: int, first_self_pay_fen: int
) -> None:
    split = split_of(policy_of(classify(class_b_ppm=class_b_ppm)), line(amount_fen, "02"))
    assert split.lines[0].first_self_pay_fen == split.first_self_pay_fen == first_self_pay_fen
    assert split.lines[0].eligible_fen == amount_fen - first_self_pay_fen


@pytest.mark.parametrize(
    ("charged", "excluded", "over_limit", "prepay"),
    [
        (line(1000, "01"), 0, 0, 0),
        (line(1000, "02"), 0, 0, 100),
        (line(1000, "03"), 1000, 0, 0),
        (line(1000, "01", over_limit_fen=300), 0, 300, 0),
        # The share is of what the price ceiling leaves.
        (line(1000, "02", over_limit_fen=300), 0, 300, 70),
        (line(1000, "02", over_limit_fen=1000), 0, 1000, 0),
        (line(1000, "03", over_limit_fen=300), 1000, 0, 0),
        # The item's own share wins over the class's, also where it is zero.
        (line(1000, "02", ratio_ppm=300_000), 0, 0, 300),
        (line(1000, "02", ratio_ppm=0), 0, 0, 0),
        (line(1000, "01", ratio_ppm=50_000), 0, 0, 50),
        (line(1000, "03", ratio_ppm=50_000), 1000, 0, 0),
    ],
)
def test_a_line_is_split_by_class_ceiling_and_share(
    charged: PricedLine, excluded: int, over_limit: int, prepay: int
) -> None:
    (told,) = split_of(policy_of(classify()), charged).lines
    assert (told.excluded_fen, told.over_limit_fen, told.first_self_pay_fen) == (
        excluded,
        over_limit,
        prepay,
    )
    assert told.eligible_fen == 1000 - excluded - over_limit - prepay


@pytest.mark.parametrize(
    ("total_fen", "deductible_fen", "fund_fen"),
    [(0, 0, 0), (59_999, 59_999, 0), (60_000, 60_000, 0), (60_001, 60_000, 1), (60_002, 60_000, 1)],
)
def test_the_fund_pays_half_of_what_exceeds_the_deductible(
    total_fen: int, deductible_fen: int, fund_fen: int
) -> None:
    half = tiers("P1", AFTER_D1, [(0, None, 500_000)])
    split = split_of(policy_of(classify(), deductible(60_000), half), line(total_fen))
    assert (split.deductible_fen, split.fund_total_fen) == (deductible_fen, fund_fen)


@pytest.mark.parametrize(
    ("used", "total_fen", "deductible_fen"),
    [
        (0, 49_999, 49_999),
        (0, 50_001, 50_000),
        (49_999, 100, 1),
        (50_000, 100, 0),
        (50_001, 100, 0),
    ],
)
def test_a_deductible_of_the_year_is_paid_once(
    used: int, total_fen: int, deductible_fen: int
) -> None:
    policy = policy_of(classify(), deductible(50_000, basis="per_year"))
    split = split_of(policy, line(total_fen), year={"deductible": used})
    assert split.deductible_fen == deductible_fen


@pytest.mark.parametrize(
    ("used", "deductible_fen"),
    [(0, 120_000), (110_000, 120_000), (110_001, 119_999), (229_999, 1), (230_000, 0)],
)
def test_deductibles_of_a_year_stop_at_their_cap(used: int, deductible_fen: int) -> None:
    row = {"amount_fen": 120_000, "annual_cap_fen": 230_000}
    policy = policy_of(classify(), deductible(0, rows=[row]))
    split = split_of(policy, line(10_000_000), year={"deductible": used})
    assert split.deductible_fen == deductible_fen


@pytest.mark.parametrize(
    ("total_fen", "fund_fen"),
    [
        (999_999, 799_999),
        (1_000_000, 800_000),
        (1_000_001, 800_001),
        (1_000_002, 800_002),
        (3_000_000, 2_600_000),
        (3_000_001, 2_600_001),
        (3_000_010, 2_600_005),
    ],
)
def test_brackets_join_without_a_gap(total_fen: int, fund_fen: int) -> None:
    pieces = [
        (0, 1_000_000, 800_000),
        (1_000_000, 3_000_000, 900_000),
        (3_000_000, None, 500_000),
    ]
    split = split_of(policy_of(classify(), tiers("P1", ELIGIBLE, pieces)), line(total_fen))
    assert split.fund_total_fen == fund_fen


@pytest.mark.parametrize("axis", ["covered_fee", "above_threshold"])
@pytest.mark.parametrize(
    ("total_fen", "below", "paid"),
    [
        (299_999, 299_999, 0),
        (300_000, 300_000, 0),
        (300_001, 300_000, 1),
        (300_002, 300_000, 1),
    ],
)
def test_a_fund_pays_nothing_up_to_its_threshold(
    axis: str, total_fen: int, below: int, paid: int
) -> None:
    start = 300_000 if axis == "covered_fee" else 0
    step = tiers("P1", ELIGIBLE, [(start, None, 500_000)], axis=axis, threshold_fen=300_000)
    policy = policy_of(classify(), step)
    left = amounts_of(policy, split_of(policy, line(total_fen)), "P1")
    assert (left["below"], left["paid"]) == (below, paid)


def test_a_deductible_eats_into_the_first_bracket_of_the_covered_fee() -> None:
    pieces = [(0, 1_000_000, 800_000), (1_000_000, None, 850_000)]
    step = tiers("P1", ELIGIBLE, pieces, axis="covered_fee", deductible="D1")
    policy = policy_of(classify(), deductible(100_000), step)
    # 900000 x 80% + 500000 x 85%
    assert split_of(policy, line(1_500_000)).fund_total_fen == 720_000 + 425_000


def test_brackets_above_the_deductible_begin_behind_it() -> None:
    pieces = [(0, 1_000_000, 800_000), (1_000_000, None, 850_000)]
    policy = policy_of(classify(), deductible(100_000), tiers("P1", AFTER_D1, pieces))
    # 1000000 x 80% + 400000 x 85%
    assert split_of(policy, line(1_500_000)).fund_total_fen == 800_000 + 340_000


@pytest.mark.parametrize(
    ("used", "total_fen", "paid", "overflow"),
    [
        (0, 9_998, 4_999, 0),
        (0, 10_000, 5_000, 0),
        (0, 10_001, 5_000, 1),
        (0, 10_002, 5_000, 2),
        (4_999, 2, 1, 0),
        (4_999, 3, 1, 1),
        (5_000, 7, 0, 7),
        (5_001, 7, 0, 7),
    ],
)
def test_the_fee_above_a_cap_overflows(used: int, total_fen: int, paid: int, overflow: int) -> None:
    step = tiers("P1", ELIGIBLE, [(0, None, 500_000)], cap_fen=5_000)
    policy = policy_of(classify(), step)
    left = amounts_of(policy, split_of(policy, line(total_fen), year={"fund.390100": used}), "P1")
    assert (left["paid"], left["overflow"]) == (paid, overflow)
    assert left["copay"] == total_fen - paid - overflow


@pytest.mark.parametrize(
    ("ratio_ppm", "cap_fen", "total_fen", "overflow"),
    [
        # The cap is reached at 10000; a fee that rounds to the cap lies above it already.
        (10_000, 100, 9_999, 0),
        (10_000, 100, 10_000, 0),
        (10_000, 100, 10_049, 49),
        # Reached at 2.5 and 16.67 fen: rounded half up.
        (400_000, 1, 5, 2),
        (300_000, 5, 20, 3),
        # Reached at 3.33 fen.
        (300_000, 1, 5, 2),
    ],
)
def test_the_fee_at_which_a_cap_is_reached_is_rounded_half_up(
    ratio_ppm: int, cap_fen: int, total_fen: int, overflow: int
) -> None:
    step = tiers("P1", ELIGIBLE, [(0, None, ratio_ppm)], cap_fen=cap_fen)
    policy = policy_of(classify(), step)
    assert amounts_of(policy, split_of(policy, line(total_fen)), "P1")["overflow"] == overflow


@pytest.mark.parametrize(
    ("ratio_ppm", "cap_fen", "fees", "overflows"),
    [
        # The first bill's 4999.5 fen round to the cap, which is reached a fen further on.
        (500_000, 5_000, (9_999, 7), (0, 6)),
        (500_000, 5_000, (10_000, 7), (0, 7)),
        # Long after the cap, nothing of the year's rounding comes back.
        (10_000, 100, (20_050, 100), (10_050, 100)),
    ],
)
def test_the_bills_of_a_year_reach_a_cap_where_one_bill_would_have(
    ratio_ppm: int, cap_fen: int, fees: tuple[int, int], overflows: tuple[int, int]
) -> None:
    pieces = [(0, None, ratio_ppm)]
    step = tiers("P1", ELIGIBLE, pieces, cap_fen=cap_fen, accumulates="per_year")
    policy = policy_of(classify(), step)
    first = split_of(policy, line(fees[0]))
    second = split_of(policy, line(fees[1]), year=year_after({}, first))
    together = split_of(policy, line(sum(fees)))
    told = [amounts_of(policy, split, "P1")["overflow"] for split in (first, second, together)]
    assert told == [*overflows, sum(overflows)]


def test_bills_that_a_deductible_ate_whole_bring_no_fraction_of_a_fen_forward() -> None:
    """The deductible is paid on the total, the fund pays of what the catalogue covers."""
    step = tiers(
        "P1",
        ELIGIBLE,
        [(0, None, 550_000)],
        axis="covered_fee",
        deductible="D1",
        accumulates="per_year",
    )
    annual = deductible(100_000, basis="per_year", base={"add": ["total"]})
    policy = policy_of(classify(), annual, step)
    first = split_of(policy, line(30_002), line(49_999, "03", number=2))
    year = year_after({}, first)
    assert (first.deductible_fen, first.fund_total_fen) == (80_001, 0)
    # 19,999 fen of the deductible are left; of 20,001 the fund pays 11,000.55, rounded by
    # itself, because nothing was paid before.
    second = split_of(policy, line(40_000), year=year)
    assert (second.deductible_fen, second.fund_total_fen) == (19_999, 11_001)


def test_a_cap_of_the_bill_forgets_the_year() -> None:
    step = tiers("P1", ELIGIBLE, [(0, None, 500_000)], cap_fen=5_000, cap_basis="per_bill")
    policy = policy_of(classify(), step)
    assert split_of(policy, line(20_000), year={"fund.390100": 5_000}).fund_total_fen == 5_000


def test_a_cap_counts_what_earlier_steps_paid_from_the_fund() -> None:
    first = tiers("P1", ELIGIBLE, [(0, None, 500_000)], cap_fen=5_000)
    rest = {"add": ["eligible"], "subtract": ["P1.paid"]}
    second = tiers("P2", rest, [(0, None, 500_000)], cap_fen=6_000)
    split = split_of(policy_of(classify(), first, second), line(20_000))
    assert paid_by(split) == {"P1": 5_000, "P2": 1_000}
    assert dict(split.accumulations)["fund.390100"] == 6_000


@pytest.mark.parametrize(("total_fen", "overflow"), [(9_999, 0), (10_000, 0), (10_001, 1)])
def test_the_fee_above_the_last_bracket_overflows(total_fen: int, overflow: int) -> None:
    policy = policy_of(classify(), tiers("P1", ELIGIBLE, [(0, 10_000, 500_000)]))
    left = amounts_of(policy, split_of(policy, line(total_fen)), "P1")
    assert (left["paid"], left["overflow"]) == ((total_fen + 1) // 2 - overflow, overflow)

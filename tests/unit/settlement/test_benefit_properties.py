"""What holds for every policy and bill, searched for counterexamples."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from support.policies import (
    FACTS,
    Json,
    account,
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

from yibao_settlement.rules.policy.brackets import Bracket, make_curve
from yibao_settlement.rules.policy.plan import MAX_PLANS, find_plan
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.policy.record import trace_digest
from yibao_settlement.rules.policy.split import PricedLine, Split

RATIOS = st.integers(0, 1_000_000)
FEN = st.integers(0, 50_000_00)
CLASSES = st.sampled_from(["01", "02", "03"])


@st.composite
def pieces(draw: st.DrawFn, *, start: int = 0) -> list[tuple[int, int | None, int]]:
    """Contiguous brackets from `start`, the last one open or closed."""
    widths = draw(st.lists(st.integers(1, 10_000_00), min_size=1, max_size=4))
    is_open = draw(st.booleans())
    made: list[tuple[int, int | None, int]] = []
    for index, width in enumerate(widths):
        last = is_open and index == len(widths) - 1
        made.append((start, None if last else start + width, draw(RATIOS)))
        start += width
    return made


@st.composite
def policies(draw: st.DrawFn, *, basis: str | None = None) -> Policy:
    """A pool over a deductible, a layer on what it left, one on its overflow, an account.

    `basis` makes deductible, brackets and caps all of the bill or all of the year.
    """
    either = st.sampled_from(["per_bill", "per_year"])

    def basis_of() -> str:
        return basis or draw(either)

    cap = st.none() | st.integers(1, 20_000_00)
    if draw(st.booleans()):
        pool: Json = {"axis": "covered_fee", "deductible": "D1"}
        base: Json = {"add": ["eligible"]}
    else:
        pool = {"threshold_fen": draw(FEN)}
        base = {"add": ["eligible"], "subtract": ["D1.paid"]}
    capped: Json = {"cap_fen": draw(cap)}
    if capped["cap_fen"] is not None:
        capped["cap_basis"] = basis_of()
    layer: Json = {"threshold_fen": draw(FEN), "accumulates": basis_of(), "fund_type": "390200"}
    # Every layer has a fund of its own, as in practice. Where two draw on one, its cap counts
    # both, and where the fee passed it in earlier bills can only be told to a few fen.
    overflow: Json = {"accumulates": basis_of(), "fund_type": "330100"}
    return policy_of(
        classify(class_b_ppm=draw(RATIOS)),
        deductible(draw(FEN), basis=basis_of()),
        tiers("P1", base, draw(pieces()), accumulates=basis_of(), **capped, **pool),
        tiers("K1", {"add": ["D1.paid", "P1.copay"]}, draw(pieces()), **layer),
        tiers("L1", {"add": ["P1.overflow"]}, draw(pieces()), **overflow),
        account(),
    )


@st.composite
def bills(draw: st.DrawFn) -> list[PricedLine]:
    made = []
    for number in range(1, draw(st.integers(0, 5)) + 1):
        amount = draw(FEN)
        charged = line(
            amount,
            draw(CLASSES),
            number=number,
            over_limit_fen=draw(st.integers(0, amount)),
            ratio_ppm=draw(st.none() | RATIOS),
        )
        made.append(charged)
    return made


def check_everybody_pays_once(split: Split) -> None:
    for told in split.lines:
        parts = (told.excluded_fen, told.over_limit_fen, told.first_self_pay_fen, told.eligible_fen)
        assert min(parts) >= 0
        assert sum(parts) == told.amount_fen
    for name in ("excluded_fen", "over_limit_fen", "first_self_pay_fen", "eligible_fen"):
        assert getattr(split, name) == sum(getattr(told, name) for told in split.lines)
    assert split.total_fen == sum(told.amount_fen for told in split.lines)
    assert split.fund_total_fen == sum(payment.amount_fen for payment in split.fund_payments)
    assert all(0 <= payment.amount_fen <= payment.base_fen for payment in split.fund_payments)
    assert split.total_fen == split.fund_total_fen + split.account_fen + split.cash_fen
    assert split.personal_total_fen == split.account_fen + split.cash_fen
    assert min(split.deductible_fen, split.account_fen, split.cash_fen) >= 0
    assert all(added for _, added in split.accumulations)
    assert list(split.accumulations) == sorted(split.accumulations)


@given(policies(), st.lists(bills(), min_size=1, max_size=3), st.none() | FEN)
def test_every_fen_of_every_bill_of_a_year_is_borne_once(
    policy: Policy, year_of_bills: list[list[PricedLine]], balance_fen: int | None
) -> None:
    year: dict[str, int] = {}
    for bill in year_of_bills:
        split = split_of(policy, *bill, year=year, balance_fen=balance_fen)
        check_everybody_pays_once(split)
        for step_id in ("P1", "K1", "L1"):
            left = amounts_of(policy, split, step_id)
            assert min(left.values()) >= 0
            parts = left["below"] + left["paid"] + left["copay"] + left["overflow"]
            assert parts == left["base"]
        assert split.account_fen <= (balance_fen or 0)
        year = year_after(year, split)


@given(policies(), bills(), bills(), FEN, st.integers(1, 500_00), CLASSES)
def test_a_higher_fee_lowers_no_fund_line(
    policy: Policy,
    before: list[PricedLine],
    bill: list[PricedLine],
    amount_fen: int,
    more_fen: int,
    catalogue_class: str,
) -> None:
    year = year_after({}, split_of(policy, *before))
    number = len(bill) + 1
    low, high = (
        split_of(policy, *bill, line(amount, catalogue_class, number=number), year=year)
        for amount in (amount_fen, amount_fen + more_fen)
    )
    paid_low, paid_high = paid_by(low), paid_by(high)
    assert all(paid_high[step_id] >= paid for step_id, paid in paid_low.items())
    assert high.personal_total_fen >= low.personal_total_fen


@given(policies(basis="per_year"), bills(), bills())
def test_two_bills_of_a_year_come_to_what_one_would_have(
    policy: Policy, first: list[PricedLine], second: list[PricedLine]
) -> None:
    one = year_after({}, split_of(policy, *first, *second))
    two = year_after({}, split_of(policy, *first))
    two = year_after(two, split_of(policy, *second, year=two))
    assert two == one


@given(
    policies(basis="per_bill"),
    bills(),
    st.dictionaries(
        st.sampled_from(
            ["deductible", "fund.390100", "fund.390200", "base.P1", "base.K1", "base.L1"]
        ),
        FEN,
    ),
)
def test_a_policy_without_annual_limits_forgets_the_year(
    policy: Policy, bill: list[PricedLine], year: dict[str, int]
) -> None:
    remembered, forgotten = split_of(policy, *bill, year=year), split_of(policy, *bill)
    assert remembered.accumulations == forgotten.accumulations
    assert remembered.fund_payments == forgotten.fund_payments


@given(policies(basis="per_year"), bills(), bills())
def test_a_reversed_bill_leaves_a_year_that_still_adjudicates(
    policy: Policy, first: list[PricedLine], second: list[PricedLine]
) -> None:
    reversed_bill = split_of(policy, *first)
    year = year_after({}, reversed_bill)
    year = year_after(year, split_of(policy, *second, year=year))
    for name, added in reversed_bill.accumulations:
        year[name] -= added
    assert all(value >= 0 for value in year.values())
    check_everybody_pays_once(split_of(policy, *first, year=year))


@given(policies(), bills(), st.none() | FEN)
def test_a_trace_hash_depends_on_nothing_but_its_inputs(
    policy: Policy, bill: list[PricedLine], balance_fen: int | None
) -> None:
    split = split_of(policy, *bill, balance_fen=balance_fen)
    find_plan.cache_clear()
    again = split_of(policy, *bill, balance_fen=balance_fen)
    assert again == split
    assert trace_digest(policy.trace_prefix, split.records) == split.trace_sha256


def test_a_trace_hash_changes_with_each_number_it_stands_for() -> None:
    policy = policy_of(classify(), tiers("P1", {"add": ["eligible"]}, [(0, None, 500_000)]))
    split = split_of(policy, line(1_000), line(500, "02", number=2))
    hashes = {split.trace_sha256, trace_digest(b"another policy", split.records)}
    changed = 0
    for index, record in enumerate(split.records):
        for place in range(len(record)):
            other = (*record[:place], record[place] + 1, *record[place + 1 :])
            records = (*split.records[:index], other, *split.records[index + 1 :])
            hashes.add(trace_digest(policy.trace_prefix, records))
            changed += 1
    assert len(hashes) == changed + 2


def test_a_trace_hash_tells_versions_of_a_policy_apart() -> None:
    one, other = (
        split_of(policy_of(classify(), title=title), line(1_000)) for title in ("one", "other")
    )
    assert one.records == other.records
    assert one.trace_sha256 != other.trace_sha256


def test_a_trace_hash_tells_where_one_step_ends_and_the_next_begins() -> None:
    hashes = {trace_digest(b"", records) for records in [((1, 2), (3,)), ((1,), (2, 3))]}
    assert len(hashes) == 2


@given(pieces(), FEN, FEN, st.integers(0, 10**13))
def test_the_fee_at_an_amount_is_the_lowest_that_reaches_it(
    made: list[tuple[int, int | None, int]], low: int, length: int, exact: int
) -> None:
    curve = make_curve(tuple(Bracket(*piece) for piece in made))
    fee = curve.fee_at(exact, low_fen=low, high_fen=low + length)
    assert low <= fee <= low + length
    # Rounded to a fen: a fen more reaches the amount, a fen less does not.
    if fee < low + length:
        assert curve.exact(fee + 1) >= exact
    if fee > low:
        assert curve.exact(fee - 1) < exact


def test_plans_remembered_stay_bounded() -> None:
    find_plan.cache_clear()
    policy = policy_of(classify())
    for age in (*range(10), *range(10)):
        split_of(policy, line(1), facts=replace(FACTS, age=age))
    remembered = find_plan.cache_info()
    assert remembered.maxsize == MAX_PLANS
    assert (remembered.currsize, remembered.hits) == (10, 10)

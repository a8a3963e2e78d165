"""The generated cases are what they should be: repeatable, written down, and of every kind."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from support.benefit_cases.cases import YEARS_OF_A_POLICY, Case, case, saved
from support.benefit_oracle.history import History
from support.benefit_oracle.refusals import Refused

from yibao_settlement.files.benefit.file import load_benefit_policy

SEEDS = range(0, 100 * YEARS_OF_A_POLICY, YEARS_OF_A_POLICY)
KEYS = (
    *("care_groups", "line_groups", "windows", "counts", "parameters", "rounding", "counters"),
    *("classify", "given", "deductible", "tiers", "account", "applies", "end_date"),
    *("joins_transfers_within_days", "facts", "days", "starts", "stay_over_new_year"),
    *("in", "of", "per", "care_groups", "window", "base", "by", "when", "all", "any", "none"),
    *("make_up", "as", "amount", "ppm", "least_fen", "most_fen", "fund_type", "payer"),
    *("on_top_of", "axis", "adjust", "factor_ppm", "points_ppm", "less", "threshold", "each"),
    *("least_ppm", "most_ppm", "mode", "unit_fen", "upto_fen", "limits", "limit", "purses"),
    *("out_of_cover", "catalogue", "item_groups", "classes", "fund_types", "from", "to"),
)
VALUES = (
    *("bill", "day", "month", "stay", "period", "year", "discharge", "admission", "split"),
    *("once", "make_up", "again", "bracket", "down", "paid", "otherwise", "none", "by_item"),
    *("own_cost", "refuse", "hospital", "employer", "treasury", "prepay"),
)


def read(text: str) -> Any:
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def parts(written: Any) -> Iterator[tuple[str, str]]:
    """Yields all keys and texts in a file."""
    if isinstance(written, dict):
        for key, value in written.items():
            yield "key", key
            yield from parts(value)
    elif isinstance(written, list):
        for value in written:
            yield from parts(value)
    elif isinstance(written, str):
        yield "value", written


def test_a_seed_makes_the_same_case_again() -> None:
    assert [case(seed) for seed in range(9)] == [case(seed) for seed in range(9)]
    assert len({case(seed).bills_text for seed in range(9)}) == 9


def test_a_case_that_was_saved_reads_as_it_was(tmp_path: Path) -> None:
    made = case(11)
    assert saved(made.save(tmp_path)) == made


def test_generated_policies_have_every_construct_and_no_mistake() -> None:
    seen: Counter[tuple[str, str]] = Counter()
    for seed in SEEDS:
        text = case(seed).policy_text
        load_benefit_policy(text.encode(), name="policy.yaml")
        seen.update(parts(read(text)))
    wanted = [*(("key", key) for key in KEYS), *(("value", value) for value in VALUES)]
    assert [each for each in wanted if not seen[each]] == []


def test_generated_years_come_to_every_turn() -> None:
    turns: Counter[str] = Counter()
    for seed in SEEDS:
        turns.update(turns_of(case(seed)))
    wanted = (
        *("stay joined", "interim bill", "two legs", "no lines", "line refused", "out of cover"),
        *("P arrears", "P overflow", "P below", "G paid", "account", "limit reached", "carry"),
        *("POLICY_NOT_IN_FORCE", "POLICY_NO_MATCHING_ROW", "FACT_MISSING", "LINE_NEGATIVE"),
        *("PARAMETER_NOT_IN_FORCE", "GIVEN_EXCEEDS_BASE", "GIVEN_UNKNOWN", "LINE_OUT_OF_COVER"),
    )
    assert [turn for turn in wanted if not turns[turn]] == []


def turns_of(made: Case) -> Iterator[str]:
    history = History(read(made.policy_text), made.bills.get("purses"))
    visits = []
    for bill in made.bills["bills"]:
        try:
            settled = history.settle(bill)
        except Refused as refused:
            yield refused.reason
            continue
        turns = {
            "interim bill": bill["visit"] in visits,
            "stay joined": history.memory.stays.stay_of[bill["visit"]] != bill["visit"],
            "two legs": settled.legs > 1,
            "no lines": not bill["lines"],
            "line refused": bool(settled.refused_lines),
            "out of cover": "cover" in bill and settled.amounts["excluded"] > 0,
        }
        visits.append(bill["visit"])
        yield from (turn for turn, happened in turns.items() if happened)
        for name, fen in settled.amounts.items():
            # G1.paid is told as "G paid", P2.overflow as "P overflow".
            step, _, tag = name.partition(".")
            if fen:
                yield f"{step[0]} {tag}" if step[0].isupper() else name
        yield from remembered(history)


def remembered(history: History) -> Iterator[str]:
    counters = history.policy.get("counters") or {}
    limits = {
        (f"counter.{name}", row["limit"])
        for name, counter in counters.items()
        for row in counter["rows"]
        if isinstance(row["limit"], int)
    }
    for window in history.memory.windows.values():
        for name, value in window.items():
            if value and (name, value) in limits:
                yield "limit reached"
            if value and name.endswith(".carry"):
                yield "carry"

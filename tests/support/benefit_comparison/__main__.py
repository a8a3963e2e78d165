"""Compares the engine with the second evaluator for a long time, over processes.

`make fuzz-benefits` does it; `cd tests && python -m support.benefit_comparison --seed 7`.
"""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from support.benefit_cases.cases import case

from .compare import Outcome, compare

CHUNK = 200
TOLD_EVERY = 10_000
# Enough to see a pattern; one fault makes hundreds differ.
MOST_TOLD = 20


def main() -> int:
    """Compares, tells what differs; returns the exit code of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0, help="that of the first case")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--save", type=Path, help="a folder for the cases that differ")
    asked = parser.parse_args()
    began = time.monotonic()
    end = asked.seed + asked.cases
    starts = range(asked.seed, end, CHUNK)
    outcome = Outcome()
    with ProcessPoolExecutor(asked.processes) as pool:
        for some in pool.map(compare, [range(at, min(at + CHUNK, end)) for at in starts]):
            outcome.add(some)
            if outcome.cases % TOLD_EVERY == 0:
                told = f"{outcome.cases:,} pairs, {len(outcome.differing)} differ"
                print(f"{told}; {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    tell(outcome, save=asked.save)
    print(
        f"{outcome.cases:,} pairs of a policy and a year of bills from seed {asked.seed}, "
        f"{outcome.bills.total():,} bills, {len(outcome.differing)} pairs differ; "
        f"{time.monotonic() - began:.0f} s"
    )
    return 1 if outcome.differing else 0


def tell(outcome: Outcome, *, save: Path | None) -> None:
    """Prints how bills ended and what differs, and saves the cases."""
    for reason, number in outcome.bills.most_common():
        print(f"{number:>10,} {reason}")
    for seed, found in list(outcome.differing.items())[:MOST_TOLD]:
        print(f"seed {seed}: " + "; ".join(found[:4]))
        if save is not None:
            print(f"  saved in {case(seed).save(save)}")


if __name__ == "__main__":
    sys.exit(main())

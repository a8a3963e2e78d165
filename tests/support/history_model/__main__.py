"""Plays random histories for a long time, over processes, with all checks.

`make fuzz-histories` does it; `cd tests && python -m support.history_model --seed 7`.
"""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from .histories_played import Played, play, shortest
from .regions import region

TOLD_EVERY = 200
# Enough to see a pattern; one fault violates hundreds of histories.
MOST_TOLD = 5


def main() -> int:
    """Plays, tells what was violated; returns the exit code of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0, help="that of the first history")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    began = time.monotonic()
    ends: Counter[str] = Counter()
    violated: list[Played] = []
    seeds = range(asked.seed, asked.seed + asked.histories)
    with ProcessPoolExecutor(asked.processes) as pool:
        for number, played in enumerate(pool.map(play, seeds, chunksize=4), start=1):
            ends += played.ends
            if played.violation is not None:
                violated.append(played)
            if number % TOLD_EVERY == 0:
                told = f"{number:,} histories, {len(violated)} violated"
                print(f"{told}; {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    for end, number in sorted(ends.items()):
        print(f"{number:>10,} {end}")
    for played in violated[:MOST_TOLD]:
        tell(played)
    print(
        f"{asked.histories:,} histories from seed {asked.seed}, {len(violated)} violated; "
        f"{time.monotonic() - began:.0f} s"
    )
    return 1 if violated else 0


def tell(played: Played) -> None:
    """Prints what was violated, and the shortest history that still violates it."""
    assert played.violation is not None
    print(f"seed {played.seed}: {played.violation}")
    kept = shortest(region(played.seed), played.operations, played.violation.check)
    for operation in kept:
        print(f"  {operation}")


if __name__ == "__main__":
    sys.exit(main())

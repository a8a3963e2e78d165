"""Plays random histories on both databases and on the model, one after another.

`make fuzz-settlement` does it; `cd tests && python -m support.history_fuzzing --seed 7`.
"""

import argparse
import itertools
import signal
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from types import FrameType

from support.databases import KINDS

from yibao_common.values.errors import TransientError

from .playing import Begin, Played, Servers, play, shortest
from .stories import record_story, region_story, story, usual_story

STORIES = {"all": story, "usual": usual_story, "records": record_story, "regions": region_story}
TOLD_EVERY = 1_000
# Enough to see a pattern; one fault makes hundreds differ.
MOST_TOLD = 10


class Ended(BaseException):
    """Somebody ended the run: what has been seen is told all the same."""


@dataclass(slots=True)
class Run:
    """What came through, by kind of operation and end, and by database."""

    wanted: int
    began: float = field(default_factory=time.monotonic)
    count: int = 0
    histories: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    differing: list[Played] = field(default_factory=list)
    is_ended: bool = False

    def end(self, _number: int, _frame: FrameType | None) -> None:
        """Ends the run behind the operation that is played: within it, drivers would swallow it."""
        self.is_ended = True

    def go_on(self) -> None:
        """Raises `Ended` where somebody has ended the run."""
        if self.is_ended:
            raise Ended

    def one_more(self) -> None:
        """Counts an operation that both did alike; raises as `go_on`."""
        self.go_on()
        self.count += 1
        if self.count % TOLD_EVERY == 0:
            print(self.told(), file=sys.stderr, flush=True)

    def told(self) -> str:
        """Returns how far it is, and how fast."""
        seconds = time.monotonic() - self.began
        return (
            f"{self.count:,} operations in {self.histories:,} histories, {len(self.differing)} "
            f"differ; {seconds:.0f} s, {self.count / seconds:.1f} a second"
        )


def main() -> int:
    """Plays, tells what differs; returns the exit code of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0, help="that of the first history")
    parser.add_argument("--stories", choices=STORIES, default="all")
    parser.add_argument("--databases", choices=KINDS, nargs="+", default=list(KINDS))
    asked = parser.parse_args()
    run, servers = Run(asked.operations), Servers()
    signal.signal(signal.SIGTERM, run.end)
    signal.signal(signal.SIGINT, run.end)
    try:
        _play(run, servers, STORIES[asked.stories], asked.seed, asked.databases)
    except Ended:
        print("ended before all were played", flush=True)
    finally:
        servers.close()
    for end, number in sorted(run.ends.items()):
        print(f"{number:>10,} {end}")
    print(f"from seed {asked.seed}: {run.told()}")
    return 1 if run.differing or run.count < run.wanted else 0


def _play(run: Run, servers: Servers, begin: Begin, first: int, kinds: list[str]) -> None:
    for seed, kind in zip(itertools.count(first), itertools.cycle(kinds), strict=False):
        played = play(seed, kind, servers, begin, tell=run.one_more)
        if isinstance(played.difference, TransientError):
            # A database that was too busy to answer in time, which the services ask again.
            run.ends["histories played anew, the database being busy"] += 1
            played = play(seed, kind, servers, begin, tell=run.go_on)
        run.histories += 1
        run.ends += played.ends
        run.ends[f"operations on {kind}"] += len(played.operations)
        if played.difference is not None:
            run.differing.append(played)
            if len(run.differing) <= MOST_TOLD:
                tell(played, servers, begin, run)
        if run.count >= run.wanted:
            return


def tell(played: Played, servers: Servers, begin: Begin, run: Run) -> None:
    """Prints what differed, and few operations after which it is still seen."""
    assert played.difference is not None
    print(f"seed {played.seed}, {played.kind}: {played.difference!r}")
    print("".join(traceback.format_tb(played.difference.__traceback__)[-3:]))
    for operation in shortest(played, servers, begin, tell=run.go_on):
        print(f"  {operation}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

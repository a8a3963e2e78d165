"""`yibao demo corrections`: a bill corrected, a later one moved, a line returned."""

import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from yibao_cli.console import working
from yibao_cli.demo import view
from yibao_cli.demo.documents import steps_documents
from yibao_cli.demo.later_bills import walk_later_bills
from yibao_cli.loading import import_region
from yibao_cli.output import is_json, print_document
from yibao_cli.regions import Region
from yibao_cli.stack import Stack
from yibao_common.values.clock import Clock

# A second admission of the year has half the deductible of the first one there.
_REGION = "110000"


def run_corrections(console: Console, regions: Sequence[Region], *, clock: Clock) -> int:
    """Walks two stays of one person; returns 0 where every step went well."""
    began = time.monotonic()
    # A program gets one document at the end.
    asked, console = console, Console(quiet=True) if is_json() else console
    region = next(each for each in regions if each.region == _REGION)
    with tempfile.TemporaryDirectory(prefix="yibao-demo-") as folder:
        with working(console, "Starting identity, settlement and offsite ..."):
            stack = Stack.start(Path(folder) / "sandbox", [region])
        with stack:
            import_region(stack, region)
            with working(console, "") as on_step:
                found = walk_later_bills(
                    stack,
                    region,
                    clock=clock,
                    # Real numbers of nothing: different at each run, secret to nobody.
                    choose=random.Random(),  # noqa: S311
                    on_step=on_step,
                )
    if is_json():
        is_good = all(step.is_good for step in found.steps)
        seconds = round(time.monotonic() - began, 1)
        told = {"is_good": is_good, "seconds": seconds, "steps": steps_documents(found.steps)}
        print_document(asked, told)
        return 0 if is_good else 1
    console.print(view.steps_table(found.steps))
    if found.sentences:
        console.print("\nThe later bill, as the insured reads it by now", style="bold")
        console.print(view.sentences_table(found.sentences))
    is_good = all(step.is_good for step in found.steps)
    console.print(
        f"{'Every step came out as it must.' if is_good else 'A step failed, see above.'} "
        f"Services stopped, data removed, {time.monotonic() - began:.1f} s.",
        style="bold green" if is_good else "bold red",
    )
    return 0 if is_good else 1

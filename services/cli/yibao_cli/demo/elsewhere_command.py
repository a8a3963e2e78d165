"""`yibao demo elsewhere`: a referral that is audited and an emergency, in another city."""

import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from yibao_cli.console import working
from yibao_cli.demo import view
from yibao_cli.demo.documents import elsewhere_document
from yibao_cli.demo.elsewhere_policy import with_terms
from yibao_cli.demo.elsewhere_scene import HOME, PLACE, Scene
from yibao_cli.demo.elsewhere_walk import (
    PaidElsewhere,
    Story,
    prove_ledger,
    walk_emergency,
    walk_referral,
)
from yibao_cli.demo.steps import Step, StepLog
from yibao_cli.loading import import_region
from yibao_cli.output import is_json, print_document
from yibao_cli.regions import Region
from yibao_cli.stack import Stack
from yibao_common.values.clock import Clock

# So that what no registration means can be shown in yuan: elsewhere it is refused.
_UNREGISTERED_REDUCED = {"settlement": {"YIBAO_ELSEWHERE__UNREGISTERED_REDUCED_IN": f'["{HOME}"]'}}


def run_elsewhere(console: Console, regions: Sequence[Region], *, clock: Clock) -> int:
    """Walks both stories; returns 0 where every step went well."""
    began = time.monotonic()
    # A program gets one document at the end.
    asked, console = console, Console(quiet=True) if is_json() else console
    known = {each.region: each for each in regions}
    home, place = with_terms(known[HOME]), known[PLACE]
    with tempfile.TemporaryDirectory(prefix="yibao-demo-") as folder:
        with working(console, "Starting identity, settlement and offsite ..."):
            stack = Stack.start(
                Path(folder) / "sandbox", [home, place], environment=_UNREGISTERED_REDUCED
            )
        with stack:
            for region in (home, place):
                import_region(stack, region)
            with working(console, "") as on_step:
                # Real numbers of nothing: different at each run, secret to nobody.
                choose = random.Random()  # noqa: S311

                def scene() -> Scene:
                    return Scene(stack, home, place, StepLog(on_step), clock, choose)

                stories = (walk_referral(scene()), walk_emergency(scene()))
                proof = prove_ledger(scene())
    is_good = all(story.is_good for story in stories) and all(step.is_good for step in proof)
    seconds = round(time.monotonic() - began, 1)
    if is_json():
        told = elsewhere_document(stories, proof, is_good=is_good, seconds=seconds)
        print_document(asked, told)
    else:
        _show(console, stories, proof, is_good=is_good, seconds=seconds)
    return 0 if is_good else 1


def _show(
    console: Console,
    stories: Sequence[Story],
    proof: Sequence[Step],
    *,
    is_good: bool,
    seconds: float,
) -> None:
    for title, story in zip(("A referral", "An emergency"), stories, strict=True):
        console.print(f"{title}: region {HOME} insures, {PLACE} treats", style="bold")
        console.print(view.steps_table(story.steps))
        if story.paid is not None:
            console.print()
            console.print(view.elsewhere_table(_amounts(story.paid)))
            console.print(view.sentences_table(story.paid.explained.sentences))
        console.print()
    console.print("The books", style="bold")
    console.print(view.steps_table(proof))
    console.print(
        f"\n{'Every step came out as it must.' if is_good else 'A step failed, see above.'} "
        f"Services stopped, data removed, {seconds:.1f} s.",
        style="bold green" if is_good else "bold red",
    )


def _amounts(paid: PaidElsewhere) -> list[tuple[str, int]]:
    """Returns what the funds pay of the bill on which terms, in fen."""
    amounts = [("as settled", paid.fund_fen), ("at home", paid.at_home_fen)]
    if paid.unregistered_fen is not None:
        amounts.append(("without registration", paid.unregistered_fen))
    return amounts

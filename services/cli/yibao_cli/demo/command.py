"""`yibao demo`: starts everything, walks the published bills, leaves nothing behind."""

import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, RenderableType

from yibao_cli.console import working
from yibao_cli.demo import view
from yibao_cli.demo.care_elsewhere import register_care_elsewhere
from yibao_cli.demo.documents import stay_documents, steps_documents, walk_document
from yibao_cli.demo.golden_path import Walk, walk_golden_path
from yibao_cli.demo.stay import StayWalk, walk_stay
from yibao_cli.demo.steps import Step
from yibao_cli.loading import import_region
from yibao_cli.output import is_json, print_document
from yibao_cli.regions import Region
from yibao_cli.stack import Stack
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock


def run_demo(console: Console, regions: Sequence[Region], *, clock: Clock) -> int:
    """Runs the demo; returns 0 where every step went well and every amount agrees."""
    began = time.monotonic()
    # A program gets one document at the end.
    asked, console = console, Console(quiet=True) if is_json() else console
    with tempfile.TemporaryDirectory(prefix="yibao-demo-") as folder:
        with working(console, "Starting identity, settlement and offsite ..."):
            stack = Stack.start(Path(folder) / "sandbox", regions)
        with stack:
            with working(console, "Loading policies, catalogues and institutions ..."):
                for region in regions:
                    import_region(stack, region)
            console.print(
                "Three services on SQLite, mutual TLS on every link; "
                f"ready in {time.monotonic() - began:.1f} s.\n"
            )
            walks = _walk_all(console, stack, regions, clock=clock)
            stay = _walk_stay(console, stack, regions[-1], clock=clock)
            elsewhere = _walk_elsewhere(console, stack, walks, clock=clock)
    is_good = stay.is_good and all(step.is_good for step in elsewhere)
    is_good = is_good and all(walk.is_good for _, walk in walks)
    if is_json():
        document = {
            "is_good": is_good,
            "seconds": round(time.monotonic() - began, 1),
            "bills": [walk_document(*each) for each in walks],
            "stay": {
                "steps": steps_documents(stay.steps),
                "settlements": stay_documents(stay.bills),
            },
            "care_elsewhere": {"steps": steps_documents(elsewhere)},
        }
        print_document(asked, document)
        return 0 if is_good else 1
    _show(console, "Summary", view.summary_table(walks))
    console.print(
        "An amount that a page does not print follows from those that it does; bill.yaml\n"
        "beside each policy says which.",
        style="dim",
    )
    console.print(
        f"{'Every amount is as published.' if is_good else 'Something differs, see above.'} "
        f"Services stopped, data removed, {time.monotonic() - began:.1f} s.",
        style="bold green" if is_good else "bold red",
    )
    return 0 if is_good else 1


def _walk_all(
    console: Console, stack: Stack, regions: Sequence[Region], *, clock: Clock
) -> list[tuple[Region, Walk]]:
    walks: list[tuple[Region, Walk]] = []
    # Real numbers of nothing: different at each run, secret to nobody.
    choose = random.Random()  # noqa: S311
    for region in regions:
        view.show_bill(console, region)
        with working(console, "") as on_step:
            walk = walk_golden_path(stack, region, clock=clock, choose=choose, on_step=on_step)
        _show(console, view.steps_table(walk.steps))
        if walk.figures:
            _show(console, view.figures_table(walk.figures))
        if walk.trace:
            _show(
                console, "How it was calculated", view.trace_table(walk.trace, region.sample_bill)
            )
        if walk.qr_text and not walks:
            _show(
                console,
                "The code that paid, as the phone showed it",
                view.code_picture(walk.qr_text, console),
            )
        walks.append((region, walk))
    return walks


def _walk_stay(console: Console, stack: Stack, region: Region, *, clock: Clock) -> StayWalk:
    """Walks a stay of two bills and tells both as their statements do."""
    with working(console, "") as on_step:
        # Real numbers of nothing, as those of the bills.
        choose = random.Random()  # noqa: S311
        walk = walk_stay(stack, region, clock=clock, choose=choose, on_step=on_step)
    _show(console, "A stay in two bills", view.steps_table(walk.steps))
    if walk.bills:
        _show(console, view.stay_table(walk.bills))
    for title, bill in zip(("interim", "last"), walk.bills, strict=False):
        _show(
            console,
            f"The {title} bill, as the insured reads it",
            view.sentences_table(bill.sentences),
        )
    return walk


def _walk_elsewhere(
    console: Console, stack: Stack, walks: list[tuple[Region, Walk]], *, clock: Clock
) -> tuple[Step, ...]:
    region, walk = walks[-1]
    steps = register_care_elsewhere(
        stack,
        region=region.region,
        person_id=walk.person_id,
        today=shanghai_day(clock()),
        on_step=lambda _title: None,
    )
    _show(console, "Care in another region", view.steps_table(steps))
    return steps


def _show(console: Console, *parts: RenderableType) -> None:
    """Prints parts, a title first where there are two, and an empty line."""
    *title, body = parts
    for each in title:
        console.print(each, style="bold")
    console.print(body)
    console.print()

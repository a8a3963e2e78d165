"""The first step: which part of each line is covered, and its line group."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

from .amounts import PPM, half_up
from .lots import PARTS, Lot
from .refusals import Refused
from .tables import Facts, row_of
from .windows import Line


@dataclass
class LineResult:
    """A line of a bill, cut into parts, and what became of each part."""

    index: int
    group: str
    parts: dict[str, int]
    paid: dict[str, int] = field(default_factory=dict)
    deductible: int = 0

    @property
    def fen(self) -> int:
        """The whole line."""
        return sum(self.parts.values())

    def paid_by(self, steps: list[str]) -> int:
        """Returns what the payers of some steps took of this line."""
        return sum(self.paid.get(step, 0) for step in steps)


def group_of(line: Line, line_groups: Mapping[str, Any]) -> str:
    """Returns the first line group that fits, `rest` where none does."""
    for name, group in line_groups.items():
        if ("classes" not in group or line["class"] in group["classes"]) and (
            "item_groups" not in group or line.get("item_group") in group["item_groups"]
        ):
            return str(name)
    return "rest"


def classified(
    step: Mapping[str, Any],
    lines: list[tuple[int, Line]],
    bill: Mapping[str, Any],
    facts: Facts,
    line_groups: Mapping[str, Any],
) -> list[LineResult]:
    """Returns each line in parts."""
    row = row_of(step, facts, step["id"])
    shares = row["shares"]
    results = []
    there = row.get("catalogue") == "treatment_place"
    for index, written in lines:
        line = {**written, **written.get("there", {})} if there else written
        covered = is_covered(line.get("date", bill["date"]), bill.get("cover"))
        if not covered and step.get("out_of_cover") == "refuse":
            raise Refused("LINE_OUT_OF_COVER", str(index))
        if line["class"] not in shares:
            raise Refused("POLICY_NO_MATCHING_ROW", f"{step['id']}: class {line['class']}")
        share = shares[line["class"]]
        parts = dict.fromkeys(PARTS, 0)
        if not covered or share == "own_cost":
            parts["excluded"] = line["fen"]
        else:
            over = min(line.get("over_fen", 0), line["fen"])
            share_ppm = line.get("share_ppm", share)
            if share_ppm == "by_item":
                raise Refused("POLICY_NO_MATCHING_ROW", f"{step['id']}: no share of line {index}")
            parts["over_limit"] = over
            parts["prepay"] = half_up(Fraction((line["fen"] - over) * share_ppm, PPM))
            parts["eligible"] = line["fen"] - over - parts["prepay"]
        results.append(LineResult(index, group_of(line, line_groups), parts))
    return results


def is_covered(day: Any, cover: list[Mapping[str, Any]] | None) -> bool:
    """Tells whether the person is covered on `day`; nothing said means always."""
    return cover is None or any(
        each["from"] <= day and (each.get("to") is None or day <= each["to"]) for each in cover
    )


def lots_of(results: list[LineResult], groups: list[str]) -> list[Lot]:
    """Returns the lots of a leg: by part, in each part by group."""
    return [
        Lot(sum(line.parts[part] for line in results if line.group == group), part, group)
        for part in PARTS
        for group in groups
    ]


def spread(
    results: list[LineResult], takes: list[tuple[str, str, str, int]], borne: list[Lot]
) -> None:
    """Spreads what payers took, then the deductible still borne, over the lines.

    `takes` are by step, part and group, in the order of steps.
    """
    left = {(line.index, part): line.parts[part] for line in results for part in PARTS}
    sums: dict[tuple[str, str, str], int] = {}
    for step, part, group, fen in [
        *takes,
        *(("", lot.part, lot.group, lot.fen) for lot in borne),
    ]:
        sums[step, part, group] = sums.get((step, part, group), 0) + fen
    for (step, part, group), fen in sums.items():
        lines = [line for line in results if line.group == group]
        shares = running([left[line.index, part] for line in lines], fen)
        for line, share in zip(lines, shares, strict=True):
            left[line.index, part] -= share
            if step:
                line.paid[step] = line.paid.get(step, 0) + share
            else:
                line.deductible += share


def running(weights: list[int], fen: int) -> list[int]:
    """Returns `fen` spread over weights by running totals."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    upto = [half_up(Fraction(fen * sum(weights[:end]), whole)) for end in range(len(weights) + 1)]
    return [after - before for before, after in pairwise(upto)]

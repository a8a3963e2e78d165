"""The page of papers draws the table of their states, and lists the kinds that there are."""

import re

from support.contracts import ROOT

from yibao_offsite.rules.material.kinds import KINDS
from yibao_offsite.rules.material.retention import keep_years
from yibao_offsite.rules.material.states import STEPS

PAGE = (ROOT / "docs/concepts/papers.md").read_text(encoding="utf-8")


def test_the_states_are_drawn_as_the_table_has_them() -> None:
    drawn = set(re.findall(r"^ {4}([A-Z_]+) --> ([A-Z_]+): (.+)$", PAGE, re.M))
    assert drawn == {
        (former.name, reached.name, step.value)
        for step, ways in STEPS.items()
        for former, reached in ways.items()
    }


def test_the_kinds_are_listed_as_they_are() -> None:
    part = PAGE.partition("\n## The list\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in part.splitlines()[5:]]
    assert [row for row in rows if row] == [
        [
            f"`{kind.code}`",
            kind.name_zh,
            "yes" if kind.is_photo else "",
            "yes" if kind.is_restricted else "",
            "" if kind.is_waivable else "never",
            str(keep_years(kind.code, {})),
        ]
        for kind in KINDS.values()
    ]

"""The drawings of stays, windows and limits, made of what the engine calculates.

Print them with `python -m docs.generate_reference.window_drawings` and put them into
`docs/concepts/windows-and-limits.md`; a test compares the two. The policy is that page's own:
what is shown there is what is calculated here.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from yibao_common.values.money import yuan
from yibao_settlement.files.benefit.file import load_benefit_policy
from yibao_settlement.rules.benefit.adjudicate import adjudicate
from yibao_settlement.rules.benefit.bill import Bill, BillLine
from yibao_settlement.rules.benefit.facts import Facts
from yibao_settlement.rules.benefit.memory import NOTHING_YET
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.split import Split

PAGE = Path(__file__).parents[1] / "concepts" / "windows-and-limits.md"
_NEW_YEAR = "stay_over_new_year: discharge"
# How stays over New Year may be decided, in the words of a policy.
NEW_YEARS = {
    "discharge": "stay_over_new_year: discharge",
    "admission": "stay_over_new_year: admission",
    "split, once": "stay_over_new_year: split, deductible: once",
    "split, make_up": "stay_over_new_year: split, deductible: make_up",
    "split, again": "stay_over_new_year: split, deductible: again",
}
_INPATIENT, _OUTPATIENT = "2101", "11"
_LABEL, _SCALE_FEN = 12, 40_000


class Charged(NamedTuple):
    """A bill of a history: a line a day, fen by day."""

    visit: str
    care_type: str
    admitted: dt.date
    fen: dict[dt.date, int]


class Segment(NamedTuple):
    """A part of a fee, in fen, with what is written into it."""

    fen: int
    text: str


def policy(new_year: str = _NEW_YEAR) -> BenefitPolicy:
    """Returns the policy of the page, with another way of stays over New Year."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("```yaml\n")
    text, _, _ = rest.partition("```")
    return load_benefit_policy(text.replace(_NEW_YEAR, new_year).encode(), name=PAGE.name)


def settled(decided_by: BenefitPolicy, *bills: Charged) -> list[Split]:
    """Returns what the bills of one person come to, one after the other."""
    memory, splits = NOTHING_YET, []
    for charged in bills:
        facts = Facts(care_type=charged.care_type, person_class="11", age=40)
        lines = [
            BillLine(str(number), fen, "01", day)
            for number, (day, fen) in enumerate(charged.fen.items())
        ]
        bill = Bill(
            charged.visit, max(charged.fen), tuple(lines), facts, admission_date=charged.admitted
        )
        split = adjudicate(decided_by, bill, memory)
        memory = memory.after(split.change)
        splits.append(split)
    return splits


def drawings() -> tuple[str, ...]:
    """Returns the drawings in the order of the page."""
    made = (
        _stay_in_two_bills(),
        _deductible_of_the_year(),
        _limit_of_two_steps(),
        _stay_over_new_year(),
    )
    return tuple("".join(f"{line.rstrip()}\n" for line in drawing) for drawing in made)


def _stay_in_two_bills() -> Iterator[str]:
    """A stay of 25,000: an interim bill of 20,000, and the last one."""
    first_day, until, last = dt.date(2026, 3, 2), dt.date(2026, 3, 20), dt.date(2026, 3, 25)
    interim = Charged("A", _INPATIENT, first_day, {until: 2_000_000})
    ending = Charged("A", _INPATIENT, first_day, {last: 500_000})
    both = settled(policy(), interim, ending)
    (whole,) = settled(
        policy(), Charged("A", _INPATIENT, first_day, {until: 2_000_000, last: 500_000})
    )
    deductible = [split.amount_fen("D1.paid") for split in both]
    paid = [split.amount_fen("P1.paid") for split in both]
    assert sum(paid) == whole.amount_fen("P1.paid")
    assert sum(deductible) == whole.amount_fen("D1.paid")
    edges = (0, deductible[0], 1_000_000, 2_000_000, 2_500_000)
    yield _scale(edges)
    yield _row("bill", [Segment(2_000_000, "interim bill"), Segment(500_000, "last")])
    yield _row("deductible", [Segment(deductible[0], "D1")])
    yield _row(
        "P1 pays",
        [
            Segment(deductible[0], ""),
            Segment(1_000_000 - deductible[0], "80 %"),
            Segment(1_000_000, "85 %"),
            Segment(500_000, "85 %"),
        ],
    )
    yield ""
    yield from _amounts(
        ("interim bill", "last bill", "together", "as one bill"),
        (
            ("fee", [2_000_000, 500_000, 2_500_000, 2_500_000]),
            ("D1.paid", [*deductible, sum(deductible), whole.amount_fen("D1.paid")]),
            ("P1.paid", [*paid, sum(paid), whole.amount_fen("P1.paid")]),
        ),
    )


def _deductible_of_the_year() -> Iterator[str]:
    """Three outpatient visits of a year and the first of the next."""
    days = [dt.date(2026, 2, 3), dt.date(2026, 5, 9), dt.date(2026, 9, 1), dt.date(2027, 1, 4)]
    fees = (12_000, 25_000, 40_000, 12_000)
    visits = [
        Charged(f"O{number}", _OUTPATIENT, day, {day: fee})
        for number, (day, fee) in enumerate(zip(days, fees, strict=True))
    ]
    splits = settled(policy(), *visits)
    heads = [f"{day:%-d %b %Y}" for day in days]
    yield from _amounts(
        heads,
        (
            ("fee", list(fees)),
            ("D2.paid", [split.amount_fen("D2.paid") for split in splits]),
            ("P2.paid", [split.amount_fen("P2.paid") for split in splits]),
        ),
    )


def _limit_of_two_steps() -> Iterator[str]:
    """A stay that nearly uses up the year's limit, and an outpatient visit after it."""
    stay_day, visit_day = dt.date(2026, 4, 2), dt.date(2026, 6, 1)
    stay = Charged("A", _INPATIENT, stay_day, {stay_day: 5_800_000})
    visit = Charged("O", _OUTPATIENT, visit_day, {visit_day: 500_000})
    splits = settled(policy(), stay, visit)
    alone = settled(policy(), visit)
    paid = [splits[0].amount_fen("P1.paid"), splits[1].amount_fen("P2.paid")]
    limit, alone_fen = 5_000_000, alone[0].amount_fen("P2.paid")
    heads = ("the stay", "the visit", "without the stay")
    yield from _amounts(
        heads,
        (
            ("fee", [5_800_000, 500_000, 500_000]),
            ("pool before", [limit, limit - paid[0], limit]),
            ("P1.paid", [paid[0], 0, 0]),
            ("P2.paid", [0, paid[1], alone_fen]),
            ("pool after", [limit - paid[0], limit - sum(paid), limit - alone_fen]),
        ),
    )


def _stay_over_new_year() -> Iterator[str]:
    """A stay from 20 December to 10 January, 10,000 of it before New Year."""
    admitted, before, after = dt.date(2026, 12, 20), dt.date(2026, 12, 31), dt.date(2027, 1, 10)
    stay = Charged("A", _INPATIENT, admitted, {before: 1_000_000, after: 2_000_000})
    yield f"fee of 2026: {yuan(1_000_000)}, of 2027: {yuan(2_000_000)}"
    yield ""
    rows: list[tuple[str, list[int]]] = []
    for name, said in NEW_YEARS.items():
        (split,) = settled(policy(said), stay)
        years = {"2026": 0, "2027": 0}
        for window, names in split.change.windows.items():
            kind, _, year = window.partition(":")
            if kind == "year":
                years[year[:4]] += names.get("counter.pool", 0)
        paid = split.amount_fen("P1.paid")
        assert sum(years.values()) == paid
        rows.append((name, [split.amount_fen("D1.paid"), paid, *years.values()]))
    yield from _amounts(("D1.paid", "P1.paid", "of pool 2026", "of pool 2027"), rows)


def _scale(edges: Sequence[int]) -> str:
    """Returns the amounts at the edges, each where its edge is."""
    line = "yuan".ljust(_LABEL)
    for fen in edges:
        text = f"{fen // 100:,}"
        line = line.ljust(_LABEL + fen // _SCALE_FEN)
        line += text
    return line


def _row(label: str, segments: Sequence[Segment]) -> str:
    """Returns the parts of a fee as wide as they are, beside each other."""
    line, so_far = label.ljust(_LABEL) + "|", 0
    for fen, text in segments:
        so_far += fen
        width = _LABEL + so_far // _SCALE_FEN - len(line)
        line += text.center(width) + "|"
    return line


def _amounts(heads: Sequence[str], rows: Sequence[tuple[str, list[int]]]) -> Iterator[str]:
    """Yields a table of amounts in yuan."""
    widths = [max(len(head), 9) + 2 for head in heads]
    label = max(len(name) for name, _ in rows) + 2
    yield "".ljust(label) + "".join(map(str.rjust, heads, widths))
    for name, fens in rows:
        yield name.ljust(label) + "".join(map(str.rjust, map(yuan, fens), widths))


if __name__ == "__main__":
    for drawing in drawings():
        print(drawing)

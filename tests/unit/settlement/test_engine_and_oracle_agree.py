"""The engine and the second evaluator tell the same of every generated bill.

`make fuzz-benefits` compares a hundred thousand pairs of a policy and a year of bills.
"""

from support.benefit_cases.cases import case
from support.benefit_comparison import engine, oracle
from support.benefit_comparison.answers import Answer, differences
from support.benefit_comparison.compare import compare

SOME = range(240)
# Bills without lines, where arrears are decided in a period, past a limit of one, or in
# another year than the stay's; a late line of the old year, after one of the new; a limit that
# is used up where no bracket pays anything, and an earlier bill left a fraction of a fen.
ONCE_DIFFERENT = (
    *(711_008, 711_009, 712_402, 763_949, 763_823),
    *(20_294_030, 20_312_880, 20_313_565, 20_349_012),
)
NOBODY_ASKS: frozenset[str] = frozenset()


def test_generated_years_cost_the_same_by_both() -> None:
    outcome = compare(SOME)
    assert outcome.differing == {}
    assert outcome.cases == len(SOME)
    assert outcome.bills["settled"] > 2_000


def test_years_that_once_cost_something_else_by_one_of_both() -> None:
    assert compare(ONCE_DIFFERENT).differing == {}


def test_whatever_differs_is_told() -> None:
    # A comparison that looks past an amount would agree with anything.
    ours, theirs = answer_of_both()
    assert differences(ours, theirs, named=NOBODY_ASKS) == []
    for wrong in altered(theirs):
        assert len(differences(ours, wrong, named=NOBODY_ASKS)) == 1, wrong


def answer_of_both() -> tuple[Answer, Answer]:
    for seed in SOME:
        made = case(seed)
        for ours, theirs in zip(engine.answers(made), oracle.answers(made), strict=True):
            if ours.lines and ours.memory and ours.refused_lines:
                return ours, theirs
    raise AssertionError("no generated bill has lines, memory and a refused line")


def altered(answer: Answer) -> list[Answer]:
    line = next(iter(answer.lines))
    window, remembered = next(iter(answer.memory.items()))
    name = next(iter(remembered))
    return [
        Answer(refused="FACT_MISSING"),
        *(
            changed(answer, amounts={**answer.amounts, amount: answer.amounts[amount] + 1})
            for amount in ("total", "eligible", "cash", "personal.rest", "fund.rest")
        ),
        *(
            changed(answer, lines={**answer.lines, line: {**answer.lines[line], told: -1}})
            for told in answer.lines[line]
        ),
        changed(answer, refused_lines=[]),
        changed(answer, purses=[each + 1 for each in answer.purses]),
        changed(
            answer,
            memory={**answer.memory, window: {**remembered, name: remembered[name] + 1}},
        ),
        changed(answer, memory={**answer.memory, "year:1999": {"D1.paid": 1}}),
    ]


def changed(answer: Answer, **parts: object) -> Answer:
    return Answer(**{**vars(answer), **parts})

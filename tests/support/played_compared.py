"""What the service and the model of histories made of the same operations, compared."""

import operator
from collections import Counter
from collections.abc import Callable, Iterable

from support.charges import assert_books_are_right
from support.history_model.columns import Column
from support.history_model.ledger import Posting
from support.history_model.operations import Operation
from support.history_model.outcomes import Answer
from support.history_model.world import World as Model
from support.played_histories import Played, Posted, counted_postings
from support.played_returns import Told, expected_of

from yibao_common.values.errors import RuleError


def modelled(column: Column) -> Counter[str]:
    return Counter({**column.by_account(), "account": column.purses.fen, "cash": column.cash_fen})


def model_postings(model: Model) -> Counter[Posted]:
    return counted(model.books.postings)


def counted(postings: Iterable[Posting]) -> Counter[Posted]:
    """Returns the model's postings as the service's are counted."""
    return counted_postings((posting.kind, posting.entries) for posting in postings)


def has_arrears(model: Model) -> bool:
    """Tells whether a payer can come to owe somebody for earlier bills."""
    return any(
        step.get("make_up") or "less" in step
        for terms in model.region.versions.values()
        for _, step in terms.history.steps
    )


def of_bills_together(postings: Counter[Posted]) -> Counter[Posted]:
    """Returns all that bills and returns posted as one posting.

    The service posts arrears with the bill that decided them, and takes them back with it; to
    the model they are adjustments of it.
    """
    merged: Counter[str] = Counter()
    found: Counter[Posted] = Counter()
    for (kind, entries), number in postings.items():
        if kind in ("SETTLEMENT", "REFUND", "REVERSAL", "ADJUSTMENT"):
            for account, fen in entries:
                merged[account] += fen * number
        else:
            found[kind, entries] = number
    together = tuple(sorted((account, fen) for account, fen in merged.items() if fen))
    return found + Counter({("BILLS", together): 1}) if together else found


def assert_alike(played: Played, model: Model) -> None:
    posted, modelled_ones = played.postings(), model_postings(model)
    if posted != modelled_ones and has_arrears(model):
        posted, modelled_ones = of_bills_together(posted), of_bills_together(modelled_ones)
    assert posted == modelled_ones, (posted - modelled_ones, modelled_ones - posted)
    for op_id, settlement in model.books.settlements.items():
        state = settlement.state.value
        if state in ("SETTLED", "HELD"):
            counter, effective = played.columns(op_id, is_held=state == "HELD")
            expected = +modelled(settlement.counter), +modelled(settlement.effective)
            assert (+counter, +effective) == expected, (op_id, counter, effective, *expected)
    assert_books_are_right(played.world)


def run_both(
    played: Played,
    model: Model,
    operation: Operation,
    *,
    are_alike: Callable[[str, str], bool] = operator.eq,
) -> int:
    """Runs an operation on both, which refuse, post and tell the same.

    Compared is what this operation posted; `assert_alike` compares everything. Returns how many
    bills it moved. `are_alike` compares reasons of refusals, which are empty where there was none.
    """
    outcome = model.run(operation)
    refused, moved, played.told = "", 0, Told()
    try:
        moved = played.run(operation)
    except RuleError as refusal:
        refused = (refusal.faults[0].reason if refusal.faults else refusal.reason).name
    assert are_alike(refused, outcome.refused), (operation, refused, outcome.refused, outcome.why)
    posted, modelled_ones = played.new_postings(), counted(outcome.postings)
    if posted != modelled_ones and has_arrears(model):
        posted, modelled_ones = of_bills_together(posted), of_bills_together(modelled_ones)
    assert posted == modelled_ones, (operation, posted - modelled_ones, modelled_ones - posted)
    answer = Answer() if outcome.refused else outcome.answer
    assert (moved, played.told) == (answer.later_adjusted, told_of(answer)), (operation, answer)
    return moved


def told_of(answer: Answer) -> Told:
    """Returns what the service is to tell beside how many later bills moved."""
    sums = answer.override
    if sums is None:
        return Told(answer.restated_cash_fen)
    back = expected_of(sums.back)
    assert back is not None
    return Told(override=(*sums[:3], *back))

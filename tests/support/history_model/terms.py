"""Deciding one bill on its terms, by the second evaluator."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from support.benefit_oracle.history import History
from support.benefit_oracle.memory import Memory
from support.benefit_oracle.refusals import Refused as RefusedByPolicy

from .bills import Bill
from .columns import NO_PURSES, NOTHING, Column, Payer, Purses
from .refusals import Refused

# More than any bill: what an account might pay is asked with purses that never end.
ENDLESS_FEN = 10**15
OWN, SHARED = "current_year", "family"


class Terms:
    """A version of a policy, by name."""

    def __init__(self, name: str, policy: Mapping[str, Any]) -> None:
        """Reads `policy`, which is its file as dicts."""
        self.name = name
        self.history = History(policy)
        self.fresh = self.history.memory
        self.payers = [_payer(kind, step) for kind, step in self.history.steps]
        self.accounts_last = _accounts_last(self.history)

    def no_windows(self) -> Memory:
        """Returns what windows remember before any bill."""
        return self.fresh.copy()


@dataclass(frozen=True)
class Decision:
    """What a bill costs on some windows.

    `column` has the person's part in cash; of it an account may pay `scope_fen`. `after` are
    the windows after the bill.
    """

    column: Column
    scope_fen: int
    after: Memory


def decide(terms: Terms, bill: Bill, windows: Memory) -> Decision:
    """Returns what `bill` costs after what `windows` remember; raises `Refused`."""
    return _decided(terms, bill, windows, Purses(ENDLESS_FEN, ENDLESS_FEN))[0]


def drawn(terms: Terms, bill: Bill, windows: Memory, available: Purses) -> Purses:
    """Returns what purses that hold `available` pay of a bill."""
    return _decided(terms, bill, windows, available)[1]


def _decided(terms: Terms, bill: Bill, windows: Memory, purses: Purses) -> tuple[Decision, Purses]:
    if bill.is_empty:
        return Decision(NOTHING, 0, windows.copy()), NO_PURSES
    history = terms.history
    history.memory = replace(
        windows.copy(),
        splits_years=terms.fresh.splits_years,
        goes_on=terms.fresh.goes_on,
        purses={OWN: purses.own_fen, "carried": 0, SHARED: purses.shared_fen},
    )
    written = bill.written()
    if not terms.accounts_last:
        written["use_account"] = False
    try:
        amounts = history.settle(written).amounts
    except RefusedByPolicy as refused:
        raise Refused(refused.reason) from refused
    left = history.memory.purses
    paid = Purses(purses.own_fen - left[OWN], purses.shared_fen - left[SHARED])
    history.memory.purses = {}
    column = Column(
        paid=_of_payers(terms, amounts, "paid"),
        cash_fen=amounts.get("personal", 0),
        arrears=_of_payers(terms, amounts, "arrears"),
    )
    assert column.fee_fen == amounts.get("total", 0)
    return Decision(column, amounts.get("account", 0), history.memory), paid


def _of_payers(terms: Terms, amounts: Mapping[str, int], what: str) -> dict[Payer, int]:
    found = {
        payer: amounts.get(f"{payer.step_id}.{what}", 0)
        for payer in terms.payers
        if payer is not None
    }
    return {payer: fen for payer, fen in found.items() if fen}


def _payer(kind: str, step: Mapping[str, Any]) -> Payer | None:
    """Returns who pays by a step, None where nobody does."""
    if kind == "given":
        return Payer(step["id"], "")
    if kind != "tiers":
        return None
    # The share that a hospital bears itself is left out: docs/internals/histories.md.
    assert step.get("payer") != "hospital"
    account = f"bearer:{step['payer']}" if "payer" in step else f"fund:{step['fund_type']}"
    return Payer(step["id"], account)


def _accounts_last(history: History) -> bool:
    """Tells whether nothing depends on what accounts pay; else accounts do not pay."""
    kinds = [kind for kind, _ in history.steps]
    first = kinds.index("account") if "account" in kinds else len(kinds)
    paid = {f"{step}.paid" for step in history.roles.accounts}
    counters = (history.policy.get("counters") or {}).values()
    return all(kind == "account" for kind in kinds[first:]) and not any(
        paid & {*counter["limits"], *counter.get("counts", [])} for counter in counters
    )

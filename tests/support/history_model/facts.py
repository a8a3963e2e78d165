"""What the checks go by: entries summed by the checks themselves, never a balance."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from support.benefit_oracle.memory import Memory

from .bills import Bill
from .books import Books
from .ledger import Posting
from .terms import Decision, Terms


class Violation(AssertionError):  # noqa: N818 - the name says what was found
    """A check that does not hold; `check` is its number, as H2."""

    def __init__(self, check: str, detail: object) -> None:
        super().__init__(check, detail)
        self.check = check


# Each sum is by (kind, subject) and then by account.
COUNTER, ADJUSTED, MOVED = "counter", "adjusted", "moved"


def kind_of(posting: Posting) -> str:
    """Returns which column a posting of a settlement belongs to."""
    return {"ADJUSTMENT": ADJUSTED, "MOVE": MOVED}.get(posting.kind, COUNTER)


@dataclass
class Sums:
    """The entries so far, by account, by settlement and by month."""

    accounts: Counter[str] = field(default_factory=Counter)
    by_subject: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    by_period: dict[tuple[str, int], Counter[str]] = field(default_factory=dict)
    by_kind: Counter[tuple[str, str]] = field(default_factory=Counter)
    given_back: dict[str, Counter[str]] = field(default_factory=dict)
    first_paid: dict[str, Mapping[str, int]] = field(default_factory=dict)

    def of(self, kind: str, subject: str) -> Counter[str]:
        """Returns the entries of a settlement in one column."""
        return self.by_subject.get((kind, subject), Counter())

    def add(self, posting: Posting) -> None:
        """Adds a posting."""
        key = kind_of(posting), posting.subject
        own = self.by_subject.setdefault(key, Counter())
        period = self.by_period.setdefault(posting.period, Counter())
        for account, fen in posting.entries.items():
            self.accounts[account] += fen
            self.by_kind[posting.kind, account] += fen
            own[account] += fen
            period[account] += fen
        if posting.kind == "SETTLEMENT":
            self.first_paid[posting.subject] = posting.entries
        elif posting.kind in ("REFUND", "REVERSAL"):
            back = self.given_back.setdefault(posting.subject, Counter())
            for account, fen in posting.entries.items():
                back[account] += fen


@dataclass(frozen=True)
class Folded:
    """The fold of what is stored of a person: id, bill and terms, by place."""

    stored: list[tuple[str, Bill, Terms]]
    decided: Mapping[str, Decision]
    windows: Memory


@dataclass(frozen=True)
class Seen:
    """The books after an operation, the sums of all their entries, and each person's fold."""

    books: Books
    sums: Sums
    folds: Mapping[str, Folded]

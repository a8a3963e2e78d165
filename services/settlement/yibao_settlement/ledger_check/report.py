"""What the ledger checker reports: what must hold, and what does not."""

import datetime as dt
from dataclasses import dataclass, field

CLOSED_ACCOUNTS = (
    "every closed account held and earned in its year what its entries and the approved rules come "
    "to, and its interest was booked once"
)
ACCOUNT_CLOSES = (
    "closed accounts of a year are all accounts, what they held and earned is what two operators "
    "had closed, as the audit tells"
)
MAPPED = "every line of an own code took what its institution had mapped that to on its day"
INVARIANTS = (
    "the entries of every posting sum to zero",
    "every posting belongs to a settlement, a reversal, an adjustment, a credit, a merge, "
    "a carry-over, a move of what is due, or an order that settles a difference",
    "every purse of a personal account equals the sum of its entries and is not negative",
    "every checkpoint equals the sum of its entries",
    "every settlement agrees with its lines, its visit and its policy, and its parts sum",
    "the entries of every settlement are those of its amounts, a reversal mirrors them, "
    "adjustments come to what it costs now",
    "what every person's year and windows keep is what their settlements used up",
    "every settlement used up one code or its token, every code was used for what is there",
    "every settlement comes out the same when it is calculated again",
    "every merge moves money to who took the account over, and leaves the other empty",
    "every posting tells what for; the audit tells of credits, agencies' reversals and refunds",
    "what lies between the funds and a person is what bills and carried-out orders come to, "
    "what is due to an account is what it paid too much and has not got back, and not negative",
    "every bill that stands costs what it does behind the person's bills before it",
    "every person's years and windows keep what bills used up, decided in their order",
    "payers have paid what the bills that stand cost, decided in their order",
    "differences and dues are what bills cost at the counter and cost now",
    "every bill that stands has a place of its own among the person's bills",
    "no counter is above its limit",
    "what is held is settled as it was quoted or not at all, and accounts have what it reserves",
    "every entry is of the month of its posting and refers back to that of what it changes, "
    "closed months keep what they were closed with",
    "terms that a bill got after it was settled name who decided so, and value what it charges",
    "every bill that an agency took back before later ones was so by two operators",
    "closing statements of years are what their bills came to and had posted by then, all of them "
    "with what was posted since are what the year's bills posted",
    "no request that was told as not booked settled, returned, reversed, posted or held anything",
    "every token stood for a code that its institution resolved, as the audit tells, and was used "
    "for what is there",
    "what each payer pays for a declared month is what was declared of it, by its acts, less what "
    "was deducted, offset and withheld; all of it is posted so, by two operators",
    "every act of an institution is in one declaration of its month and types, or in none",
    CLOSED_ACCOUNTS,
    ACCOUNT_CLOSES,
    MAPPED,
)
# Those that are proven of a person, whoever else there is; the others take everything.
OF_PERSONS = (
    *(INVARIANTS[number] for number in (2, 4, 5, 6, 8, *range(11, 19), 20, 22)),
    MAPPED,
)
# The number of an invariant, whom or what it does not hold for, and how.
Fault = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that is not as it must be."""

    region: str
    invariant: str
    subject: str
    detail: str


@dataclass(slots=True)
class LedgerReport:
    """What was examined, and every drift found.

    `unexamined` are bills that stand and could not be decided again in their order.
    `overpaid_fen` is what payers have paid more than by that order, by account; less than
    nothing where they have paid less. `invariants` are those that were examined.
    `held_until` tells by hold when what stands held runs out.
    """

    invariants: tuple[str, ...] = INVARIANTS
    settlements: int = 0
    unexamined: int = 0
    held_until: dict[str, dt.datetime] = field(default_factory=dict)
    overpaid_fen: dict[str, int] = field(default_factory=dict)
    postings_unbalanced: int = 0
    accounts: int = 0
    persons: int = 0
    drifts: list[Drift] = field(default_factory=list)

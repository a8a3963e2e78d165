"""What a bill is decided on: by which policy, which facts, which lines at which value.

A settlement keeps the terms that its counter showed. Where what it was decided on changed
backwards and it was repriced, it has other ones for what it costs by now.
"""

import datetime as dt
from typing import NamedTuple

from yibao_settlement.rules.benefit.bill import Given
from yibao_settlement.rules.benefit.facts import Facts as BenefitFacts
from yibao_settlement.rules.benefit.steps import Bearer
from yibao_settlement.rules.bill import LineParticulars
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.elsewhere.terms import Elsewhere
from yibao_settlement.rules.policy.split import Facts, SplitLine


class OtherPayment(NamedTuple):
    """What a step makes somebody else than a fund or the person pay, on which base.

    `payer` is the value of a `Bearer`, or the type of a fund that had paid already.
    """

    step_id: str
    payer: str
    base_fen: int
    amount_fen: int

    @property
    def is_bearer(self) -> bool:
        """Whether the payer is told to pay by the policy, and has not paid already."""
        return self.payer in _BEARERS


class BenefitTerms(NamedTuple):
    """What a bill was decided on by `yibao-policy/2` beyond what every record has.

    The stay is told by the visit that began it, with its first day; `given` is what other
    payers had paid; `item_groups` are those of the lines, empty where no line has one.
    `other_payments` are what steps made others pay, `arrears` by step what a fund or bearer
    owes for earlier bills, in fen and without zeros.
    """

    facts: BenefitFacts
    stay_id: str
    admission_date: dt.date
    given: tuple[Given, ...]
    item_groups: tuple[str, ...] = ()
    other_payments: tuple[OtherPayment, ...] = ()
    arrears: tuple[tuple[str, int], ...] = ()
    # Where care elsewhere was taken, and by which registration; None of care at home.
    elsewhere: Elsewhere | None = None

    @property
    def other_total_fen(self) -> int:
        """What others than funds and the person bear."""
        return sum(each.amount_fen for each in self.other_payments)

    @property
    def arrears_fen(self) -> int:
        """What is owed to the person for earlier bills."""
        return sum(fen for _, fen in self.arrears)


class EffectiveTerms(NamedTuple):
    """What a settled bill is decided on by now, where that is not what its counter showed.

    `lines` are those that are left of the bill, not divided, with their `particulars` as in
    `SettlementRecord`; `benefit` is None where a policy of the first format decides.
    """

    policy_version: str
    facts: Facts
    benefit: BenefitTerms | None
    lines: tuple[SplitLine, ...]
    particulars: tuple[LineParticulars | None, ...]


class TermsSet(NamedTuple):
    """That a settlement got other terms: the how-manieth ones, when and why.

    `number` is 1 for the first ones that are not the counter's. `cause_id` is the repricing, or
    the refund which left less of the bill that had been repriced.
    """

    settlement_id: str
    number: int
    set_time: dt.datetime
    cause: Cause
    cause_id: str
    terms: EffectiveTerms


_BEARERS = frozenset(bearer.value for bearer in Bearer)

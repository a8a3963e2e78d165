"""Repricing: settled bills get the terms that their days have by now (T-28).

Where a policy, the catalogue or an enrolment changed backwards, nothing moves by itself. One
operator names the bills; they are decided again for trial, whole stays of a person together;
another operator reads what that moves and confirms it. The counter's column never moves.
"""

import datetime as dt
import enum
from typing import NamedTuple

from yibao_common.values.caller import are_two_operators, is_same_operator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

# Settlements that a repricing can name one by one.
MOST_NAMED = 500


class RepricedTerm(enum.IntEnum):
    """What of a bill's terms is asked for anew; stored."""

    # The policy in force on the service date.
    POLICY = 1
    # Class, share, ceiling and group of each item on its day.
    CATALOGUE = 2
    # The person's cover of each day, and the facts of person and visit.
    ENROLMENT = 3


class Liability(enum.IntEnum):
    """Whether a third party is liable for the bills (P8); stored."""

    AS_BEFORE = 0
    THIRD_PARTY = 1
    NOBODY_ELSE = 2


class RepricingState(enum.IntEnum):
    """What was decided of a repricing; stored. How far it came its persons tell."""

    PROPOSED = 1
    CONFIRMED = 2
    WITHDRAWN = 3


class PersonState(enum.IntEnum):
    """How far a repricing came with a person; stored."""

    WAITING = 1
    SIMULATED = 2
    # Its bills are on these terms already.
    UNCHANGED = 3
    # Its bills cannot be decided so: the reason is kept.
    REFUSED = 4
    CARRIED_OUT = 5
    # By the time it was confirmed it would have moved something else than was simulated.
    CHANGED = 6


class RepricedPeriod(NamedTuple):
    """Bills of an insurance type, with service dates from the first to the last."""

    insurance_type: str
    start_date: dt.date
    end_date: dt.date


class Scope(NamedTuple):
    """Which bills are repriced, with all others of their stays: those named, or of a period."""

    settlement_ids: tuple[str, ...] = ()
    period: RepricedPeriod | None = None

    def holds(self, settlement_id: str, insurance_type: str, service_date: dt.date) -> bool:
        """Tells whether a bill is one of them."""
        period = self.period
        if period is None:
            return settlement_id in self.settlement_ids
        is_of_type = insurance_type == period.insurance_type
        return is_of_type and period.start_date <= service_date <= period.end_date


class Repricing(NamedTuple):
    """That bills are to get the terms of their days by now: which, of what, why and by whom.

    `terms` are sorted. `request_id` is that of the confirmation, None until then.
    """

    region: str
    repricing_id: str
    scope: Scope
    terms: tuple[RepricedTerm, ...]
    liability: Liability
    reason: str
    maker: str
    propose_time: dt.datetime
    state: RepricingState = RepricingState.PROPOSED
    checker: str | None = None
    close_time: dt.datetime | None = None
    request_id: str | None = None


class Sums(NamedTuple):
    """What a repricing moves: bills, and in fen what funds pay more, and what is owed more to
    persons and to their accounts.
    """

    bill_count: int = 0
    fund_change_fen: int = 0
    difference_fen: int = 0
    due_fen: int = 0


class RepricedPerson(NamedTuple):
    """How far a repricing came with a person.

    `reason` is the name of a `Reason` why its bills are not repriced, empty where they are.
    """

    repricing_id: str
    person_id: str
    state: PersonState = PersonState.WAITING
    sums: Sums = Sums()
    reason: str = ""


class Progress(NamedTuple):
    """How many persons of a repricing are in each state, and what it moves.

    `sums` are of those who were simulated or carried out.
    """

    persons: dict[PersonState, int]
    sums: Sums

    def count(self, *states: PersonState) -> int:
        """Returns how many persons are in one of some states."""
        return sum(self.persons.get(state, 0) for state in states)

    @property
    def is_simulated(self) -> bool:
        """Whether no person waits to be simulated."""
        return not self.count(PersonState.WAITING)

    @property
    def is_done(self) -> bool:
        """Whether nobody waits to be carried out, if it is confirmed."""
        return not self.count(PersonState.WAITING, PersonState.SIMULATED)


def check_confirmable(
    repricing: Repricing,
    progress: Progress,
    *,
    checker: str,
    fund_change_fen: int,
    difference_fen: int,
) -> None:
    """Raises REPRICING_STATE where there is nothing to confirm, or other sums than were read.

    SAME_MAKER_AND_CHECKER comes before the sums.
    """
    _check_open(repricing)
    if is_same_operator(checker, repricing.maker):
        raise RuleError(Reason.SAME_MAKER_AND_CHECKER, "who proposed a repricing cannot confirm it")
    if not progress.is_simulated:
        raise repricing_state(repricing, "the repricing is still being simulated")
    read = (fund_change_fen, difference_fen)
    if read != (progress.sums.fund_change_fen, progress.sums.difference_fen):
        raise repricing_state(repricing, "the repricing comes to other amounts than were read")


def confirm(repricing: Repricing, *, checker: str, request_id: str, now: dt.datetime) -> Repricing:
    """Returns the repricing confirmed; `check_confirmable` comes first."""
    return repricing._replace(
        state=RepricingState.CONFIRMED, checker=checker, request_id=request_id, close_time=now
    )


def withdraw(repricing: Repricing, *, withdrawer: str, now: dt.datetime) -> Repricing:
    """Returns the repricing withdrawn; raises REPRICING_STATE where it is confirmed or was so."""
    _check_open(repricing)
    return repricing._replace(state=RepricingState.WITHDRAWN, checker=withdrawer, close_time=now)


def is_by_two(repricing: Repricing) -> bool:
    """Tells whether one operator proposed it and another one confirmed it."""
    is_confirmed = repricing.state is RepricingState.CONFIRMED
    return is_confirmed and are_two_operators(repricing.maker, repricing.checker)


def _check_open(repricing: Repricing) -> None:
    if repricing.state is not RepricingState.PROPOSED:
        raise repricing_state(repricing, "the repricing is confirmed or withdrawn")


def repricing_state(repricing: Repricing, message: str) -> RuleError:
    """Returns the refusal of a repricing that is not, or no more, what was read of it."""
    return RuleError(Reason.REPRICING_STATE, message, state=repricing.state.name)


def repricing_not_found(repricing_id: str) -> RuleError:
    """Returns the refusal for a repricing that there is not."""
    return RuleError(
        Reason.REPRICING_NOT_FOUND, f"no repricing {repricing_id}", repricing_id=repricing_id
    )


def nothing_to_reprice() -> RuleError:
    """Returns the refusal where no bill that stands is named."""
    return RuleError(Reason.NOTHING_TO_REPRICE, "no settlement that stands is of these days")

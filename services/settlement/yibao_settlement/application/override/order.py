"""Taking a bill back before later ones: one operator proposes, another one confirms.

Both run in the batches, under the lock of the person, so that what would move is what moves. A
confirmation carries out the very act that was proposed, as its own command does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.override.outcome import Done, Outcome, outcome_of
from yibao_settlement.application.reading import Reads
from yibao_settlement.rules.override import (
    Override,
    OverrideSums,
    carry_out,
    check_checker,
    check_sums,
    nothing_to_override,
    override_not_found,
    withdraw,
)

CONFIRM_METHOD = "ConfirmOverride"
WITHDRAW_METHOD = "WithdrawOverride"
DoneT = TypeVar("DoneT", bound=Done)


class Act(Protocol[DoneT]):
    """What takes a bill back: a command that reverses, returns lines or corrects.

    Nothing binds it to the newest first.
    """

    @property
    def request(self) -> Request:
        """Who asks, under which id."""
        ...

    @property
    def encode(self) -> Callable[[DoneT], bytes]:
        """What writes the answer of the command."""
        ...

    def needs(self) -> Needs:
        """Returns what must be read before the act can be decided."""
        ...

    def tried(self, working_set: WorkingSet, ids: Ids) -> DoneT:
        """Returns what it would do, and books nothing; raises RuleError as its trial."""
        ...

    def carry_out(self, done: DoneT, working_set: WorkingSet, ids: Ids) -> None:
        """Books what was tried over the same working set; refuses nothing."""
        ...


class Proposal(NamedTuple):
    """An override that is proposed, without what is told of it, and what it comes to."""

    override: Override
    outcome: Outcome


def find_override(reads: Reads, region: str, override_id: str) -> Override:
    """Returns an override; raises RuleError OVERRIDE_NOT_FOUND."""
    override = reads.override(region, override_id)
    if override is None:
        raise override_not_found(override_id)
    return override


@dataclass(frozen=True, slots=True)
class ProposeOverride(Generic[DoneT]):
    """Proposes an act that later bills keep an agency from, and tells what it would move."""

    act: Act[DoneT]
    settlement_id: str
    reason: str
    # Writes what is told of the proposal, and of that the answer.
    tell: Callable[[Proposal], bytes]
    encode: Callable[[Override], bytes]
    # Whether the region has bills taken back from the newest on.
    newest_first: bool

    @property
    def request(self) -> Request:
        """Who proposes, under which id."""
        return self.act.request

    def needs(self) -> Needs:
        """Returns those of the act."""
        return self.act.needs()

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Proposes; see `Command`.

        Raises RuleError NOTHING_TO_OVERRIDE, and as a trial of the act.
        """
        done = self.act.tried(working_set, ids)
        outcome = _outcome(done, self.settlement_id, working_set)
        if not self.newest_first or not outcome.later:
            raise nothing_to_override(self.settlement_id)
        request = self.request
        override = Override(
            working_set.region,
            ids(),
            self.settlement_id,
            outcome.kind,
            outcome.sums,
            b"",
            self.reason,
            request.caller.path,
            working_set.now,
        )
        override = override._replace(told=self.tell(Proposal(override, outcome)))
        response = self.encode(override)
        working_set.overrides.propose(override)
        person_id = outcome.record.person_id
        _put_on_record(request, override, working_set, person_id=person_id)
        return response


@dataclass(frozen=True, slots=True)
class ConfirmOverride(Generic[DoneT]):
    """Confirms an override and carries its act out; the sums are what the checker read."""

    act: Act[DoneT]
    override_id: str
    settlement_id: str
    read: OverrideSums
    # Writes the answer, of the override and of the answer of the act's own command.
    encode: Callable[[Override, bytes], bytes]

    @property
    def request(self) -> Request:
        """Who confirms, under which id."""
        return self.act.request

    def needs(self) -> Needs:
        """Returns the override, and those of the act."""
        return self.act.needs()._replace(override_ids=(self.override_id,))

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Confirms; see `Command`.

        Raises RuleError OVERRIDE_NOT_FOUND, OVERRIDE_STATE, SAME_MAKER_AND_CHECKER, and as a
        trial of the act.
        """
        request = self.request
        proposed = working_set.overrides.known.get(self.override_id)
        if proposed is None:
            raise override_not_found(self.override_id)
        check_checker(proposed, checker=request.caller.path)
        done = self.act.tried(working_set, ids)
        outcome = _outcome(done, self.settlement_id, working_set)
        check_sums(proposed, now=outcome.sums, read=self.read)
        override = carry_out(
            proposed,
            checker=request.caller.path,
            now=working_set.now,
            taken_back_id=outcome.taken_back_id,
        )
        response = self.encode(override, self.act.encode(done))
        # Nothing below refuses: from here on the working set changes.
        self.act.carry_out(done, working_set, ids)
        working_set.overrides.change(override)
        person_id = outcome.record.person_id
        _put_on_record(
            request,
            override,
            working_set,
            person_id=person_id,
            maker=override.maker,
            taken_back=outcome.taken_back_id,
        )
        return response


@dataclass(frozen=True, slots=True)
class WithdrawOverride:
    """Withdraws an override; nothing is done."""

    request: Request
    # As it was proposed, which never changes; its state may have.
    proposed: Override
    # Writes a WithdrawOverrideResponse.
    encode: Callable[[Override], bytes]

    def needs(self) -> Needs:
        """Returns the override, and its bill, under whose person's lock it is confirmed."""
        proposed = self.proposed
        ids = (proposed.settlement_id,)
        return Needs(settlement_ids=ids, override_ids=(proposed.override_id,))

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Withdraws; see `Command`. Raises RuleError OVERRIDE_NOT_FOUND, OVERRIDE_STATE."""
        request = self.request
        proposed = working_set.overrides.known.get(self.proposed.override_id)
        if proposed is None:
            raise override_not_found(self.proposed.override_id)
        override = withdraw(proposed, withdrawer=request.caller.path, now=working_set.now)
        response = self.encode(override)
        working_set.overrides.change(override)
        person_id = working_set.settlements[override.settlement_id].person_id
        _put_on_record(request, override, working_set, person_id=person_id, maker=override.maker)
        return response


def _outcome(done: Done, settlement_id: str, working_set: WorkingSet) -> Outcome:
    record = working_set.settlements[settlement_id]
    return outcome_of(done, working_set.later_bills(record))


def _put_on_record(
    request: Request, override: Override, working_set: WorkingSet, *, person_id: str, **detail: str
) -> None:
    sums = override.sums
    told = {
        "override": override.override_id,
        "kind": override.kind.name,
        "later_bills": str(sums.adjusted_count + sums.held_count),
        "adjusted_fund_change_fen": str(sums.adjusted_fund_change_fen),
        "reason": override.reason,
    }
    working_set.audit.add(
        entry_of(
            request,
            at=working_set.now,
            subject_ids=(person_id, override.settlement_id, override.override_id),
            detail={**told, **detail},
        )
    )

"""Merges of duplicates: proposed, decided and carried out, each once by request id."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_identity.application.card.ending import close_cards_of
from yibao_identity.application.certificate import close_certificates_of
from yibao_identity.application.death import end_life
from yibao_identity.application.disease import carry_diseases
from yibao_identity.application.holder import live_person, lock_persons
from yibao_identity.application.misuse import check_none_suspended
from yibao_identity.application.person.rows import standing_enrolments
from yibao_identity.application.relative import end_links_of
from yibao_identity.rules.enrolment import inherited, since
from yibao_identity.rules.merge import (
    Merge,
    MergeState,
    check_differ,
    check_one_human,
    decide,
    merge_not_found,
    merge_state,
)
from yibao_identity.rules.person import Person

if TYPE_CHECKING:
    from yibao_identity.application.work import Work

EncodeMerge = Callable[[Merge], bytes]


class MergeRows(Protocol):
    """Proposals to merge in a region, as one transaction finds, locks and writes them."""

    def find(self, merge_id: str) -> Merge | None:
        """Returns a merge, or None."""
        ...

    def lock(self, merge_id: str) -> Merge | None:
        """Locks a merge until the transaction ends and returns it, or None."""
        ...

    def waiting(self, person_ids: Collection[str]) -> Merge | None:
        """Returns the first proposal that waits and that one of the persons is in, or None."""
        ...

    def insert(self, merge: Merge) -> None:
        """Stores a new proposal."""
        ...

    def decide(self, merge: Merge) -> None:
        """Stores what was decided of a merge that was locked."""
        ...

    def page(
        self, *, state: MergeState | None, before: Merge | None, limit: int
    ) -> Sequence[Merge]:
        """Returns at most `limit` merges, the newest first, those older than `before`."""
        ...


class CloseOfPerson(Protocol):
    """Closes the credentials of one kind of a person whose row is locked."""

    def __call__(self, work: "Work", person_id: str, *, at: dt.datetime, caller: str) -> object:
        """Closes what stands; leaves feed and audit to the merge."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class ProposeMerge:
    """Proposes that two records are one person (maker)."""

    request: Request
    retired_person_id: str
    surviving_person_id: str
    explanation: str


@dataclasses.dataclass(frozen=True, slots=True)
class DecideMerge:
    """Approves or rejects a proposal (checker)."""

    request: Request
    merge_id: str
    is_approved: bool
    note: str


class Merges:
    """Proposals to merge duplicates. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        clock: Clock,
        ids: Ids,
        closers: Sequence[CloseOfPerson] = (close_cards_of, close_certificates_of),
    ) -> None:
        """Takes what closes the cards and the e-certificates of a duplicate, in this order."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids
        self._closers = tuple(closers)

    def propose(self, command: ProposeMerge, encode: EncodeMerge) -> bytes:
        """Stores a proposal once by request id and returns the answer's bytes.

        Raises:
            RuleError: FIELD_OUT_OF_RANGE, both are one record; PERSON_NOT_FOUND;
                PERSON_MERGED; what `rules.merge.check_one_human` refuses; MERGE_STATE, one
                of them is in a merge that waits; REQUEST_ID_REUSED. In this order, but the
                last one first.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._propose(work, command))
        )

    def decide(self, command: DecideMerge, encode: EncodeMerge) -> bytes:
        """Decides a proposal once by request id and returns the answer's bytes.

        Raises:
            RuleError: MERGE_NOT_FOUND, MERGE_STATE, SAME_MAKER_AND_CHECKER; where it is
                approved PERSON_MERGED, what `rules.merge.check_one_human` refuses,
                ECERT_SUSPENDED, CARD_SUSPENDED; REQUEST_ID_REUSED. In this order, but the
                last one first.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._decide(work, command))
        )

    def find(self, region: str, merge_id: str) -> Merge:
        """Returns a merge. Raises RuleError MERGE_NOT_FOUND."""
        with self._transactions.read(region) as work:
            return _found(work.merges.find(merge_id), merge_id)

    def page(
        self, region: str, *, state: MergeState | None, before_merge_id: str, limit: int
    ) -> Sequence[Merge]:
        """Returns at most `limit` merges, the newest first, after the page before.

        Raises:
            RuleError: MERGE_NOT_FOUND, the last one of the page before.
        """
        with self._transactions.read(region) as work:
            before = None
            if before_merge_id:
                before = _found(work.merges.find(before_merge_id), before_merge_id)
            return work.merges.page(state=state, before=before, limit=limit)

    def _propose(self, work: "Work", command: ProposeMerge) -> Merge:
        request = command.request
        retired, surviving = command.retired_person_id, command.surviving_person_id
        check_differ(retired_person_id=retired, surviving_person_id=surviving)
        locked = lock_persons(work.holders, [retired, surviving])
        live_person(locked[retired])
        live_person(locked[surviving])
        _check_one_human(work, retired, surviving, field="surviving_person_id")
        waiting = work.merges.waiting([retired, surviving])
        if waiting is not None:
            raise merge_state(waiting)
        merge = Merge(
            request.region,
            self._ids(),
            retired,
            surviving,
            command.explanation,
            MergeState.PROPOSED,
            request.caller.path,
            self._clock(),
        )
        work.merges.insert(merge)
        detail = {"merge_id": merge.merge_id, "explanation": command.explanation}
        subjects = (retired, surviving)
        entry = entry_of(request, at=self._clock(), subject_ids=subjects, detail=detail)
        work.audit.add(entry)
        return merge

    def _decide(self, work: "Work", command: DecideMerge) -> Merge:
        request, now = command.request, self._clock()
        # Whom it is about never changes, and persons are locked before merges.
        known = _found(work.merges.find(command.merge_id), command.merge_id)
        retired, surviving = known.retired_person_id, known.surviving_person_id
        locked = lock_persons(work.holders, [retired, surviving])
        held = work.merges.lock(command.merge_id)
        assert held is not None, "a merge is never deleted"
        merge = decide(
            held,
            is_approved=command.is_approved,
            checker=request.caller.path,
            note=command.note,
            now=now,
        )
        if merge.state is MergeState.APPROVED:
            live_person(locked[retired])
            live_person(locked[surviving])
            # Again, for birth dates and deaths since then.
            _check_one_human(work, retired, surviving, field="merge_id")
            check_none_suspended(work, retired)
        work.merges.decide(merge)
        if merge.state is MergeState.APPROVED:
            self._carry_out(work, merge, now)
        detail = {
            "merge_id": merge.merge_id,
            "state": merge.state.name,
            "maker": merge.maker,
            "checker": merge.checker,
        }
        subjects = (retired, surviving)
        entry = entry_of(request, at=self._clock(), subject_ids=subjects, detail=detail)
        work.audit.add(entry)
        return merge

    def _carry_out(self, work: "Work", merge: Merge, now: dt.datetime) -> None:
        """Ends the duplicate, and gives the other record the cover that it lacks."""
        retired, surviving = merge.retired_person_id, merge.surviving_person_id
        caller = merge.checker
        work.persons.retire(retired, merged_into=surviving)
        _join_documents(work, retired, surviving)
        for close in self._closers:
            close(work, retired, at=now, caller=caller)
        # Every command about a link locks both of its persons, so holding the duplicate's
        # row is enough to end all that it takes part in.
        beneficiaries = end_links_of(work, retired, at=now, caller=caller)
        standing = standing_enrolments(work, [retired, surviving])
        replaced = [each.enrolment_id for each in standing[retired]]
        work.enrolments.replace(replaced, at=now)
        beneficiaries |= _carry_death(work, merge, now, self._ids)
        explanation = f"merge {merge.merge_id}"
        born = _locked(work, surviving).birth_date
        for period in since(inherited(standing[surviving], standing[retired]), born):
            recorded = dataclasses.replace(
                period, enrolment_id=self._ids(), record_time=now, recorded_by=caller
            )
            work.enrolments.insert(surviving, recorded, explanation=explanation)
        carry_diseases(work, retired, surviving, at=now, caller=caller, ids=self._ids)
        work.feed.tell({retired, surviving} | beneficiaries, at=now, caller=caller)


def _check_one_human(work: "Work", retired: str, surviving: str, *, field: str) -> None:
    """Refuses records, which are locked, that no one human can have."""
    former, person = _locked(work, retired), _locked(work, surviving)
    parents = {each.parent_id for each in (former, person) if each.parent_id is not None}
    parent_ids = {work.holders.survivor_of(each) for each in parents}
    records = {*work.holders.records_of(retired), *work.holders.records_of(surviving)}
    check_one_human(
        former,
        person,
        parent_ids=parent_ids,
        child_birth_date=work.persons.first_child_birth_date(records),
        field=field,
    )


def _locked(work: "Work", person_id: str) -> Person:
    found = work.persons.find(person_id)
    assert found is not None, "it is locked"
    return found


def _carry_death(work: "Work", merge: Merge, now: dt.datetime, ids: Ids) -> set[str]:
    """Lets the record that stays bear the death that the duplicate bears (I-31).

    Returns whom else settlement has to be told of.
    """
    retired, surviving = merge.retired_person_id, merge.surviving_person_id
    death = work.deaths.standing(retired)
    if death is None or work.deaths.standing(surviving) is not None:
        return set()
    work.deaths.insert(dataclasses.replace(death, death_id=ids(), person_id=surviving))
    return end_life(work, surviving, at=now, caller=merge.checker)


def _join_documents(work: "Work", retired: str, surviving: str) -> None:
    """Lets the record that stays be found by a number that both records bear (I-28)."""
    former, person = _locked(work, retired), _locked(work, surviving)
    if former.key == person.key:
        work.persons.give_up_document(retired)
        work.persons.take_document(person)


def _found(merge: Merge | None, merge_id: str) -> Merge:
    if merge is None:
        raise merge_not_found(merge_id)
    return merge

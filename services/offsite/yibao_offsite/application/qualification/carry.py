"""What identity is to be told of qualifications, taken up until it is told."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_offsite.application.qualification.apply import note_event
from yibao_offsite.application.qualification.rows import Errand
from yibao_offsite.rules.qualification.carrying import MOST_WAIT, STUCK_AFTER, wait_after
from yibao_offsite.rules.qualification.qualification import CarryState, EventKind, Qualification

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

# Of duplicates of duplicates: identity keeps such a chain short, and a ring is none of its.
_MOST_MERGES = 10


@dataclasses.dataclass(frozen=True, slots=True)
class CarryTask:
    """A qualification that identity is to be told of, and who it is told it of.

    `person_id` is the person of the qualification, or whose duplicate that one turned out
    to be; `others` are the other qualifications of the same person.
    """

    qualification: Qualification
    errand: Errand
    person_id: str
    others: tuple[Qualification, ...]


class QualificationErrands:
    """Finds what identity is to be told, and notes what came of it. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def due(self, region: str, *, limit: int) -> Sequence[CarryTask]:
        """Returns at most `limit` tasks that are to be tried now, the longest due first."""
        with self._transactions.read(region) as work:
            errands = work.errands.due_errands(self._clock(), most_wait=MOST_WAIT, limit=limit)
            return [_task(work, each) for each in errands]

    def meet(self, region: str, epoch: str) -> int:
        """Takes the epoch of the identity that is told; returns how many are told again.

        Another epoch than before is of an identity that was restored from a backup: it may
        have lost what it was told. So may offsite, once that was noted of it.
        """
        with self._transactions.read(region) as work:
            if work.errands.identity_epoch() == epoch:
                return 0

        def change(work: "Work") -> int:
            known = work.errands.identity_epoch()
            if known == epoch:
                return 0
            work.errands.put_identity_epoch(epoch)
            return work.errands.compare_all(self._ids(), self._clock()) if known else 0

        return self._transactions.change(region, change)

    def carried(self, task: CarryTask, disease_registration_id: str) -> None:
        """Notes that identity has a qualification as it stood when it was asked."""
        self._note(task, EventKind.CARRIED, CarryState.CARRIED, "", disease_registration_id)

    def refused(self, task: CarryTask, problem: str) -> None:
        """Notes why identity does not take a qualification: a clerk is to look."""
        known_id = task.qualification.disease_registration_id
        self._note(task, EventKind.REFUSED, CarryState.REFUSED, problem, known_id)

    def failed(self, task: CarryTask) -> None:
        """Has a task tried again after a while."""

        def change(work: "Work") -> None:
            # Locked, so that nobody gives another errand meanwhile.
            work.qualifications.lock(task.qualification.qualification_id)
            errand = _still(work, task)
            if errand is not None:
                attempts = errand.attempts + 1
                at = self._clock() + wait_after(attempts)
                again = dataclasses.replace(errand, attempts=attempts, next_try_time=at)
                work.errands.put_errand(again)

        self._transactions.change(task.qualification.region, change)

    def stuck(self, region: str) -> int:
        """Counts what waits for too long, and what identity refused."""
        since = self._clock() - STUCK_AFTER
        with self._transactions.read(region) as work:
            waiting = work.errands.count_errands(waiting_since=since)
            return waiting + work.qualifications.count_refused()

    def _note(
        self,
        task: CarryTask,
        kind: EventKind,
        carry_state: CarryState,
        problem: str,
        disease_registration_id: str,
    ) -> None:
        def change(work: "Work") -> None:
            stored = work.qualifications.lock(task.qualification.qualification_id)
            assert stored is not None
            told = dataclasses.replace(stored, disease_registration_id=disease_registration_id)
            errand = _still(work, task)
            if errand is not None:
                told = dataclasses.replace(told, carry_state=carry_state, carry_problem=problem)
                work.errands.remove_errand(errand)
                note_event(work, told, kind, at=self._clock(), actor="", explanation=problem)
            # Else who ended it meanwhile has it told once more, by what identity calls it now.
            work.qualifications.update(told)

        self._transactions.change(task.qualification.region, change)


def _task(work: "Work", errand: Errand) -> CarryTask:
    found = work.qualifications.find(errand.qualification_id)
    assert found is not None
    others = tuple(
        each
        for each in work.qualifications.of_persons(work.persons.records_of(found.person_id))
        if each.qualification_id != found.qualification_id
    )
    return CarryTask(found, errand, _surviving(work, found.person_id), others)


def _surviving(work: "Work", person_id: str) -> str:
    """Returns the person that a duplicate was merged into, or the person."""
    for _ in range(_MOST_MERGES):
        person = work.persons.find(person_id)
        if person is None or person.merged_into is None:
            break
        person_id = person.merged_into
    return person_id


def _still(work: "Work", task: CarryTask) -> Errand | None:
    """Returns the errand of a task where it is still the same one."""
    errand = work.errands.errand(task.errand.qualification_id)
    return errand if errand is not None and errand.errand_id == task.errand.errand_id else None

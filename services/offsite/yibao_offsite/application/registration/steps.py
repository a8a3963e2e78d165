"""Steps in the life of a registration that is there, each once by request id."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import add_months
from yibao_common.values.clock import Clock
from yibao_offsite.application.registration.deciding import (
    Moment,
    known_papers,
)
from yibao_offsite.application.registration.keeping import bind_papers, keep, record
from yibao_offsite.application.registration.merged import lock_persons_of, of_one_statement
from yibao_offsite.application.registration.orders import (
    Encode,
    locked,
    moment_of,
    rules_in_force,
)
from yibao_offsite.rules.material.material import Owner
from yibao_offsite.rules.region_rules import BasisRules, RegionRules, check_another
from yibao_offsite.rules.registration import change
from yibao_offsite.rules.registration.decide import Applicant, is_looked_at_after
from yibao_offsite.rules.registration.papers import (
    check_papers,
    check_still_usable,
    handed_in_again,
    with_materials,
)
from yibao_offsite.rules.registration.persons import (
    check_person,
    check_self_service,
    until_enrolled,
)
from yibao_offsite.rules.registration.places import check_places
from yibao_offsite.rules.registration.registration import Material, Registration
from yibao_offsite.rules.registration.states import Event, State, step

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


# Raises PRE_EVALUATION_REQUIRED where no approved evaluation finds a referral necessary (O-06).
RequireEvaluated: TypeAlias = Callable[["Work", str], None]


@dataclass(frozen=True, slots=True)
class Act:
    """What is done to which registration, by whom; `remark` is what is said of it."""

    request: Request
    applicant: Applicant
    registration_id: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a step is decided by: the unit of work, the act, the rules in force, the time."""

    work: "Work"
    act: Act
    rules: RegionRules
    moment: Moment
    require_evaluated: RequireEvaluated


# Returns the registration after a step, from what it was before.
Decide: TypeAlias = Callable[[Turn, Registration], Registration]


class Steps:
    """Takes registrations through their lives. Blocks.

    Each method raises REQUEST_ID_REUSED, REGISTRATION_NOT_FOUND and REGISTRATION_STATE, in this
    order, and then what it names.
    """

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        national: RegionRules,
        require_evaluated: RequireEvaluated,
        clock: Clock,
    ) -> None:
        """Takes what begins transactions, and the rules of regions that approved none."""
        self._transactions = transactions
        self._national = national
        self._require_evaluated = require_evaluated
        self._clock = clock

    def approve(self, act: Act, encode: Encode) -> bytes:
        """Grants what was submitted, by a second operator.

        Raises:
            RuleError: SAME_MAKER_AND_CHECKER, MATERIAL_MISSING, what `check_person` and
                `check_places` refuse, PRE_EVALUATION_REQUIRED.
        """
        return self._take(act, Event.APPROVED, _approved, encode)

    def reject(self, act: Act, encode: Encode) -> bytes:
        """Refuses what is not decided."""

        def decide(turn: Turn, registration: Registration) -> Registration:
            return change.reject(registration, by=turn.act.applicant.path)

        return self._take(act, Event.REJECTED, decide, encode)

    def give_back(self, act: Act, faults: tuple[tuple[str, str], ...], encode: Encode) -> bytes:
        """Gives back what was submitted, with what is wrong of its papers by kind."""

        def decide(turn: Turn, registration: Registration) -> Registration:
            return change.give_back(registration, faults)

        return self._take(act, Event.RETURNED, decide, encode)

    def hand_in_again(self, act: Act, materials: tuple[Material, ...], encode: Encode) -> bytes:
        """Hands in again what was returned, with papers that are new.

        Raises:
            RuleError: MATERIAL_MISSING.
        """

        def decide(turn: Turn, registration: Registration) -> Registration:
            papers = handed_in_again(registration.application.materials, materials)
            again = change.hand_in_again(
                registration,
                papers,
                turn.rules,
                by=turn.act.applicant.path,
                today=turn.moment.today,
            )
            _check_papers(turn, again)
            return again

        return self._take(act, Event.RESUBMITTED, decide, encode)

    def withdraw(self, act: Act, encode: Encode) -> bytes:
        """Takes back what is not decided."""

        def decide(turn: Turn, registration: Registration) -> Registration:
            return change.withdraw(registration)

        return self._take(act, Event.WITHDRAWN, decide, encode)

    def note_checked(self, act: Act, encode: Encode) -> bytes:
        """Notes that what was accepted at once was checked.

        Raises:
            RuleError: SAME_MAKER_AND_CHECKER, MATERIAL_MISSING.
        """

        def decide(turn: Turn, registration: Registration) -> Registration:
            checked = change.note_checked(
                registration,
                turn.rules,
                steps=turn.work.registrations.steps(registration.registration_id),
                checker=turn.act.applicant.path,
                today=turn.moment.today,
            )
            _check_papers_since(turn, registration)
            return checked

        return self._take(act, Event.CHECKED, decide, encode)

    def extend(
        self,
        act: Act,
        materials: tuple[Material, ...],
        end_date: dt.date,
        encode: Encode,
    ) -> bytes:
        """Gives a registration a later last day.

        Raises:
            RuleError: REGISTRATION_CHANNEL_CLOSED, REGISTRATION_NOT_EXTENDABLE,
                SELF_SERVICE_LIMITED, what `check_person` and `check_places` refuse,
                MATERIAL_MISSING.
        """

        def decide(turn: Turn, registration: Registration) -> Registration:
            return _extended(turn, registration, materials, end_date)

        return self._take(act, Event.EXTENDED, decide, encode)

    def cancel(self, act: Act, *, is_wish: bool, encode: Encode) -> bytes:
        """Cancels what is in force. Raises CHANGE_NOT_YET_ALLOWED of a wish that is too early."""

        def decide(turn: Turn, registration: Registration) -> Registration:
            return change.cancel(
                registration,
                is_wish=is_wish,
                by=turn.act.applicant.path,
                now=turn.moment.now,
                today=turn.moment.today,
            )

        return self._take(act, Event.CANCELLED, decide, encode)

    def revoke(self, act: Act, encode: Encode) -> bytes:
        """Declares void what rests on a false statement, and limits the person's self-service.

        So is what a merge made of it, or what it was made of, and the survivor is limited too.

        Raises:
            RuleError: SAME_MAKER_AND_CHECKER.
        """

        def take(work: "Work") -> bytes:
            found = work.registrations.find(act.registration_id)
            persons = frozenset() if found is None else lock_persons_of(work, found)
            moment = moment_of(self._clock)
            asked = locked(work, act.registration_id, act.applicant)
            rules = rules_in_force(work, self._national, moment)
            turn = Turn(work, act, rules, moment, self._require_evaluated)
            return encode(_revoked(turn, asked, persons))

        return self._transactions.once(act.request, take)

    def _take(self, act: Act, event: Event, decide: Decide, encode: Encode) -> bytes:
        def take(work: "Work") -> bytes:
            moment = moment_of(self._clock)
            before = locked(work, act.registration_id, act.applicant)
            rules = rules_in_force(work, self._national, moment)
            after = decide(Turn(work, act, rules, moment, self._require_evaluated), before)
            actor = act.applicant.path
            bind_papers(work, after)
            keep(work, after, event, actor=actor, at=moment.now, remark=act.remark)
            record(work, act.request, after, at=moment.now)
            return encode(after)

        return self._transactions.once(act.request, take)


def _approved(turn: Turn, registration: Registration) -> Registration:
    """Returns what is approved; where it changes another one, that one gives way."""
    work, moment, checker = turn.work, turn.moment, turn.act.applicant.path
    approved = change.approve(registration, turn.rules, checker=checker, today=moment.today)
    _check_papers_since(turn, registration)
    approved = _still(turn, approved)
    if turn.rules.categories[approved.category].needs_pre_evaluation:
        turn.require_evaluated(work, approved.registration_id)
    replaced_id = approved.replaces_registration_id
    if replaced_id is not None:
        replaced = work.registrations.lock(replaced_id)
        assert replaced is not None, replaced_id
        # What ended by itself meanwhile needs not give way.
        if replaced.state is State.ACTIVE:
            gone = change.give_way(replaced, approved)
            keep(work, gone, Event.CHANGED, actor=checker, at=moment.now)
    return approved


def _revoked(turn: Turn, asked: Registration, person_ids: frozenset[str]) -> Registration:
    """Returns what was asked to be revoked; `person_ids` are all whose self-service is limited."""
    work, act, today = turn.work, turn.act, turn.moment.today
    others = [
        each
        for each in of_one_statement(work, asked)
        if each.registration_id != asked.registration_id and each.state is not State.REVOKED
    ]
    ids = sorted(each.registration_id for each in others)
    before = [asked, *(each for each in map(work.registrations.lock, ids) if each is not None)]
    revoked = [change.revoke(each, checker=act.applicant.path) for each in before]
    for each in revoked:
        actor, at = act.applicant.path, turn.moment.now
        keep(work, each, Event.REVOKED, actor=actor, at=at, remark=act.remark)
    months = turn.rules.self_service_limit_months
    if months:
        until_date = add_months(today, months)
        for person_id in sorted(person_ids):
            work.registrations.limit_self_service(
                person_id, asked.registration_id, until_date=until_date
            )
    record(work, act.request, *revoked, at=turn.moment.now)
    return revoked[0]


def _extended(
    turn: Turn,
    registration: Registration,
    materials: tuple[Material, ...],
    end_date: dt.date,
) -> Registration:
    application = registration.application
    asked = turn.rules.categories[application.category]
    basis = asked.bases.get(application.basis)
    # Told first, whoever asks: it cannot be extended at all.
    step(registration.state, Event.EXTENDED, registration_id=registration.registration_id)
    origin = turn.act.applicant.origin
    extended = change.extend(
        registration,
        basis,
        turn.rules,
        end_date=end_date,
        today=turn.moment.today,
        is_checked=is_looked_at_after(origin, asked),
    )
    person_id = extended.person_id
    until = turn.work.registrations.standing([person_id]).limits.get(person_id)
    check_self_service(origin, until, today=turn.moment.today)
    extended = _still(turn, extended)
    assert extended.end_date is not None
    assert registration.end_date is not None
    if extended.end_date <= registration.end_date:
        # It lasts as long as the enrolment already.
        raise change.not_extendable(registration, latest=extended.end_date)
    extended = with_materials(extended, handed_in_again(application.materials, materials))
    _check_papers(turn, extended)
    return extended


def _check_papers(turn: Turn, registration: Registration) -> None:
    application = registration.application
    asked: BasisRules | None = turn.rules.categories[application.category].bases.get(
        application.basis
    )
    papers = () if asked is None else asked.papers
    # What was shown at a window when it was applied for was seen by who may see it.
    origin = turn.act.applicant.origin
    before = turn.work.registrations.find(registration.registration_id)
    seen = () if before is None else before.application.materials
    materials = [
        dataclasses.replace(each, is_shown=False)
        if each.is_shown and each not in seen and not origin.may_see_papers
        else each
        for each in application.materials
    ]
    id, person_id = registration.registration_id, application.person_id
    known = known_papers(turn.work, materials, registration_id=id)
    check_papers(papers, materials, known, person_id=person_id, may_show=True)


def _check_papers_since(turn: Turn, registration: Registration) -> None:
    """Checks what became of papers since they were handed in, for who says that they are right.

    Nobody does so of one that they put in the place of another one, and what was returned
    counts no more.
    """
    id = registration.registration_id
    for paper in turn.work.papers.of_owner(Owner.REGISTRATION, id):
        if paper.put_in_place_by:
            check_another(paper.put_in_place_by, turn.act.applicant.path)
    materials = registration.application.materials
    check_still_usable(materials, known_papers(turn.work, materials, registration_id=id))


def _still(turn: Turn, registration: Registration) -> Registration:
    """Checks the person and its other registrations again: they may have changed since.

    Returns the registration, which lasts no longer than the person is known to be insured.
    """
    work = turn.work
    if work.persons.is_followed():
        person = work.persons.find(registration.person_id)
        person = check_person(person, registration.person_id, day=turn.moment.today)
        registration = until_enrolled(registration, person, turn.rules, today=turn.moment.today)
    others = [
        each
        for each in work.registrations.of_person(registration.person_id)
        if each.registration_id != registration.registration_id
    ]
    check_places(registration, others, several=turn.rules.several_places)
    return registration

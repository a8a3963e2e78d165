"""Steps in the life of a registration; `states.py` says which may be taken."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.region_rules import BasisRules, RegionRules, check_another
from yibao_offsite.rules.registration.decide import months_after, task_of_granted
from yibao_offsite.rules.registration.kinds import EndReason, TaskKind
from yibao_offsite.rules.registration.papers import with_faults, with_materials
from yibao_offsite.rules.registration.registration import Material, Registration, Step, Task
from yibao_offsite.rules.registration.states import Event, State, step, wrong_state

_DAY = dt.timedelta(days=1)


def approve(
    registration: Registration, rules: RegionRules, *, checker: str, today: dt.date
) -> Registration:
    """Returns a registration that a second operator granted.

    Raises:
        RuleError: REGISTRATION_STATE, SAME_MAKER_AND_CHECKER.
    """
    granted = _stepped(registration, Event.APPROVED)
    _check_second(registration, checker)
    task = task_of_granted(granted.end_date, rules, today=today, is_checked=False)
    return dataclasses.replace(granted, decided_by=checker, task=task)


def reject(registration: Registration, *, by: str) -> Registration:
    """Returns a registration that was refused. Raises RuleError REGISTRATION_STATE."""
    refused = _stepped(registration, Event.REJECTED)
    return dataclasses.replace(refused, decided_by=by, task=None)


def give_back(registration: Registration, faults: Sequence[tuple[str, str]]) -> Registration:
    """Returns a registration given back with what is wrong of its papers, by kind.

    Raises:
        RuleError: REGISTRATION_STATE.
    """
    returned = _stepped(registration, Event.RETURNED)
    # It is the applicant's turn: the agency has nothing to do.
    returned = dataclasses.replace(returned, task=None)
    return with_materials(returned, with_faults(registration.application.materials, faults))


def hand_in_again(
    registration: Registration,
    materials: tuple[Material, ...],
    rules: RegionRules,
    *,
    by: str,
    today: dt.date,
) -> Registration:
    """Returns a registration handed in again, resting on `materials`.

    Raises:
        RuleError: REGISTRATION_STATE.
    """
    again = _stepped(registration, Event.RESUBMITTED)
    task = Task(TaskKind.DECISION, today + rules.decision_days * _DAY)
    return with_materials(dataclasses.replace(again, handed_in_by=by, task=task), materials)


def withdraw(registration: Registration) -> Registration:
    """Returns a registration taken back undecided. Raises RuleError REGISTRATION_STATE."""
    return dataclasses.replace(_stepped(registration, Event.WITHDRAWN), task=None)


def note_checked(
    registration: Registration,
    rules: RegionRules,
    *,
    steps: Sequence[Step],
    checker: str,
    today: dt.date,
) -> Registration:
    """Returns a registration that was accepted at once and checked since.

    `steps` are all that were done to it, in order.

    Raises:
        RuleError: REGISTRATION_STATE, also where no check is due; SAME_MAKER_AND_CHECKER.
    """
    checked = _stepped(registration, Event.CHECKED)
    if registration.task is None or registration.task.kind is not TaskKind.CHECK:
        raise _no_check(registration)
    for maker in _makers(registration, steps):
        check_another(maker, checker)
    task = task_of_granted(checked.end_date, rules, today=today, is_checked=False)
    return dataclasses.replace(checked, decided_by=checker, task=task)


def extend(
    registration: Registration,
    basis: BasisRules | None,
    rules: RegionRules,
    *,
    end_date: dt.date,
    today: dt.date,
    is_checked: bool = False,
) -> Registration:
    """Returns a registration with a later last day, at most one term later.

    It is no later than two terms from today on: the one that runs, and one more. Extended
    again and again, a registration would else last for years that nobody asks about.
    `basis` is what the region asks for its category and basis by now, None where it takes
    them no more. `is_checked` tells whether somebody else has to check the extension afterwards.

    Raises:
        RuleError: REGISTRATION_STATE, REGISTRATION_NOT_EXTENDABLE.
    """
    extended = _stepped(registration, Event.EXTENDED)
    before = registration.end_date
    if before is None or basis is None or not isinstance(basis.cover, int) or before < today:
        raise not_extendable(registration, latest=None)
    one_more = months_after(months_after(today, basis.cover), basis.cover)
    latest = min(months_after(before, basis.cover), one_more)
    if not before < end_date <= latest:
        raise not_extendable(registration, latest=latest)
    task = registration.task
    # A check that is due anyway is of the extension as well.
    if task is None or task.kind is not TaskKind.CHECK:
        task = task_of_granted(end_date, rules, today=today, is_checked=is_checked)
    return dataclasses.replace(extended, end_date=end_date, task=task)


def cancel(
    registration: Registration, *, is_wish: bool, by: str, now: dt.datetime, today: dt.date
) -> Registration:
    """Returns a registration cancelled; care admitted by today stays covered.

    So are the days to come of one that ended early given up, for nothing else may be registered
    on them.

    Raises:
        RuleError: REGISTRATION_STATE, CHANGE_NOT_YET_ALLOWED.
    """
    if registration.ended_date is not None and registration.ended_date <= today:
        raise wrong_state(registration.state, registration_id=registration.registration_id)
    cancelled = _stepped(registration, Event.CANCELLED)
    if is_wish:
        check_changeable(registration, today=today)
    reason = EndReason.WISH if is_wish else EndReason.AGENCY
    ended = _ended(cancelled, today, reason)
    return dataclasses.replace(ended, cancel_time=now, cancelled_by=by)


def check_changeable(registration: Registration, *, today: dt.date) -> None:
    """Raises RuleError CHANGE_NOT_YET_ALLOWED where a wish comes too early.

    Who is registered by commitment is bound for some months (22号; 苏医保发〔2022〕75号, article
    10).
    """
    first = registration.change_allowed_date
    if first is not None and today < first:
        raise RuleError(
            Reason.CHANGE_NOT_YET_ALLOWED,
            f"it may be changed from {first.isoformat()} on",
            registration_id=registration.registration_id,
            change_allowed_date=first.isoformat(),
        )


def give_way(registration: Registration, successor: Registration) -> Registration:
    """Returns a registration whose place another one takes from its first day on.

    Raises:
        RuleError: REGISTRATION_STATE.
    """
    changed = _stepped(registration, Event.CHANGED)
    ended = _ended(changed, successor.start_date - _DAY, EndReason.CHANGED)
    return dataclasses.replace(ended, replaced_by_registration_id=successor.registration_id)


def end(registration: Registration, reason: EndReason, *, last_date: dt.date) -> Registration:
    """Returns a registration ended by what became of the person.

    Raises:
        RuleError: REGISTRATION_STATE.
    """
    ended = _stepped(registration, Event.ENDED)
    if not ended.state.was_granted:
        return dataclasses.replace(ended, end_reason=reason, task=None)
    return _ended(ended, last_date, reason)


def revoke(registration: Registration, *, checker: str) -> Registration:
    """Returns a registration that rests on a false statement: it never covered anything.

    Raises:
        RuleError: REGISTRATION_STATE, SAME_MAKER_AND_CHECKER.
    """
    revoked = _stepped(registration, Event.REVOKED)
    for maker in (registration.registered_by, registration.handed_in_by, registration.decided_by):
        check_another(maker, checker)
    nothing = registration.start_date - _DAY
    return dataclasses.replace(
        revoked, ended_date=nothing, end_reason=EndReason.FALSE_STATEMENT, task=None
    )


def _makers(registration: Registration, steps: Sequence[Step]) -> list[str]:
    """Returns whose acts nobody else has decided or checked yet, each of who extended too."""
    makers = [registration.registered_by, registration.handed_in_by]
    for each in steps:
        if each.event in (Event.APPROVED, Event.CHECKED):
            makers = []
        elif each.event is Event.EXTENDED:
            makers.append(each.actor)
    return makers


def _check_second(registration: Registration, checker: str) -> None:
    """Refuses who registered or handed in last; whoever handed in between leaves it to them."""
    for maker in (registration.registered_by, registration.handed_in_by):
        check_another(maker, checker)


def _stepped(registration: Registration, event: Event) -> Registration:
    after = step(registration.state, event, registration_id=registration.registration_id)
    return dataclasses.replace(registration, state=after, version=registration.version + 1)


def _ended(registration: Registration, last_date: dt.date, reason: EndReason) -> Registration:
    """Returns a registration that ends with a day, or with the one that it would have had."""
    # Before its first day it covers nothing, by the day before that.
    last = max(last_date, registration.start_date - _DAY)
    if registration.end_date is not None:
        last = min(last, registration.end_date)
    return dataclasses.replace(registration, ended_date=last, end_reason=reason, task=None)


def _no_check(registration: Registration) -> RuleError:
    assert registration.state is State.ACTIVE
    return RuleError(
        Reason.REGISTRATION_STATE,
        f"registration {registration.registration_id} waits for no check",
        registration_id=registration.registration_id,
        state=registration.state.name,
    )


def not_extendable(registration: Registration, *, latest: dt.date | None) -> RuleError:
    """Returns the refusal of an extension; `latest` is the last day that may be, None of none."""
    message = f"registration {registration.registration_id} cannot be extended so"
    if latest is None:
        return RuleError(
            Reason.REGISTRATION_NOT_EXTENDABLE,
            message,
            registration_id=registration.registration_id,
        )
    return RuleError(
        Reason.REGISTRATION_NOT_EXTENDABLE,
        message,
        registration_id=registration.registration_id,
        latest_end_date=latest.isoformat(),
    )

"""Merges of duplicates: two records of one person become one, by maker and checker."""

import dataclasses
import datetime as dt
import enum
from collections.abc import Collection
from dataclasses import dataclass

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_identity.rules.person import Person


class MergeState(enum.Enum):
    """Where a proposal is in its life."""

    PROPOSED = 1
    APPROVED = 2
    REJECTED = 3


@dataclass(frozen=True, slots=True)
class Merge:
    """A proposal that `retired_person_id` is a duplicate of `surviving_person_id`.

    `checker` is empty and `decide_time` None while nobody has decided.
    """

    region: str
    merge_id: str
    retired_person_id: str
    surviving_person_id: str
    explanation: str
    state: MergeState
    maker: str
    propose_time: dt.datetime
    checker: str = ""
    decide_time: dt.datetime | None = None
    decision_note: str = ""


def check_differ(*, retired_person_id: str, surviving_person_id: str) -> None:
    """Refuses to merge a record into itself.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE.
    """
    if retired_person_id == surviving_person_id:
        message = "must be another person than retired_person_id"
        refuse_faults([FieldFault("surviving_person_id", Reason.FIELD_OUT_OF_RANGE, message)])


def check_one_human(
    retired: Person,
    surviving: Person,
    *,
    parent_ids: Collection[str],
    child_birth_date: dt.date | None = None,
    field: str,
) -> None:
    """Refuses to merge records that no one human can have, naming `field`.

    `parent_ids` are the parents of both, as they are today; `child_birth_date` is that of
    the first child of either.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE; one is a parent of the other, or died before the
            birth of the other, or both died, and on different days; a child was not born
            after the record that stays.
    """
    faults = []
    if not {retired.person_id, surviving.person_id}.isdisjoint(parent_ids):
        message = "one of the records is a parent of the other"
        faults.append(FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message))
    elif child_birth_date is not None and child_birth_date <= surviving.birth_date:
        message = "a child was not born after the record that stays"
        faults.append(FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message))
    deaths = [each.death_date for each in (retired, surviving) if each.death_date is not None]
    if any(death < max(retired.birth_date, surviving.birth_date) for death in deaths):
        message = "one of the records died before the birth of the other"
        faults.append(FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message))
    if len(set(deaths)) > 1:
        # Which of them is right decides what was paid rightly: a person has to say.
        message = "the records died on different days: revoke the death that is wrong (RevokeDeath)"
        faults.append(FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message))
    refuse_faults(faults)


def decide(merge: Merge, *, is_approved: bool, checker: str, note: str, now: dt.datetime) -> Merge:
    """Returns the merge as decided by `checker`, an operator's path.

    Raises:
        RuleError: MERGE_STATE, it was decided before; SAME_MAKER_AND_CHECKER.
    """
    if merge.state is not MergeState.PROPOSED:
        raise merge_state(merge)
    if is_same_operator(merge.maker, checker):
        raise RuleError(
            Reason.SAME_MAKER_AND_CHECKER, "the operator who proposed the merge may not decide it"
        )
    return dataclasses.replace(
        merge,
        state=MergeState.APPROVED if is_approved else MergeState.REJECTED,
        checker=checker,
        decide_time=now,
        decision_note=note,
    )


def merge_state(merge: Merge) -> RuleError:
    """Returns the refusal because of a merge that waits, or that was decided."""
    return RuleError(
        Reason.MERGE_STATE,
        f"merge {merge.merge_id} is {merge.state.name.lower()}",
        merge_id=merge.merge_id,
        state=merge.state.name,
    )


def merge_not_found(merge_id: str) -> RuleError:
    """Returns the refusal of an unknown merge."""
    return RuleError(Reason.MERGE_NOT_FOUND, f"merge {merge_id} does not exist", merge_id=merge_id)

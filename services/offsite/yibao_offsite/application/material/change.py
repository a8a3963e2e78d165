"""Papers are returned, replaced and waived."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import is_same_operator
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_offsite.application.material.person import lock_known
from yibao_offsite.rules.material.access import check_sees
from yibao_offsite.rules.material.kinds import kind_of, stored_kind
from yibao_offsite.rules.material.limits import Limits, check_limits
from yibao_offsite.rules.material.material import (
    Material,
    material_not_found,
    not_fitting,
)
from yibao_offsite.rules.material.states import USABLE, State, Step, after, wrong_state

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

Encode = Callable[[Material], bytes]


@dataclass(frozen=True, slots=True)
class ReturnMaterial:
    """Gives a paper back with what is wrong of it."""

    request: Request
    material_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReplaceMaterial:
    """Has a new paper take another's place."""

    request: Request
    material_id: str
    new_material_id: str


@dataclass(frozen=True, slots=True)
class WaiveMaterial:
    """Proposes that a person need not hand in a paper of a kind."""

    request: Request
    person_id: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class DecideWaiver:
    """Decides a proposed waiver."""

    request: Request
    material_id: str
    is_granted: bool


class MaterialChanges:
    """What callers ask to become of papers. Blocks."""

    def __init__(
        self, transactions: "Transactions[Work]", *, limits: Limits, clock: Clock, ids: Ids
    ) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._limits = limits
        self._clock = clock
        self._ids = ids

    def return_(self, command: ReturnMaterial, encode: Encode) -> bytes:
        """Returns a paper to who handed it in.

        Raises:
            RuleError: MATERIAL_NOT_FOUND, MATERIAL_STATE, MATERIAL_NOT_FITTING,
                REQUEST_ID_REUSED.
        """
        return self._once(command.request, encode, lambda work: self._return(work, command))

    def replace(self, command: ReplaceMaterial, encode: Encode) -> bytes:
        """Replaces a paper, in all that it was handed in for.

        Raises:
            RuleError: MATERIAL_NOT_FOUND, MATERIAL_NOT_FITTING, MATERIAL_STATE,
                REQUEST_ID_REUSED.
        """
        return self._once(command.request, encode, lambda work: self._replace(work, command))

    def waive(self, command: WaiveMaterial, encode: Encode) -> bytes:
        """Proposes a waiver.

        Raises:
            RuleError: MATERIAL_KIND_UNKNOWN, MATERIAL_NOT_FITTING, MATERIAL_LIMIT_REACHED,
                REQUEST_ID_REUSED.
        """
        return self._once(command.request, encode, lambda work: self._waive(work, command))

    def decide(self, command: DecideWaiver, encode: Encode) -> bytes:
        """Grants or rejects a waiver.

        Raises:
            RuleError: MATERIAL_NOT_FOUND, MATERIAL_STATE, SAME_MAKER_AND_CHECKER,
                REQUEST_ID_REUSED.
        """
        return self._once(command.request, encode, lambda work: self._decide(work, command))

    def _once(
        self, request: Request, encode: Encode, decide: "Callable[[Work], Material]"
    ) -> bytes:
        def change(work: "Work") -> bytes:
            material = decide(work)
            subjects = (material.person_id, material.material_id)
            detail = {"kind": material.kind, "state": material.state.name}
            if material.replaces_id is not None:
                detail["replaces"] = material.replaces_id
            at = self._clock()
            work.audit.add(entry_of(request, at=at, subject_ids=subjects, detail=detail))
            return encode(material)

        return self._transactions.once(request, change)

    def _return(self, work: "Work", command: ReturnMaterial) -> Material:
        material = _locked(work, command.request, command.material_id)
        state = after(Step.RETURN, material.state, material_id=material.material_id)
        _check_goes_on(material, today=shanghai_day(self._clock()))
        returned = dataclasses.replace(
            material,
            state=state,
            reason=command.reason,
            changed_by=command.request.caller.path,
            change_time=self._clock(),
        )
        work.materials.update(returned)
        return returned

    def _replace(self, work: "Work", command: ReplaceMaterial) -> Material:
        ids = (command.material_id, command.new_material_id)
        former, new = _locked_all(work, command.request, *ids)
        if former.material_id == new.material_id:
            raise not_fitting(new.material_id, new.kind, "cannot take its own place")
        if (new.person_id, new.kind) != (former.person_id, former.kind):
            raise not_fitting(new.material_id, new.kind, "is of another person or kind")
        if new.uses or new.replaces_id is not None:
            raise not_fitting(new.material_id, new.kind, "is used already")
        if new.state not in USABLE:
            raise wrong_state(new.material_id, new.state)
        state = after(Step.REPLACE, former.state, material_id=former.material_id)
        if stored_kind(former.kind).is_restricted and former.state is not State.RETURNED:
            # Evidence does not change under who relies upon it.
            raise wrong_state(former.material_id, former.state)
        _check_goes_on(former, today=shanghai_day(self._clock()))
        work.materials.update(
            dataclasses.replace(former, state=state, replaced_by_id=new.material_id)
        )
        replacing = dataclasses.replace(
            new,
            replaces_id=former.material_id,
            uses=former.uses,
            changed_by=command.request.caller.path,
            change_time=self._clock(),
        )
        work.materials.update(replacing)
        work.materials.take_over_uses(replacing, former)
        return replacing

    def _waive(self, work: "Work", command: WaiveMaterial) -> Material:
        request, kind, party = command.request, kind_of(command.kind), command.request.caller.party
        if not kind.is_waivable:
            raise not_fitting("", kind.code, "is never waived")
        lock_known(work, command.person_id)
        work.materials.lock_party(party)
        check_limits(work.materials.load(command.person_id, party), 0, self._limits)
        waiver = Material(
            request.region,
            self._ids(),
            command.person_id,
            kind.code,
            State.WAIVER_PROPOSED,
            None,
            party,
            request.caller.path,
            self._clock(),
            reason=command.reason,
        )
        work.materials.insert(waiver)
        return waiver

    def _decide(self, work: "Work", command: DecideWaiver) -> Material:
        waiver, caller = _locked(work, command.request, command.material_id), command.request.caller
        step = Step.GRANT if command.is_granted else Step.REJECT
        state = after(step, waiver.state, material_id=waiver.material_id)
        if is_same_operator(caller.path, waiver.begun_by):
            raise RuleError(
                Reason.SAME_MAKER_AND_CHECKER, "who proposed a waiver does not decide it"
            )
        decided = dataclasses.replace(
            waiver, state=state, changed_by=caller.path, change_time=self._clock()
        )
        work.materials.update(decided)
        return decided


def _locked(work: "Work", request: Request, material_id: str) -> Material:
    return _locked_all(work, request, material_id)[0]


def _locked_all(work: "Work", request: Request, *material_ids: str) -> list[Material]:
    """Locks papers that the caller sees. Raises RuleError MATERIAL_NOT_FOUND."""
    found = {each.material_id: each for each in work.materials.lock(set(material_ids))}
    for material_id in material_ids:
        if material_id not in found:
            raise material_not_found(material_id)
        check_sees(found[material_id], request.caller)
    return [found[material_id] for material_id in material_ids]


def _check_goes_on(material: Material, *, today: dt.date) -> None:
    """Refuses to change a paper from the last day of something that it was handed in for.

    Raises:
        RuleError: MATERIAL_NOT_FITTING.
    """
    if any(use.end_date is not None and use.end_date <= today for use in material.uses):
        why = "was handed in for something that has ended"
        raise not_fitting(material.material_id, material.kind, why)

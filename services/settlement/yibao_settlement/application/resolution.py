"""Resolving a code: whose it is, what a counter needs to know of that, and a token in its place."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.changes import CodeUse
from yibao_settlement.application.batch.command import Code
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.elsewhere.treating import (
    Treating,
    check_treats,
    registrations_at,
    treating_at,
)
from yibao_settlement.application.family.offers import offers_to
from yibao_settlement.application.presentation import (
    accepted,
    check_code,
    needs_of_holder,
    use_code,
)
from yibao_settlement.application.settlement.settle import unheld
from yibao_settlement.rules.account import check_not_merged, purses_in
from yibao_settlement.rules.enrolment import check_alive, not_enrolled_here, paying_on
from yibao_settlement.rules.family import offered_fen
from yibao_settlement.rules.presentation import PresentedCode
from yibao_settlement.rules.resolution import (
    Described,
    Resolution,
    diseases_shown,
    enrolments_shown,
    lets_account_pay,
)
from yibao_settlement.rules.token import ResolvedCode

# Under which the audit tells of codes that were resolved.
RESOLVE_METHOD = "ResolveCredential"


@dataclass(frozen=True, slots=True)
class ResolveCredential:
    """Uses up a code at the caller's institution, for a token that stands for it.

    `token_hash` is that of the token which the caller is given, `audience` what it is for.
    """

    request: Request
    code: Code
    audience: str
    token_hash: str
    valid_for: dt.timedelta
    # Writes what is kept of a ResolveCredentialResponse, of the region.
    encode: Callable[[str, Resolution], bytes]

    def needs(self) -> Needs:
        """Returns the code with its holder, and what a counter is told of that."""
        needs = needs_of_holder(Needs(), self.code)
        return needs._replace(
            described_subjects=needs.holder_subjects,
            treating_institution_ids=(self.request.caller.own_institution(),),
        )

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Resolves the code; see `Command`.

        In the order of `RegisterVisit`, but that nobody has to be enrolled: a counter is told so.
        """
        institution_id = self.request.caller.own_institution()
        code = accepted(self.code, working_set, institution_id=institution_id)
        today = shanghai_day(working_set.now)
        treating = treating_at(working_set, institution_id)
        treating.designated(institution_id, today)
        check_treats(treating, institution_id, on=today)
        person_id = working_set.persons_by_subject.get(code.subject)
        if person_id is None:
            raise not_enrolled_here()
        check_not_merged(working_set.standing(person_id))
        check_alive(working_set.death_dates.get(person_id))
        check_code(working_set, code, person_id, institution_id=institution_id)
        resolution = self._resolution(working_set, person_id, ids(), today, treating)
        response = self.encode(working_set.region, resolution)
        # Nothing below refuses: from here on the working set changes.
        resolution_id = resolution.resolution_id
        use = CodeUse(code, self.request.request_id, institution_id, resolution_id)
        use_code(working_set, person_id, use)
        working_set.tokens.resolved.append(
            ResolvedCode(
                self.token_hash,
                code._replace(resolution_id=resolution_id),
                self.audience,
                institution_id,
                resolution.token_expire_time,
            )
        )
        self._put_on_record(working_set, resolution, code)
        return response

    def _resolution(
        self,
        working_set: WorkingSet,
        person_id: str,
        resolution_id: str,
        today: dt.date,
        treating: Treating,
    ) -> Resolution:
        enrolments = working_set.enrolments.get(person_id, ())
        paying = paying_on(enrolments, today)
        policy = None
        if paying is not None:
            policy = working_set.reference.policy(paying.insurance_type, today)
        offers = offers_to(person_id, working_set)
        purses = purses_in(working_set.standing(person_id), working_set.account_year)
        return Resolution(
            resolution_id,
            person_id,
            working_set.described.get(person_id, Described()),
            working_set.birth_dates[person_id],
            enrolments_shown(enrolments, on=today),
            paying,
            diseases_shown(working_set.diseases.get(person_id, ()), on=today),
            unheld(purses, person_id, working_set).balance_fen,
            lets_account_pay(policy),
            working_set.now + self.valid_for,
            offered_fen(offers),
            [
                (each.giver.relation, working_set.described.get(each.giver.giver_id, Described()))
                for each in offers
            ],
            registrations_at(working_set, person_id, treating, today),
        )

    def _put_on_record(
        self, working_set: WorkingSet, resolution: Resolution, code: PresentedCode
    ) -> None:
        """Tells of who was told of somebody, and for what; the ledger checker asks for it."""
        working_set.audit.add(
            entry_of(
                self.request,
                at=working_set.now,
                subject_ids=(resolution.person_id, resolution.resolution_id),
                detail={"audience": self.audience, "terminal": code.terminal_id},
            )
        )

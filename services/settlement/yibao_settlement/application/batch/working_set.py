"""The state that one batch works on: what was read, and what is to be written.

Commands of a batch run one after the other over it, so that two commands for one person
chain. A command changes it only after everything that can refuse it has passed.
"""

import datetime as dt
import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from yibao_common.commands.audit import AuditTrail
from yibao_common.commands.request import Answer, Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import InvariantError
from yibao_common.values.ids import Ids
from yibao_settlement.application.allocation.state import Allocated
from yibao_settlement.application.batch.changes import Changes, posting_of
from yibao_settlement.application.credit.state import Credits
from yibao_settlement.application.difference.state import Differences
from yibao_settlement.application.elsewhere.state import CareElsewhere
from yibao_settlement.application.family.state import Family
from yibao_settlement.application.hold.state import Holds
from yibao_settlement.application.outcome.state import AskedRequest
from yibao_settlement.application.override.state import Overrides
from yibao_settlement.application.reference import Reference
from yibao_settlement.application.repair.state import Repairs
from yibao_settlement.application.repricing.state import RepricedPersons
from yibao_settlement.application.settlement.fold import later_than, places_of
from yibao_settlement.application.settlement.history import History
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.token import Tokens
from yibao_settlement.application.transfer.state import Transfers
from yibao_settlement.rules.account import (
    Accumulators,
    Standing,
    accumulate,
    carried_over,
    new_standing,
)
from yibao_settlement.rules.benefit.keeping import KeptPlace
from yibao_settlement.rules.charge import Charge
from yibao_settlement.rules.credential import Credential
from yibao_settlement.rules.enrolment import Enrolment, RegisteredDisease
from yibao_settlement.rules.finding import SeenVisit
from yibao_settlement.rules.ledger import Entry, PostingKind, carry_over_entries
from yibao_settlement.rules.mapping import Mappings
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.presentation import PresentedCode, newest_codes_with
from yibao_settlement.rules.resolution import Described
from yibao_settlement.rules.review import Decision, Review, ReviewAct, ReviewEvent
from yibao_settlement.rules.stay import StandingBill, is_open
from yibao_settlement.rules.visit import Visit


@dataclass(slots=True)
class WorkingSet:
    """Everything a batch of one region reads, as its commands need it, and what it changes."""

    region: str
    now: dt.datetime
    reference: Reference
    standings: dict[str, Standing]
    # Of codes that register visits: whose they are.
    persons_by_subject: Mapping[str, str]
    # Persons of settlements, and of visits who were merged, to who stands in their place.
    survivors: Mapping[str, str]
    # Every id of a posting must be greater. `now` is behind the months that have ended.
    posting_fence: str = ""
    birth_dates: dict[str, dt.date] = field(default_factory=dict)
    # Of those who died.
    death_dates: dict[str, dt.date] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: Mapping[tuple[str, str], AskedRequest] = field(default_factory=dict)
    visits: dict[str, Visit] = field(default_factory=dict)
    # (institution, the institution's visit number) to visit id.
    visit_numbers: dict[tuple[str, str], str] = field(default_factory=dict)
    # Every period that stands, by person; nobody has none.
    enrolments: dict[str, Sequence[Enrolment]] = field(default_factory=dict)
    # Registered diseases of those who have any, by person.
    diseases: dict[str, Sequence[RegisteredDisease]] = field(default_factory=dict)
    # Those of the codes presented, by subject.
    credentials: dict[str, Credential] = field(default_factory=dict)
    closed_years: dict[tuple[str, int], Accumulators] = field(default_factory=dict)
    # What windows smaller than a year hold, by scope: of bills by policies of the second
    # format, and of settlements that such bills made.
    windows: dict[str, Accumulators] = field(default_factory=dict)
    # The scopes that are stored.
    stored_windows: set[str] = field(default_factory=set)
    # Requests that posted something, of those that must not do so again.
    posted_requests: set[str] = field(default_factory=set)
    # (signer, code id).
    used_codes: set[tuple[str, str]] = field(default_factory=set)
    settlements: dict[str, SettlementRecord] = field(default_factory=dict)
    # Those that decided bills which may be decided again, by version.
    policies: Mapping[str, AnyPolicy] = field(default_factory=dict)
    # The lines with ids, by visit and line id, of visits that needed them.
    charges: dict[str, dict[str, Charge]] = field(default_factory=dict)
    # (visit, line id) of those that are stored.
    stored_charges: set[tuple[str, str]] = field(default_factory=set)
    # What stands settled, by visit and bill number.
    settled_bills: dict[str, dict[str, StandingBill]] = field(default_factory=dict)
    # The other visits of persons that bills of them are compared with, and the bills' own,
    # by person and visit.
    seen_visits: dict[str, dict[str, SeenVisit]] = field(default_factory=dict)
    # Of persons that bills are of: into whom other records were merged.
    have_merged: set[str] = field(default_factory=set)
    # Cases of settlements that are named, by settlement.
    reviews: dict[str, Review] = field(default_factory=dict)
    # How many events each of these has.
    review_events: dict[str, int] = field(default_factory=dict)
    # Visits to those that continue their stays.
    continued_by: dict[str, str] = field(default_factory=dict)
    differences: Differences = field(default_factory=Differences)
    credits: Credits = field(default_factory=Credits)
    allocated: Allocated = field(default_factory=Allocated)
    transfers: Transfers = field(default_factory=Transfers)
    repairs: Repairs = field(default_factory=Repairs)
    overrides: Overrides = field(default_factory=Overrides)
    repriced: RepricedPersons = field(default_factory=RepricedPersons)
    holds: Holds = field(default_factory=Holds)
    tokens: Tokens = field(default_factory=Tokens)
    family: Family = field(default_factory=Family)
    elsewhere: CareElsewhere = field(default_factory=CareElsewhere)
    # What a counter is told of persons to compare, where a command asked for it.
    described: dict[str, Described] = field(default_factory=dict)
    # Mappings of the own codes that lines carry alone, by institution and code.
    mappings: Mappings = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)
    audit: AuditTrail = field(default_factory=AuditTrail)

    def standing(self, person_id: str) -> Standing:
        """Returns the person's standing, new where nothing is booked yet."""
        return self.standings.get(person_id) or new_standing(person_id)

    def year(self, person_id: str, benefit_year: int) -> Accumulators:
        """Returns what earlier settlements used up of a benefit year."""
        standing = self.standing(person_id)
        if standing.benefit_year == benefit_year:
            return standing.accumulators
        return self.closed_years.get((person_id, benefit_year), {})

    @property
    def opens_windows(self) -> bool:
        """Whether bills or settlements here can concern windows of the second format."""
        return self.reference.has_benefit_policies or any(
            record.benefit is not None for record in self.settlements.values()
        )

    def holder_of(self, person_id: str) -> str:
        """Returns who stands in the place of a person that settlements or visits are of."""
        return self.survivors.get(person_id, person_id)

    def kept(self, holder_id: str, place: KeptPlace) -> Accumulators:
        """Returns what a year or a scope of windows of a person holds."""
        if place.year:
            return self.year(holder_id, place.year)
        return self.windows.get(place.scope, {})

    def policy_of(self, record: SettlementRecord) -> AnyPolicy | None:
        """Returns the policy that decided a bill which may be decided again."""
        known = self.policies.get(record.policy_version)
        if known is not None:
            return known
        # One that this batch settled.
        policy = self.reference.policy(record.insurance_type, record.service_date)
        is_its_own = policy is not None and policy.version == record.policy_version
        return policy if is_its_own else None

    def places_of(self, record: SettlementRecord) -> set[KeptPlace]:
        """Returns where what a settlement found and adds is kept, or would be asked for anew."""
        holder_id = self.holder_of(record.person_id)
        return places_of(record, self.policy_of(record.in_effect), holder_id=holder_id)

    def later_bills(self, record: SettlementRecord) -> list[SettlementRecord]:
        """Returns the person's bills behind one that a command said may leave, held ones too."""
        held = [each.record for each in self.holds.held()]
        return later_than(record, [*self.settlements.values(), *held], holder_of=self.holder_of)

    def held(self, visit: Visit) -> Visit:
        """Returns a visit as of whoever stands in its person's place since a merge.

        It is what a bill is decided by and booked for; the visit itself stays as it is.
        """
        holder_id = self.holder_of(visit.person_id)
        if holder_id == visit.person_id:
            return visit
        return visit._replace(person_id=holder_id)

    def history(self, visit: Visit) -> History:
        """Returns what a bill of a visit starts from."""
        return History.of_visit(
            visit,
            year=functools.partial(self.year, visit.person_id),
            windows=self.windows,
            visits=self.visits,
            bills_of=self.bills_of,
        )

    def bills_of(self, visit_id: str) -> Collection[StandingBill]:
        """Returns what stands settled of a visit."""
        return self.settled_bills.get(visit_id, {}).values()

    def note_newest(self, record: SettlementRecord) -> None:
        """Notes that a settlement is the newest of its person's."""
        before = self.standing(record.person_id)
        self._set_standing(before._replace(newest_settlement_id=record.settlement_id))

    def keep_bill(self, visit_id: str, bill_number: str, bill: StandingBill) -> None:
        """Keeps that a bill of a visit stands settled."""
        self.settled_bills.setdefault(visit_id, {})[bill_number] = bill

    def other_visits(self, visit: Visit) -> list[tuple[SeenVisit, Collection[StandingBill]]]:
        """Returns the person's other visits in sight, with their bills that stand."""
        return [
            (seen, self.bills_of(visit_id))
            for visit_id, seen in self.seen_visits.get(visit.person_id, {}).items()
            if visit_id != visit.visit_id
        ]

    def open_review(self, review: Review, *, caller: str) -> None:
        """Keeps a case that is opened."""
        self.changes.reviews_opened.append(review.settlement_id)
        self.change_review(review, ReviewAct.OPENED, caller=caller)

    def change_review(
        self,
        review: Review,
        act: ReviewAct,
        *,
        caller: str,
        decision: Decision | None = None,
        reason: str | None = None,
    ) -> None:
        """Keeps a case as it is now, and what was done to it."""
        self.reviews[review.settlement_id] = review
        if review.settlement_id not in self.changes.reviews_opened:
            self.changes.reviews_changed.add(review.settlement_id)
        number = self.review_events.get(review.review_id, 0) + 1
        self.review_events[review.review_id] = number
        self.changes.review_events.append(
            ReviewEvent(review.review_id, number, self.now, caller, act, decision, reason)
        )

    def open_stays(self, person_id: str) -> list[Visit]:
        """Returns the person's open stays, where a command of the batch asked for them."""
        return [
            visit
            for visit in self.visits.values()
            if visit.person_id == person_id and is_open(visit, self.bills_of(visit.visit_id))
        ]

    def change_visit(self, visit: Visit) -> None:
        """Keeps a visit as it is now, for the store and for commands that come later."""
        self.visits[visit.visit_id] = visit
        self.changes.changed_visits[visit.visit_id] = visit

    def answer(self, request: Request, response: bytes) -> bytes:
        """Keeps the answer of a request, for the store and for repeats in this batch."""
        answer = Answer.of(request, response)
        self.answers[request.request_id] = answer
        self.changes.answers.append(answer)
        return response

    def put_charge(self, charge: Charge) -> None:
        """Keeps a line that is new, or written anew, under its id."""
        key = charge.visit_id, charge.line.line_id
        self.charges.setdefault(charge.visit_id, {})[key[1]] = charge
        self.changes.charges.add(key)

    def take_charge(self, charge: Charge, settlement_id: str | None) -> None:
        """Notes which settlement took a line, None where it is free again."""
        line_id = charge.line.line_id
        self.charges[charge.visit_id][line_id] = charge._replace(settlement_id=settlement_id)
        self.changes.charges_taken.add((charge.visit_id, line_id))

    def note_code(self, person_id: str, code: PresentedCode) -> None:
        """Notes that a code was used: older ones of its signer are superseded from now on."""
        before = self.standing(person_id)
        newest_codes = newest_codes_with(before.newest_codes, code, now=self.now)
        self._set_standing(before._replace(newest_codes=newest_codes))

    def post(
        self,
        posting_id: str,
        kind: PostingKind,
        entries: tuple[Entry, ...],
        request: Request,
        *,
        changed_time: dt.datetime | None = None,
    ) -> None:
        """Appends a posting; a settlement that owes nothing posts nothing.

        `changed_time` is that of what it reverses, refunds, corrects or adjusts.
        """
        if entries:
            posting = posting_of(posting_id, kind, entries, request, self.now, changed_time)
            self.changes.postings.append(posting)

    @property
    def account_year(self) -> int:
        """The calendar year whose money accounts get now."""
        return shanghai_day(self.now).year

    def carry_over(self, person_id: str, request: Request, ids: Ids) -> Standing:
        """Carries over what an account holds of a year before, once a year; returns it then.

        Whatever moves money of an account begins with it.
        """
        before = self.standing(person_id)
        after = carried_over(before, self.account_year)
        if after is not before:
            moved_fen = after.carried_fen - before.carried_fen
            if moved_fen:
                entries = carry_over_entries(person_id=person_id, amount_fen=moved_fen)
                self.post(ids(), PostingKind.CARRY_OVER, entries, request)
            self.changes.purses.add(person_id)
            self._set_standing(after)
        return after

    def move_carried(self, person_id: str, change_fen: int) -> Standing:
        """Changes what of an account is of earlier years; the balance is changed before.

        Raises InvariantError where it would be less than nothing or more than the balance.
        """
        before = self.standing(person_id)
        after = before._replace(carried_fen=before.carried_fen + change_fen)
        if not 0 <= after.carried_fen <= after.balance_fen:
            raise InvariantError(f"of the account of {person_id}, {after.carried_fen} fen are old")
        self.changes.purses.add(person_id)
        self._set_standing(after)
        return after

    def change_person(
        self,
        person_id: str,
        *,
        balance_change_fen: int,
        benefit_year: int = 0,
        accumulations: Iterable[tuple[str, int]] = (),
    ) -> Standing:
        """Moves the account and adds to a benefit year; returns the new standing.

        A year later than the current one closes the current one; an earlier one is kept
        beside it. Raises InvariantError where the balance would fall below zero.
        """
        before = self.standing(person_id)
        balance_fen = before.balance_fen + balance_change_fen
        if balance_fen < 0:
            raise InvariantError(f"the account of {person_id} would hold {balance_fen} fen")
        year, accumulators = before.benefit_year, before.accumulators
        if benefit_year > year:
            if year:
                self._close(person_id, year, accumulators)
            year = benefit_year
            accumulators = accumulate(self.closed_years.get((person_id, year), {}), accumulations)
        elif benefit_year == year:
            accumulators = accumulate(accumulators, accumulations)
        elif benefit_year:
            earlier = self.closed_years.get((person_id, benefit_year), {})
            self._close(person_id, benefit_year, accumulate(earlier, accumulations))
        after = before._replace(
            balance_fen=balance_fen, benefit_year=year, accumulators=accumulators
        )
        self._set_standing(after)
        return after

    def keep(
        self,
        person_id: str,
        changes: Mapping[KeptPlace, Mapping[str, int]],
        *,
        balance_change_fen: int = 0,
    ) -> None:
        """Adds to years and windows of a person, and moves the account."""
        for place, added in sorted(changes.items()):
            if place.year:
                self.change_person(
                    person_id,
                    balance_change_fen=balance_change_fen,
                    benefit_year=place.year,
                    accumulations=added.items(),
                )
                balance_change_fen = 0
            else:
                before = self.windows.get(place.scope, {})
                self.windows[place.scope] = accumulate(before, added.items())
                self.changes.windows.add(place.scope)
        if balance_change_fen:
            self.change_person(person_id, balance_change_fen=balance_change_fen)

    def _close(self, person_id: str, year: int, accumulators: Accumulators) -> None:
        self.closed_years[person_id, year] = accumulators
        self.changes.closed_years.add((person_id, year))

    def _set_standing(self, standing: Standing) -> None:
        self.standings[standing.person_id] = standing
        self.changes.person_ids.add(standing.person_id)

"""What is read of the settlement database without locks: one snapshot each."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from yibao_settlement.application.change import Change, ChangePlace, ChangeWish
from yibao_settlement.application.credential import KnownHolder
from yibao_settlement.application.credit.state import AccountClaims
from yibao_settlement.application.difference.state import FoundDifference
from yibao_settlement.application.family.offers import GiverAccount
from yibao_settlement.application.hold.listing import HoldWish
from yibao_settlement.application.hold.state import Hold
from yibao_settlement.application.reference import Reference
from yibao_settlement.application.review.listing import Place as ReviewPlace
from yibao_settlement.application.review.listing import ReviewWish
from yibao_settlement.application.settlement.history import History
from yibao_settlement.application.settlement.listing import Place, SettlementSummary, Wish
from yibao_settlement.application.settlement.record import Adjustment, SettlementRecord
from yibao_settlement.application.visit.listing import VisitPlace, VisitWish
from yibao_settlement.rules.account import Standing
from yibao_settlement.rules.account_statement import AccountIds, Movement
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.charge import Charge
from yibao_settlement.rules.difference_order import DifferenceOrder, OrderState
from yibao_settlement.rules.elsewhere.registered import (
    NOTHING_KNOWN,
    AuditHold,
    KnownCare,
)
from yibao_settlement.rules.enrolment import Enrolment, RegisteredDisease
from yibao_settlement.rules.mapping import Mappings
from yibao_settlement.rules.override import Override, OverrideState
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.repair import Repair, RepairState
from yibao_settlement.rules.repricing import PersonState, RepricedPerson, Repricing
from yibao_settlement.rules.review import Review, ReviewEvent
from yibao_settlement.rules.stay import StandingBill
from yibao_settlement.rules.token import ResolvedCode
from yibao_settlement.rules.visit import Institution, Visit


@dataclass(frozen=True, slots=True)
class TrialInputs:
    """What a trial starts from: the visit, its person and what earlier bills left.

    `standing` is None where nothing is booked of the person, `death_date` while it lives.
    `charges` are the visit's lines with ids where they were asked for.
    `standing_bills` are what stands settled or held of the visit, `holds` those of the person.
    """

    visit: Visit
    standing: Standing | None
    enrolments: Sequence[Enrolment]
    history: History
    reference: Reference
    death_date: dt.date | None = None
    charges: Sequence[Charge] = ()
    standing_bills: Sequence[StandingBill] = ()
    diseases: Sequence[RegisteredDisease] = ()
    holds: Sequence[Hold] = ()
    # Of the own codes that were asked for, by institution and code.
    mappings: Mappings = field(default_factory=dict)
    # Relatives who agreed to pay and live, with their accounts.
    givers: Sequence[GiverAccount] = ()
    # What holds the visit, and of care elsewhere what another region says of its institution
    # and what is known of registrations.
    audit_holds: Sequence[AuditHold] = ()
    treating: Reference | None = None
    known_care: KnownCare = NOTHING_KNOWN


class Reads(Protocol):
    """Reads of a region; None is for what is not there."""

    def now(self) -> dt.datetime:
        """Returns the present instant by the clock that batches decide by."""
        ...

    def visit(self, region: str, visit_id: str) -> Visit | None:
        """Returns the visit."""
        ...

    def visit_numbered(
        self, region: str, institution_id: str, provider_visit_number: str
    ) -> Visit | None:
        """Returns an institution's visit of a number that was not cancelled."""
        ...

    def visits(
        self, region: str, wish: VisitWish, *, after: VisitPlace | None, limit: int
    ) -> list[Visit]:
        """Returns at most `limit` visits of an institution, the one registered last first."""
        ...

    def undischarged_stays(self, region: str, person_id: str) -> Sequence[Visit]:
        """Returns the person's stays whose discharge was not told, by their first days."""
        ...

    def difference(self, region: str, person_id: str) -> FoundDifference:
        """Returns what lies between the funds and a person.

        Of each, the settlement as it was told first and as each refund left it.
        Records that were merged are one person.
        """
        ...

    def difference_order(self, region: str, order_id: str) -> DifferenceOrder | None:
        """Returns an order that settles a difference."""
        ...

    def difference_orders(
        self, region: str, state: OrderState | None, *, after: str | None, limit: int
    ) -> Sequence[DifferenceOrder]:
        """Returns at most `limit` orders, the one proposed first at the head.

        Of any state where none is told; `after` is the id of the last one before.
        """
        ...

    def holder(self, region: str, certificate_id: str) -> KnownHolder | None:
        """Returns whose e-certificate it is, as the feed told of it."""
        ...

    def repair(self, region: str, repair_id: str) -> Repair | None:
        """Returns a repair."""
        ...

    def repairs(
        self, region: str, state: RepairState | None, *, after: str | None, limit: int
    ) -> Sequence[Repair]:
        """Returns at most `limit` repairs, the one proposed first at the head.

        Of any state where none is told; `after` is the id of the last one before.
        """
        ...

    def override(self, region: str, override_id: str) -> Override | None:
        """Returns an override."""
        ...

    def overrides(
        self, region: str, state: OverrideState | None, *, after: str | None, limit: int
    ) -> Sequence[Override]:
        """Returns at most `limit` overrides, the one proposed first at the head.

        Of any state where none is told; `after` is the id of the last one before.
        """
        ...

    def first_settlement_id(self, region: str, person_id: str) -> str | None:
        """Returns the first settlement of a person that stands, by the order of places.

        Records that were merged are one person.
        """
        ...

    def bills_of(self, region: str, person_id: str) -> Sequence[tuple[SettlementRecord, Visit]]:
        """Returns the settlements of a person that stand, as they were settled, with visits.

        Records that were merged are one person.
        """
        ...

    def open_repricings(self, region: str) -> Sequence[tuple[Repricing, int]]:
        """Returns the repricings with persons who wait for a step, and how many these are.

        The one proposed first at the head.
        """
        ...

    def repriced_persons(
        self,
        region: str,
        repricing_id: str,
        state: PersonState,
        *,
        after: str | None,
        limit: int,
    ) -> Sequence[RepricedPerson]:
        """Returns at most `limit` persons of a repricing in a state, by their ids."""
        ...

    def persons_with_due(self, region: str) -> Sequence[str]:
        """Returns to whose accounts something is due, each under the record that stands."""
        ...

    def standing_bills(self, region: str, visit_id: str) -> Sequence[StandingBill]:
        """Returns what stands settled or held of the visit."""
        ...

    def hold(self, region: str, hold_id: str) -> Hold | None:
        """Returns the hold."""
        ...

    def held(self, region: str, wish: HoldWish, *, after: str | None, limit: int) -> Sequence[Hold]:
        """Returns at most `limit` of what is held behind a hold, the one held first first."""
        ...

    def run_out(self, region: str, now: dt.datetime, *, limit: int) -> Sequence[str]:
        """Returns at most `limit` persons of whom holds ran out, those of longest ago first."""
        ...

    def first_use(
        self, region: str, institution_id: str, provider_visit_number: str
    ) -> tuple[Institution | None, Visit | None]:
        """Returns an institution, and its visit of a number that was not cancelled."""
        ...

    def trial_inputs(
        self,
        region: str,
        visit_id: str,
        *,
        day: dt.date,
        item_codes: set[str],
        with_charges: bool = False,
        own_codes: Collection[str] = (),
    ) -> TrialInputs | None:
        """Returns what a trial of a bill of the visit, of a day, starts from.

        With its lines with ids and their items, where `with_charges`, and with what own codes
        of its institution are mapped to, and the items of these.
        """
        ...

    def settlement(self, region: str, settlement_id: str) -> SettlementRecord | None:
        """Returns the settlement."""
        ...

    def told(
        self, region: str, settlement_id: str
    ) -> tuple[Sequence[SettlementRecord], Sequence[Adjustment]]:
        """Returns a settlement as it was told first and as each refund left it, and what moved.

        Nothing of one that is not there.
        """
        ...

    def causes(self, region: str, person_id: str, cause_ids: Collection[str]) -> Mapping[str, str]:
        """Returns of reversals and refunds of a person's bills, by id, which settlement it was.

        Records that were merged are one person.
        """
        ...

    def bills_before(self, region: str, person_id: str, place: str) -> Sequence[SettlementRecord]:
        """Returns the person's bills that stand before a place, in the order of their places.

        Records that were merged are one person.
        """
        ...

    def settlement_numbered(self, region: str, visit_id: str, bill_number: str) -> str | None:
        """Returns which settlement of a visit bears a number: what stands, or was reversed last."""
        ...

    def settled_at(self, region: str, settlement_id: str) -> str | None:
        """Returns the institution of the settlement, also where its record was altered."""
        ...

    def settlements(
        self, region: str, wish: Wish, *, after: Place | None, limit: int
    ) -> list[SettlementSummary]:
        """Returns at most `limit` settlements, the one settled last first."""
        ...

    def changes(
        self, region: str, wish: ChangeWish, *, after: ChangePlace | None, limit: int
    ) -> list[Change]:
        """Returns at most `limit` changes of settlements' amounts, the oldest first."""
        ...

    def summaries(self, region: str, settlement_ids: Sequence[str]) -> list[SettlementSummary]:
        """Returns the settlements that are there, in no order."""
        ...

    def review(self, region: str, review_id: str) -> Review | None:
        """Returns the case."""
        ...

    def review_events(self, region: str, review_id: str) -> Sequence[ReviewEvent]:
        """Returns what was done to the case, in that order."""
        ...

    def reviews(
        self, region: str, wish: ReviewWish, *, after: ReviewPlace | None, limit: int
    ) -> list[Review]:
        """Returns at most `limit` cases, the one opened first at the head."""
        ...

    def waiting_reviews(self, region: str) -> int:
        """Returns how many cases wait for somebody."""
        ...

    def policy(self, region: str, policy_version: str) -> AnyPolicy | None:
        """Returns the compiled policy, whatever its state."""
        ...

    def standing(self, region: str, person_id: str) -> Standing | None:
        """Returns the person's account and current year."""
        ...

    def account_movements(self, region: str, person_id: str, ids: AccountIds) -> list[Movement]:
        """Returns all that was booked of a personal account, in no order."""
        ...

    def account_claims(self, region: str, person_id: str) -> AccountClaims:
        """Returns what is owed of a personal account, and whether it is closed.

        Records that were merged are one person.
        """
        ...

    def token_holder(self, region: str, token_hash: str) -> tuple[ResolvedCode, KnownHolder] | None:
        """Returns what a token stands for, and whose code it was, as is known by now."""
        ...

    def catalogue_item(self, region: str, item_code: str, day: dt.date) -> CatalogueItem | None:
        """Returns the item's row in force on `day`."""
        ...

    def reference(self, region: str, item_codes: set[str]) -> Reference:
        """Returns the region's reference data of now, with the rows of `item_codes`."""
        ...

    def fund_balances(self, region: str) -> list[tuple[str, int]]:
        """Returns every fund account with the sum of its entries in fen, by account."""
        ...

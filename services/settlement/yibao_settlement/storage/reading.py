"""What callers read: one snapshot each, no locks."""

import datetime as dt
from collections.abc import Collection, Sequence

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.db.rows import database_time
from yibao_common.values.clock import Clock
from yibao_settlement.application.change import Change, ChangePlace, ChangeWish
from yibao_settlement.application.credential import KnownHolder
from yibao_settlement.application.credit.state import AccountClaims
from yibao_settlement.application.difference.state import FoundDifference
from yibao_settlement.application.hold.listing import HoldWish
from yibao_settlement.application.hold.state import Hold
from yibao_settlement.application.reading import TrialInputs
from yibao_settlement.application.reference import Reference
from yibao_settlement.application.review.listing import Place as ReviewPlace
from yibao_settlement.application.review.listing import ReviewWish
from yibao_settlement.application.settlement.listing import Place, SettlementSummary, Wish
from yibao_settlement.application.settlement.record import Adjustment, SettlementRecord
from yibao_settlement.application.visit.listing import VisitPlace, VisitWish
from yibao_settlement.rules.account import Standing
from yibao_settlement.rules.account_statement import AccountIds, Movement
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.difference_order import DifferenceOrder, OrderState
from yibao_settlement.rules.override import Override, OverrideState
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.rules.repair import Repair, RepairState
from yibao_settlement.rules.repricing import PersonState, RepricedPerson, Repricing
from yibao_settlement.rules.review import Review, ReviewEvent
from yibao_settlement.rules.stay import StandingBill
from yibao_settlement.rules.token import ResolvedCode
from yibao_settlement.rules.visit import Institution, Visit
from yibao_settlement.storage.account import find_standing
from yibao_settlement.storage.account_record import find_token_holder
from yibao_settlement.storage.account_statement import account_movements
from yibao_settlement.storage.change import list_changes
from yibao_settlement.storage.credential.holder import find_holder
from yibao_settlement.storage.credit.record import find_claims
from yibao_settlement.storage.difference.find import find_difference, persons_with_due
from yibao_settlement.storage.difference.order import find_order, list_orders
from yibao_settlement.storage.hold.listing import list_held
from yibao_settlement.storage.hold.record import find_hold, run_out
from yibao_settlement.storage.ledger.posting import account_balances
from yibao_settlement.storage.override.record import find_overrides, list_overrides
from yibao_settlement.storage.reference import ReferenceCache, read_epoch
from yibao_settlement.storage.repair.record import (
    find_repairs,
    first_settlement_id,
    list_repairs,
)
from yibao_settlement.storage.repricing.bills import bills_with_visits
from yibao_settlement.storage.repricing.person import persons_of
from yibao_settlement.storage.repricing.record import open_repricings
from yibao_settlement.storage.review.listing import count_waiting, list_reviews
from yibao_settlement.storage.review.record import find_review, review_events
from yibao_settlement.storage.settlement.before import find_bills_before
from yibao_settlement.storage.settlement.cause import find_causes
from yibao_settlement.storage.settlement.find import (
    find_settlement,
    find_told,
    settled_at,
    settlement_numbered,
)
from yibao_settlement.storage.settlement.listing import list_settlements, summaries_of
from yibao_settlement.storage.settlement.standing import standing_bills
from yibao_settlement.storage.settlement.trial import find_trial_inputs
from yibao_settlement.storage.visit import (
    find_numbered,
    find_visit,
    list_visits,
    undischarged_stays,
)


class StoredReads:
    """Reads of the settlement database; see `Reads`."""

    def __init__(
        self, database: Database, reference: ReferenceCache, *, clock: Clock | None = None
    ) -> None:
        """Takes the database and the reference data kept of it.

        `clock` stands for that of the database.
        """
        self._database = database
        self._reference = reference
        self._clock = clock

    def now(self) -> dt.datetime:
        """Returns the present instant by the clock of the database."""
        if self._clock is not None:
            return self._clock()
        with self._database.read() as connection:
            return database_time(connection)

    def visit(self, region: str, visit_id: str) -> Visit | None:
        """Returns the visit, or None."""
        with self._database.read() as connection:
            return find_visit(connection, region, visit_id)

    def visit_numbered(
        self, region: str, institution_id: str, provider_visit_number: str
    ) -> Visit | None:
        """Returns an institution's visit of a number that was not cancelled, or None."""
        with self._database.read() as connection:
            return find_numbered(connection, region, institution_id, provider_visit_number)

    def visits(
        self, region: str, wish: VisitWish, *, after: VisitPlace | None, limit: int
    ) -> list[Visit]:
        """Returns at most `limit` visits of an institution, the one registered last first."""
        with self._database.read() as connection:
            return list_visits(connection, region, wish, after=after, limit=limit)

    def undischarged_stays(self, region: str, person_id: str) -> list[Visit]:
        """Returns the person's stays whose discharge was not told, by their first days.

        Also those of records that were merged into the person's: their bills are settled on.
        """
        with self._database.read() as connection:
            return undischarged_stays(connection, region, person_id)

    def difference(self, region: str, person_id: str) -> FoundDifference:
        """Returns what lies between the funds and a person.

        Records that were merged are one person.
        """
        with self._database.read() as connection:
            return find_difference(connection, region, person_id)

    def difference_order(self, region: str, order_id: str) -> DifferenceOrder | None:
        """Returns an order that settles a difference, or None."""
        with self._database.read() as connection:
            return find_order(connection, region, order_id)

    def difference_orders(
        self, region: str, state: OrderState | None, *, after: str | None, limit: int
    ) -> list[DifferenceOrder]:
        """Returns at most `limit` orders, the one proposed first at the head."""
        with self._database.read() as connection:
            return list_orders(connection, region, state, after=after, limit=limit)

    def holder(self, region: str, certificate_id: str) -> KnownHolder | None:
        """Returns whose e-certificate it is, or None."""
        with self._database.read() as connection:
            return find_holder(connection, region, certificate_id)

    def repair(self, region: str, repair_id: str) -> Repair | None:
        """Returns a repair, or None."""
        with self._database.read() as connection:
            return find_repairs(connection, region, [repair_id]).get(repair_id)

    def repairs(
        self, region: str, state: RepairState | None, *, after: str | None, limit: int
    ) -> list[Repair]:
        """Returns at most `limit` repairs, the one proposed first at the head."""
        with self._database.read() as connection:
            return list_repairs(connection, region, state, after=after, limit=limit)

    def override(self, region: str, override_id: str) -> Override | None:
        """Returns an override, or None."""
        with self._database.read() as connection:
            return find_overrides(connection, region, [override_id]).get(override_id)

    def overrides(
        self, region: str, state: OverrideState | None, *, after: str | None, limit: int
    ) -> list[Override]:
        """Returns at most `limit` overrides, the one proposed first at the head."""
        with self._database.read() as connection:
            return list_overrides(connection, region, state, after=after, limit=limit)

    def first_settlement_id(self, region: str, person_id: str) -> str | None:
        """Returns the first settlement of a person that stands, or None."""
        with self._database.read() as connection:
            return first_settlement_id(connection, region, person_id)

    def bills_of(self, region: str, person_id: str) -> list[tuple[SettlementRecord, Visit]]:
        """Returns the settlements of a person that stand, as they were settled, with visits."""
        with self._database.read() as connection:
            return bills_with_visits(connection, region, person_id)

    def open_repricings(self, region: str) -> list[tuple[Repricing, int]]:
        """Returns the repricings with persons who wait for a step, and how many these are."""
        with self._database.read() as connection:
            return open_repricings(connection, region)

    def repriced_persons(
        self,
        region: str,
        repricing_id: str,
        state: PersonState,
        *,
        after: str | None,
        limit: int,
    ) -> list[RepricedPerson]:
        """Returns at most `limit` persons of a repricing in a state, by their ids."""
        with self._database.read() as connection:
            return persons_of(connection, region, repricing_id, [state], after=after, limit=limit)

    def persons_with_due(self, region: str) -> list[str]:
        """Returns to whose accounts something is due, each under the record that stands."""
        with self._database.read() as connection:
            return persons_with_due(connection, region)

    def standing_bills(self, region: str, visit_id: str) -> list[StandingBill]:
        """Returns what stands settled or held of the visit."""
        with self._database.read() as connection:
            return standing_bills(connection, region, visit_id)

    def hold(self, region: str, hold_id: str) -> Hold | None:
        """Returns the hold, or None."""
        with self._database.read() as connection:
            return find_hold(connection, region, hold_id)

    def held(self, region: str, wish: HoldWish, *, after: str | None, limit: int) -> list[Hold]:
        """Returns at most `limit` of what is held, the one held first first."""
        with self._database.read() as connection:
            return list_held(connection, region, wish, after=after, limit=limit)

    def run_out(self, region: str, now: dt.datetime, *, limit: int) -> list[str]:
        """Returns at most `limit` persons of whom holds ran out, those of longest ago first."""
        with self._database.read() as connection:
            return run_out(connection, region, now, limit=limit)

    def first_use(
        self, region: str, institution_id: str, provider_visit_number: str
    ) -> tuple[Institution | None, Visit | None]:
        """Returns an institution, and its visit of a number that was not cancelled."""
        with self._database.read() as connection:
            institution = self._view(connection, region, set()).institution(institution_id)
            visit = find_numbered(connection, region, institution_id, provider_visit_number)
        return institution, visit

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
        """Returns what a trial of a bill of the visit starts from, or None."""
        with self._database.read() as connection:
            return find_trial_inputs(
                connection,
                region,
                visit_id,
                day=day,
                with_charges=with_charges,
                own_codes=own_codes,
                view=lambda codes: self._view(connection, region, item_codes | codes),
                view_of=lambda place: self._view(connection, place, set()),
                now=self.now,
            )

    def settlement(self, region: str, settlement_id: str) -> SettlementRecord | None:
        """Returns the settlement, or None."""
        with self._database.read() as connection:
            return find_settlement(connection, region, settlement_id)

    def told(
        self, region: str, settlement_id: str
    ) -> tuple[list[SettlementRecord], list[Adjustment]]:
        """Returns a settlement as it was told first and as each refund left it, and what moved."""
        with self._database.read() as connection:
            return find_told(connection, region, settlement_id)

    def causes(self, region: str, person_id: str, cause_ids: Collection[str]) -> dict[str, str]:
        """Returns of reversals and refunds of a person's bills, by id, which settlement it was."""
        with self._database.read() as connection:
            return find_causes(connection, region, person_id, cause_ids)

    def bills_before(self, region: str, person_id: str, place: str) -> list[SettlementRecord]:
        """Returns the person's bills that stand before a place, in the order of their places."""
        with self._database.read() as connection:
            return find_bills_before(connection, region, person_id, place)

    def settlement_numbered(self, region: str, visit_id: str, bill_number: str) -> str | None:
        """Returns which settlement of a visit bears a number, or None."""
        with self._database.read() as connection:
            return settlement_numbered(connection, region, visit_id, bill_number)

    def settled_at(self, region: str, settlement_id: str) -> str | None:
        """Returns the institution of the settlement, or None."""
        with self._database.read() as connection:
            return settled_at(connection, region, settlement_id)

    def settlements(
        self, region: str, wish: Wish, *, after: Place | None, limit: int
    ) -> list[SettlementSummary]:
        """Returns at most `limit` settlements, the one settled last first."""
        with self._database.read() as connection:
            return list_settlements(connection, region, wish, after=after, limit=limit)

    def changes(
        self, region: str, wish: ChangeWish, *, after: ChangePlace | None, limit: int
    ) -> list[Change]:
        """Returns at most `limit` changes of settlements' amounts, the oldest first."""
        with self._database.read() as connection:
            return list_changes(connection, region, wish, after=after, limit=limit)

    def summaries(self, region: str, settlement_ids: Sequence[str]) -> list[SettlementSummary]:
        """Returns the settlements that are there, in no order."""
        with self._database.read() as connection:
            return summaries_of(connection, region, settlement_ids)

    def review(self, region: str, review_id: str) -> Review | None:
        """Returns the case, or None."""
        with self._database.read() as connection:
            return find_review(connection, region, key="review_id", value=review_id)

    def review_events(self, region: str, review_id: str) -> list[ReviewEvent]:
        """Returns what was done to the case, in that order."""
        with self._database.read() as connection:
            return review_events(connection, region, review_id)

    def reviews(
        self, region: str, wish: ReviewWish, *, after: ReviewPlace | None, limit: int
    ) -> list[Review]:
        """Returns at most `limit` cases, the one opened first at the head."""
        with self._database.read() as connection:
            return list_reviews(connection, region, wish, after=after, limit=limit)

    def waiting_reviews(self, region: str) -> int:
        """Returns how many cases wait for somebody."""
        with self._database.read() as connection:
            return count_waiting(connection, region)

    def policy(self, region: str, policy_version: str) -> AnyPolicy | None:
        """Returns the compiled policy, whatever its state, or None."""
        with self._database.read() as connection:
            return self._reference.policy_version(connection, region, policy_version)

    def standing(self, region: str, person_id: str) -> Standing | None:
        """Returns the person's account and current year, or None."""
        with self._database.read() as connection:
            return find_standing(connection, region, person_id)

    def token_holder(self, region: str, token_hash: str) -> tuple[ResolvedCode, KnownHolder] | None:
        """Returns what a token stands for, and whose code it was, as is known by now."""
        with self._database.read() as connection:
            return find_token_holder(connection, region, token_hash)

    def account_movements(self, region: str, person_id: str, ids: AccountIds) -> list[Movement]:
        """Returns all that was booked of a personal account, in no order."""
        with self._database.read() as connection:
            return account_movements(connection, region, person_id, ids)

    def account_claims(self, region: str, person_id: str) -> AccountClaims:
        """Returns what is owed of a personal account, and whether it is closed."""
        with self._database.read() as connection:
            return find_claims(connection, region, person_id)

    def catalogue_item(self, region: str, item_code: str, day: dt.date) -> CatalogueItem | None:
        """Returns the item's row in force on `day`, or None."""
        with self._database.read() as connection:
            return self._view(connection, region, {item_code}).item(item_code, day)

    def reference(self, region: str, item_codes: set[str]) -> Reference:
        """Returns the region's reference data of now, with the rows of `item_codes`."""
        with self._database.read() as connection:
            return self._view(connection, region, item_codes)

    def _view(self, connection: sa.Connection, region: str, item_codes: set[str]) -> Reference:
        epoch = read_epoch(connection, region)
        return self._reference.view(connection, region, item_codes, epoch=epoch)

    def fund_balances(self, region: str) -> list[tuple[str, int]]:
        """Returns every fund account with the sum of its entries in fen, by account."""
        with self._database.read() as connection:
            return account_balances(connection, region, "fund:")

"""What is read of settlement without locks, in memory."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from yibao_common.values.clock import Clock, system_clock
from yibao_settlement.application.change import Change, ChangePlace, ChangeWish
from yibao_settlement.application.credential import KnownHolder
from yibao_settlement.application.credit.state import AccountClaims
from yibao_settlement.application.difference.state import FoundDifference
from yibao_settlement.application.hold.listing import HoldWish
from yibao_settlement.application.hold.state import Hold
from yibao_settlement.application.reading import Reads, TrialInputs
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
from yibao_settlement.rules.policy.policy import Policy
from yibao_settlement.rules.repair import Repair, RepairState
from yibao_settlement.rules.repricing import PersonState, RepricedPerson, Repricing
from yibao_settlement.rules.review import WAITING, Review, ReviewEvent
from yibao_settlement.rules.stay import StandingBill
from yibao_settlement.rules.token import ResolvedCode
from yibao_settlement.rules.visit import Institution, Visit


@dataclass(slots=True)
class MemoryReads(Reads):
    """One region's values, by id; nothing is listed."""

    visits_by_id: dict[str, Visit] = field(default_factory=dict)
    institutions: dict[str, Institution] = field(default_factory=dict)
    trials: dict[str, TrialInputs] = field(default_factory=dict)
    settled: dict[str, SettlementRecord] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    bills: dict[str, list[StandingBill]] = field(default_factory=dict)
    cases: dict[str, Review] = field(default_factory=dict)
    case_events: dict[str, list[ReviewEvent]] = field(default_factory=dict)
    references: dict[str, Reference] = field(default_factory=dict)
    orders: dict[str, DifferenceOrder] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    holders: dict[str, KnownHolder] = field(default_factory=dict)
    clock: Clock = system_clock

    def now(self) -> dt.datetime:
        return self.clock()

    def visit(self, region: str, visit_id: str) -> Visit | None:
        return self.visits_by_id.get(visit_id)

    def visit_numbered(
        self, region: str, institution_id: str, provider_visit_number: str
    ) -> Visit | None:
        return self.first_use(region, institution_id, provider_visit_number)[1]

    def visits(
        self, region: str, wish: VisitWish, *, after: VisitPlace | None, limit: int
    ) -> list[Visit]:
        return []

    def undischarged_stays(self, region: str, person_id: str) -> list[Visit]:
        return [
            each
            for each in self.visits_by_id.values()
            if each.person_id == person_id and each.is_undischarged_stay
        ]

    def difference(self, region: str, person_id: str) -> FoundDifference:
        own = [each for each in self.settled.values() if each.person_id == person_id]
        moved: list[tuple[tuple[SettlementRecord, ...], list[Adjustment]]] = [
            ((each,), [each.adjustment]) for each in own if each.adjustment is not None
        ]
        before = [told[0].counter for told, _ in moved]
        after = [told[0].effective for told, _ in moved]
        return FoundDifference(
            sum(each.cash_fen for each in before) - sum(each.cash_fen for each in after),
            sum(each.account_fen for each in before) - sum(each.account_fen for each in after),
            moved,
            [each for each in self.orders.values() if each.person_id == person_id],
            [],
        )

    def persons_with_due(self, region: str) -> list[str]:
        return []

    def difference_order(self, region: str, order_id: str) -> DifferenceOrder | None:
        return self.orders.get(order_id)

    def difference_orders(
        self, region: str, state: OrderState | None, *, after: str | None, limit: int
    ) -> list[DifferenceOrder]:
        return []

    def holder(self, region: str, certificate_id: str) -> KnownHolder | None:
        return self.holders.get(certificate_id)

    def overrides(
        self, region: str, state: OverrideState | None, *, after: str | None, limit: int
    ) -> list[Override]:
        return []

    def repairs(
        self, region: str, state: RepairState | None, *, after: str | None, limit: int
    ) -> list[Repair]:
        return []

    def override(self, region: str, override_id: str) -> Override | None:
        return None

    def repair(self, region: str, repair_id: str) -> Repair | None:
        return None

    def bills_of(self, region: str, person_id: str) -> list[tuple[SettlementRecord, Visit]]:
        return [
            (each, self.visits_by_id[each.visit_id])
            for each in self.settled.values()
            if each.person_id == person_id and each.reversal is None
        ]

    def open_repricings(self, region: str) -> list[tuple[Repricing, int]]:
        return []

    def repriced_persons(
        self,
        region: str,
        repricing_id: str,
        state: PersonState,
        *,
        after: str | None,
        limit: int,
    ) -> list[RepricedPerson]:
        return []

    def first_settlement_id(self, region: str, person_id: str) -> str | None:
        own = [
            each.place
            for each in self.settled.values()
            if each.person_id == person_id and each.reversal is None
        ]
        return min(own, default=None)

    def standing_bills(self, region: str, visit_id: str) -> list[StandingBill]:
        return self.bills.get(visit_id, [])

    def hold(self, region: str, hold_id: str) -> Hold | None:
        return self.holds.get(hold_id)

    def held(self, region: str, wish: HoldWish, *, after: str | None, limit: int) -> list[Hold]:
        return []

    def run_out(self, region: str, now: dt.datetime, *, limit: int) -> list[str]:
        return [each.holder_id for each in self.holds.values() if each.has_run_out(now)][:limit]

    def first_use(
        self, region: str, institution_id: str, provider_visit_number: str
    ) -> tuple[Institution | None, Visit | None]:
        named = (institution_id, provider_visit_number)
        found = (
            each
            for each in self.visits_by_id.values()
            if (each.institution_id, each.provider_visit_number) == named
            and each.cancel_time is None
        )
        return self.institutions.get(institution_id), next(found, None)

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
        return self.trials.get(visit_id)

    def settlement(self, region: str, settlement_id: str) -> SettlementRecord | None:
        return self.settled.get(settlement_id)

    def told(
        self, region: str, settlement_id: str
    ) -> tuple[list[SettlementRecord], list[Adjustment]]:
        found = self.settled.get(settlement_id)
        if found is None:
            return [], []
        return [found.as_settled], [] if found.adjustment is None else [found.adjustment]

    def causes(self, region: str, person_id: str, cause_ids: Collection[str]) -> dict[str, str]:
        return {}

    def bills_before(self, region: str, person_id: str, place: str) -> list[SettlementRecord]:
        return [
            each
            for each in sorted(self.settled.values(), key=lambda record: record.place)
            if each.person_id == person_id and each.reversal is None and each.place < place
        ]

    def settlement_numbered(self, region: str, visit_id: str, bill_number: str) -> str | None:
        return None

    def settled_at(self, region: str, settlement_id: str) -> str | None:
        found = self.settled.get(settlement_id)
        return None if found is None else found.institution_id

    def changes(
        self, region: str, wish: ChangeWish, *, after: ChangePlace | None, limit: int
    ) -> list[Change]:
        return []

    def summaries(self, region: str, settlement_ids: Sequence[str]) -> list[SettlementSummary]:
        return []

    def review(self, region: str, review_id: str) -> Review | None:
        return self.cases.get(review_id)

    def review_events(self, region: str, review_id: str) -> list[ReviewEvent]:
        return self.case_events.get(review_id, [])

    def reviews(
        self, region: str, wish: ReviewWish, *, after: ReviewPlace | None, limit: int
    ) -> list[Review]:
        return []

    def waiting_reviews(self, region: str) -> int:
        return sum(each.state in WAITING for each in self.cases.values())

    def settlements(
        self, region: str, wish: Wish, *, after: Place | None, limit: int
    ) -> list[SettlementSummary]:
        return []

    def policy(self, region: str, policy_version: str) -> Policy | None:
        return self.policies.get(policy_version)

    def standing(self, region: str, person_id: str) -> Standing | None:
        return self.standings.get(person_id)

    def account_movements(self, region: str, person_id: str, ids: AccountIds) -> list[Movement]:
        return []

    def account_claims(self, region: str, person_id: str) -> AccountClaims:
        return AccountClaims()

    def token_holder(self, region: str, token_hash: str) -> tuple[ResolvedCode, KnownHolder] | None:
        return None

    def catalogue_item(self, region: str, item_code: str, day: dt.date) -> CatalogueItem | None:
        return None

    def reference(self, region: str, item_codes: set[str]) -> Reference:
        return self.references[region]

    def fund_balances(self, region: str) -> list[tuple[str, int]]:
        return []

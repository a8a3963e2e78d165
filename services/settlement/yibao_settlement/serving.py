"""Makes the servicers of the settlement service out of what a running one holds."""

import functools

from yibao.trust_store import TrustStore
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.transactions import Transactions
from yibao_common.db.batcher import Batcher
from yibao_common.db.database import Database
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.rpc.server_info import Known, ServerInfoServicer
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_settlement.application.account_close.close import AccountCloses
from yibao_settlement.application.account_close.find import ClosedAccounts
from yibao_settlement.application.allocation.orders import Allocations
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.catalogue import Catalogue
from yibao_settlement.application.catalogue_version.approve import Approving
from yibao_settlement.application.catalogue_version.bring import Bringing
from yibao_settlement.application.catalogue_version.find import CatalogueVersions
from yibao_settlement.application.catalogue_version.look_up import LookingUp
from yibao_settlement.application.catalogue_version.roll_back import RollingBack
from yibao_settlement.application.catalogue_version.terms import Terms
from yibao_settlement.application.credit.find import CreditBook
from yibao_settlement.application.day.find import Days
from yibao_settlement.application.declaration.declare import Declarations
from yibao_settlement.application.declaration.find import DeclarationReads
from yibao_settlement.application.declaration.order import DeclarationOrders
from yibao_settlement.application.declaration.pay import InstitutionPayments
from yibao_settlement.application.institution.find import InstitutionReads
from yibao_settlement.application.institution.registry import InstitutionRegistry
from yibao_settlement.application.mapping.book import MappingBook
from yibao_settlement.application.period.close import Periods
from yibao_settlement.application.policy import Policies
from yibao_settlement.application.report.find import Reports
from yibao_settlement.application.repricing.orders import Repricings
from yibao_settlement.application.transfer.find import TransferBook
from yibao_settlement.application.work import Work
from yibao_settlement.application.year.close import Years
from yibao_settlement.application.year.find import YearStatements
from yibao_settlement.config import SettlementConfig
from yibao_settlement.files.account_close import read_rules
from yibao_settlement.servicer.account import AccountServicer
from yibao_settlement.servicer.account_close import AccountCloseServicer
from yibao_settlement.servicer.account_record import AccountRecordServicer
from yibao_settlement.servicer.allocation import AllocationServicer
from yibao_settlement.servicer.catalogue import CatalogueServicer
from yibao_settlement.servicer.catalogue_version.calls import CatalogueVersionServicer, Rooms
from yibao_settlement.servicer.change.calls import ChangeServicer
from yibao_settlement.servicer.change.watch import ChangeWatch
from yibao_settlement.servicer.charge import ChargeServicer
from yibao_settlement.servicer.credential import Viewers
from yibao_settlement.servicer.credit import CreditServicer
from yibao_settlement.servicer.declaration.calls import DeclarationServicer
from yibao_settlement.servicer.declaration.payments import InstitutionPaymentServicer
from yibao_settlement.servicer.difference import DifferenceServicer
from yibao_settlement.servicer.elsewhere.feed_client import OffsiteAges
from yibao_settlement.servicer.feed.age import FeedAges
from yibao_settlement.servicer.hold import HoldServicer
from yibao_settlement.servicer.institution.calls import InstitutionServicer
from yibao_settlement.servicer.mapping import MappingServicer
from yibao_settlement.servicer.news import News
from yibao_settlement.servicer.override import Acts, Overriding
from yibao_settlement.servicer.period import ClearingServicer
from yibao_settlement.servicer.policy import PolicyServicer
from yibao_settlement.servicer.refund.calls import RefundServicer
from yibao_settlement.servicer.refund.correcting import Correcting
from yibao_settlement.servicer.refused_lines import RefusedLines
from yibao_settlement.servicer.report import ReportServicer
from yibao_settlement.servicer.repricing import RepricingServicer
from yibao_settlement.servicer.review import ReviewServicer
from yibao_settlement.servicer.settlement import SettlementServicer
from yibao_settlement.servicer.settling import Settling
from yibao_settlement.servicer.transfer import TransferServicer
from yibao_settlement.servicer.trust.holder import TrustHolder
from yibao_settlement.servicer.visit import VisitServicer
from yibao_settlement.servicer.year import YearServicer
from yibao_settlement.servicers import Servicers, credentials_of
from yibao_settlement.storage.reading import StoredReads
from yibao_settlement.storage.simulation import StoredHistory
from yibao_settlement.trust_opening import trust_state

# As which identity knows this service by its certificate, and what it calls itself.
SERVICE = "settlement"


class Serving:
    """What servicers are made of."""

    def __init__(
        self,
        config: SettlementConfig,
        engine: tuple[Batcher[Command, bytes], StoredReads, Blocking],
        transactions: Transactions[Work],
        *,
        database: Database,
        closing: Blocking,
        clock: Clock,
        ids: Ids,
        log: Log,
    ) -> None:
        """Takes the engine, and the thread of who closes months and years."""
        self._config = config
        self._engine = engine
        self._transactions = transactions
        self._database = database
        self._closing = closing
        self._clock = clock
        self._ids = ids
        self._log = log

    def servicers(
        self,
        *,
        ages: FeedAges,
        offsite_ages: OffsiteAges,
        trust: TrustHolder,
        trust_store: TrustStore,
        news: News,
        changes: ChangeWatch,
        metrics: Metrics,
    ) -> Servicers:
        """Returns all servicers; each is given what it needs and no more."""
        engine, transactions = self._engine, self._transactions
        batcher, reads, blocking = engine
        settling = self._settling(trust)
        viewers = Viewers(reads, blocking, check_feed=ages.check, clock=self._clock)
        refused_lines = RefusedLines(metrics=metrics, log=self._log)
        ended = self._database.others_ended
        policies = Policies(transactions, clock=self._clock)
        periods = Periods(transactions, others_ended=ended, clock=reads.now, ids=self._ids)
        days = Days(transactions, clock=reads.now)
        years = Years(transactions, others_ended=ended, clock=reads.now, ids=self._ids)
        return Servicers(
            VisitServicer(
                *engine,
                trust=trust,
                news=news,
                terms=Terms(transactions, regions=self._config.catalogue.terms_checked_in or ()),
                discharge_required_in=self._config.visits.discharge_required_in or (),
                clock=self._clock,
            ),
            credentials_of(self._config, news, trust, clock=self._clock),
            self._settlements(settling, viewers, refused_lines, news),
            ChangeServicer(reads, blocking, watch=changes),
            self._refunds(settling, refused_lines, news),
            HoldServicer(
                *engine, news=news, settling=settling, valid_for=self._config.holds.valid_for
            ),
            ChargeServicer(*engine, clock=self._clock),
            ReviewServicer(*engine),
            self._accounts(news, viewers),
            CreditServicer(batcher, CreditBook(transactions), blocking),
            AllocationServicer(Allocations(transactions, clock=reads.now, ids=self._ids), blocking),
            self._transfers(),
            AccountRecordServicer(reads, blocking, viewers=viewers, clock=self._clock),
            DifferenceServicer(
                *engine,
                viewers=viewers,
                dust_fen=self._config.accounts.difference_dust_fen or {},
            ),
            ClearingServicer(periods, days, blocking, self._closing),
            *self._declarations(),
            YearServicer(years, YearStatements(transactions), blocking, self._closing),
            self._account_closes(reads.now, blocking),
            ReportServicer(Reports(transactions, clock=reads.now), blocking),
            RepricingServicer(Repricings(transactions, clock=self._clock, ids=self._ids), blocking),
            self._catalogue(),
            self._catalogue_versions(),
            self._mappings(),
            self._institutions(),
            PolicyServicer(policies, StoredHistory(self._database), blocking, clock=self._clock),
            self._info(ages, offsite_ages, trust_store),
        )

    def _settlements(
        self, settling: Settling, viewers: Viewers, refused_lines: RefusedLines, news: News
    ) -> SettlementServicer:
        return SettlementServicer(
            *self._engine,
            news=news,
            settling=settling,
            viewers=viewers,
            clock=self._clock,
            ids=self._ids,
            log=self._log,
            refused_lines=refused_lines,
            newest_first_in=self._config.refunds.newest_first_in or (),
            own_debts=self._config.refunds.own_debts or {},
        )

    def _refunds(
        self, settling: Settling, refused_lines: RefusedLines, news: News
    ) -> RefundServicer:
        batcher, reads, blocking = self._engine
        refunds = self._config.refunds
        own_debts, newest_first_in = refunds.own_debts or {}, refunds.newest_first_in or ()
        cash_first_in, own_first_in = refunds.cash_first_in or (), refunds.own_first_in or ()
        acts = Acts(
            cash_first_in=cash_first_in,
            own_first_in=own_first_in,
            carried_first_in=settling.carried_first_in,
            retired_cadres=settling.retired_cadres,
        )
        return RefundServicer(
            batcher,
            Correcting(
                reads,
                blocking,
                settling=settling,
                newest_first_in=newest_first_in,
                own_debts=own_debts,
            ),
            Overriding(
                *self._engine,
                acts=acts,
                refused_lines=refused_lines,
                newest_first_in=newest_first_in,
            ),
            refused_lines,
            news,
            cash_first_in=cash_first_in,
            own_first_in=own_first_in,
            newest_first_in=newest_first_in,
            carried_first_in=settling.carried_first_in,
            own_debts=own_debts,
        )

    def _declarations(self) -> tuple[DeclarationServicer, InstitutionPaymentServicer]:
        _, reads, blocking = self._engine
        transactions, clock, ids = self._transactions, reads.now, self._ids
        found = DeclarationReads(transactions, clock=clock)
        orders = DeclarationOrders(transactions, clock=clock, ids=ids)
        declarations = Declarations(
            transactions, others_ended=self._database.others_ended, clock=clock, ids=ids
        )
        payments = InstitutionPayments(
            transactions,
            deposit_ratio_ppm=self._config.declarations.deposit_ratio_ppm or {},
            clock=clock,
            ids=ids,
        )
        return (
            DeclarationServicer(declarations, orders, found, blocking, self._closing),
            InstitutionPaymentServicer(payments, orders, found, blocking),
        )

    def _settling(self, trust: TrustHolder) -> Settling:
        return Settling(
            trust,
            self._clock,
            discharge_required_in=self._config.visits.discharge_required_in or (),
            carried_first_in=self._config.accounts.carried_first_in or (),
            retired_cadres=self._config.review.retired_cadres,
        )

    def _accounts(self, news: News, viewers: Viewers) -> AccountServicer:
        _, reads, blocking = self._engine
        return AccountServicer(
            news,
            reads,
            blocking,
            viewers=viewers,
            clock=self._clock,
            no_recharge_in=self._config.accounts.no_recharge_in or (),
            second_above_fen=self._config.accounts.second_person_above_fen,
        )

    def _transfers(self) -> TransferServicer:
        batcher, reads, blocking = self._engine
        return TransferServicer(
            batcher,
            TransferBook(self._transactions, clock=reads.now),
            blocking,
            second_above_fen=self._config.accounts.second_person_above_fen or {},
        )

    def _catalogue(self) -> CatalogueServicer:
        _, reads, blocking = self._engine
        catalogue = Catalogue(
            self._transactions,
            clock=self._clock,
            approval_required_in=self._config.catalogue.approval_required_in or (),
        )
        return CatalogueServicer(catalogue, reads, blocking)

    def _catalogue_versions(self) -> CatalogueVersionServicer:
        _, reads, blocking = self._engine
        transactions, clock, ids = self._transactions, self._clock, self._ids
        rooms = Rooms(
            Bringing(transactions, clock=clock, ids=ids),
            Approving(transactions, clock=clock),
            RollingBack(transactions, clock=clock, ids=ids),
            CatalogueVersions(transactions),
            LookingUp(transactions, reads, clock=clock),
        )
        return CatalogueVersionServicer(rooms, blocking, self._closing)

    def _account_closes(self, clock: Clock, blocking: Blocking) -> AccountCloseServicer:
        closes = AccountCloses(
            self._transactions, read_rules=read_rules, clock=clock, ids=self._ids
        )
        accounts = ClosedAccounts(self._transactions, read_rules=read_rules)
        return AccountCloseServicer(closes, accounts, blocking, self._closing)

    def _mappings(self) -> MappingServicer:
        _, reads, blocking = self._engine
        return MappingServicer(
            MappingBook(self._transactions, clock=reads.now, ids=self._ids),
            blocking,
            review_in=self._config.mappings.review_in or (),
        )

    def _institutions(self) -> InstitutionServicer:
        _, reads, blocking = self._engine
        return InstitutionServicer(
            InstitutionRegistry(self._transactions, clock=reads.now, ids=self._ids),
            InstitutionReads(self._transactions),
            blocking,
            points_terms=self._config.suspensions.points_terms,
            clock=self._clock,
        )

    def _info(
        self, ages: FeedAges, offsite_ages: OffsiteAges, trust_store: TrustStore
    ) -> ServerInfoServicer:
        return ServerInfoServicer(
            self._config,
            service_name=SERVICE,
            regions=self._config.identity.regions,
            known=Known(
                ages.state, functools.partial(trust_state, trust_store), offsite_ages.state
            ),
            clock=self._clock,
        )

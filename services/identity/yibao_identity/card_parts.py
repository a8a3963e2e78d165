"""Puts together what serves cards: what application decides, the sweep, the servicer."""

import os
from collections.abc import Callable, Sequence

from yibao.identity.v1 import card_service_pb2
from yibao.identity.v1.card_service_pb2_grpc import CardServiceServicer
from yibao_common.commands.background import BackgroundTask, duties_of
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.transactions import Transactions
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.rpc.callers import current_party
from yibao_common.rpc.channels import Peer
from yibao_common.rpc.own_certificate import check_client_identity
from yibao_common.rpc.parts import composed
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_identity.application.card.life import Cards
from yibao_identity.application.card_loss import CardLosses
from yibao_identity.application.card_sweep import CardSweep
from yibao_identity.application.card_use import CardUses
from yibao_identity.application.code.issued import CodeSigner
from yibao_identity.application.financial_operation import FinancialOperations
from yibao_identity.application.pin.hashing import PinHashing
from yibao_identity.application.pin.life import Pins
from yibao_identity.application.work import Work
from yibao_identity.config import IdentityConfig
from yibao_identity.keys import KeyRing
from yibao_identity.pin_hashing import PinHasher, read_peppers
from yibao_identity.rules.card import CardLimits
from yibao_identity.servicer.card.account_record import (
    AccountRecords,
    NoAccountRecords,
    SettlementAccountRecords,
)
from yibao_identity.servicer.card.first_use import (
    ASKING,
    FirstUses,
    NoFirstUses,
    SettlementFirstUses,
)
from yibao_identity.servicer.card.life import CardPart
from yibao_identity.servicer.card_loss import CardLossPart
from yibao_identity.servicer.card_use import CardUsePart
from yibao_identity.servicer.financial_operation import FinancialOperationPart
from yibao_identity.servicer.person.limit import LookupLimit, chip_limit
from yibao_identity.servicer.pin import HashedPins, PinPart

_SERVICE = card_service_pb2.DESCRIPTOR.services_by_name["CardService"]
# Who restricts cards in the feed and the audit: nobody's certificate, this service itself.
_SWEEPER = "service/identity"
_SECONDS_PER_MINUTE = 60


class CardParts:
    """The running parts of CardService; `start` and `close` are for its sweep and hasher."""

    def __init__(
        self,
        config: IdentityConfig,
        transactions: Transactions[Work],
        ring: KeyRing,
        *,
        blocking: Blocking,
        metrics: Metrics,
        log: Log,
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Makes the parts; `ring` signs codes.

        Raises:
            StartError: a pepper cannot be read, two are alike, or settlement, where it is to
                be asked, would not know this service by its certificate.
        """
        cards = config.cards
        limits = CardLimits(
            activation_months=cards.activation_months,
            replacement_days=cards.replacement_days,
            pin_tries=cards.pin_tries,
            transactions_until_print=cards.transactions_until_print,
        )
        self._hasher = PinHasher(read_peppers(cards.pepper_files), party_of=current_party)
        self._sweeping = sweeping(
            CardSweep(transactions, clock=clock, caller=_SWEEPER).sweep,
            blocking,
            regions=config.issuer.regions,
            seconds=cards.sweep_minutes * _SECONDS_PER_MINUTE,
            metrics=metrics,
            clock=clock,
            log=log,
        )
        self._first_uses = _first_uses(config, log)
        self._account_records = _account_records(config, log)
        self.servicer = card_servicer(
            Cards(transactions, clock=clock, ids=ids, random_bytes=os.urandom, limits=limits),
            CardLosses(transactions, clock=clock, ids=ids, random_bytes=os.urandom, limits=limits),
            Pins(transactions, clock=clock, limits=limits),
            CardUses(
                transactions,
                clock=clock,
                random_bytes=os.urandom,
                limits=limits,
                key_expire_time=ring.code_key_expire_time,
            ),
            FinancialOperations(transactions, clock=clock, limits=limits),
            blocking,
            hasher=self._hasher,
            signer=ring,
            first_uses=self._first_uses,
            account_records=self._account_records,
            chips=chip_limit(cards.chip_misses_per_minute),
            clock=clock,
        )

    def start(self, supervisor: Supervisor) -> None:
        """Starts the hasher and the sweep, inside the event loop."""
        self._hasher.start(supervisor)
        self._sweeping.start(supervisor)
        self._first_uses.start()
        self._account_records.start()

    async def close(self) -> None:
        """Stops the sweep and the hasher; no call may come any more."""
        await self._first_uses.close()
        await self._account_records.close()
        await self._sweeping.close()
        self._hasher.close()


def _first_uses(config: IdentityConfig, log: Log) -> FirstUses:
    settlement = config.settlement
    if settlement.address is None:
        return NoFirstUses()
    check_client_identity(config.server, service=ASKING)
    peer = Peer(settlement.address, settlement.server_name, settlement.use_environment_proxy)
    return SettlementFirstUses(peer, own=config.server, log=log)


def _account_records(config: IdentityConfig, log: Log) -> AccountRecords:
    settlement = config.settlement
    if settlement.address is None:
        return NoAccountRecords()
    peer = Peer(settlement.address, settlement.server_name, settlement.use_environment_proxy)
    return SettlementAccountRecords(peer, own=config.server, log=log)


def card_servicer(
    cards: Cards,
    losses: CardLosses,
    pins: Pins,
    uses: CardUses,
    operations: FinancialOperations,
    blocking: Blocking,
    *,
    hasher: PinHashing,
    signer: CodeSigner,
    first_uses: FirstUses,
    account_records: AccountRecords,
    chips: LookupLimit,
    clock: Clock,
) -> CardServiceServicer:
    """Returns CardService, put together of a part for each feature."""
    hashed = HashedPins(pins, hasher, blocking, chips=chips)
    return composed(
        CardServiceServicer,
        _SERVICE,
        CardPart(cards, blocking, first_uses=first_uses, chips=chips),
        CardLossPart(losses, blocking),
        PinPart(pins, hashed, blocking),
        CardUsePart(
            uses,
            hashed,
            blocking,
            signer=signer,
            account_records=account_records,
            clock=clock,
        ),
        FinancialOperationPart(operations, blocking),
    )


def sweeping(
    sweep: Callable[[str], int],
    blocking: Blocking,
    *,
    regions: Sequence[str],
    seconds: float,
    metrics: Metrics,
    clock: Clock,
    log: Log,
) -> BackgroundTask:
    """Returns the task that restricts overdue cards in every region that is served here."""

    async def restrict(region: str) -> None:
        restricted = await blocking.run(sweep, region)
        if restricted:
            log.info("cards restricted", region=region, cards=restricted)

    duties = duties_of(regions, restrict, failure="cards were not swept")
    return BackgroundTask(
        "card-sweep", duties, seconds=seconds, metrics=metrics, clock=clock, log=log
    )

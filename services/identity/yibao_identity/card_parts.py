"""Puts together what serves cards: stores, the hasher of PINs, the sweep, the servicer."""

import os

from yibao_common.commands.blocking import Blocking
from yibao_common.db.database import Database
from yibao_common.keys.vault import Vault
from yibao_common.process.logs import Log
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_identity.card_sweeper import CardSweeper
from yibao_identity.config import IdentityConfig
from yibao_identity.keys import KeyRing
from yibao_identity.rules.card import CardLimits
from yibao_identity.servicer.card import CardServicer
from yibao_identity.storage.card_sweep import CardSweep
from yibao_identity.storage.card_use import CardUseStore
from yibao_identity.storage.cards import CardStore
from yibao_identity.storage.pepper import PinHasher, read_peppers
from yibao_identity.storage.pins import PinStore

# Who restricts cards in the feed and the audit: nobody's certificate, this service itself.
_SWEEPER = "service/identity"
_SECONDS_PER_MINUTE = 60


class CardParts:
    """The running parts of CardService; `start` and `close` are for its sweep and hasher."""

    def __init__(
        self,
        config: IdentityConfig,
        database: Database,
        vault: Vault,
        ring: KeyRing,
        *,
        blocking: Blocking,
        log: Log,
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Makes the parts; `ring` signs codes.

        Raises:
            StartError: a pepper cannot be read, or two are alike.
        """
        cards = config.cards
        limits = CardLimits(
            activation_months=cards.activation_months,
            replacement_days=cards.replacement_days,
            pin_tries=cards.pin_tries,
            transactions_until_print=cards.transactions_until_print,
        )
        self._hasher = PinHasher(read_peppers(cards.pepper_files))
        self._sweeper = CardSweeper(
            CardSweep(database, clock=clock, caller=_SWEEPER).sweep,
            blocking,
            regions=config.issuer.regions,
            seconds=cards.sweep_minutes * _SECONDS_PER_MINUTE,
            log=log,
        )
        self.servicer = CardServicer(
            CardStore(
                database, vault, clock=clock, ids=ids, random_bytes=os.urandom, limits=limits
            ),
            PinStore(database, vault, clock=clock, limits=limits),
            CardUseStore(
                database,
                vault,
                clock=clock,
                random_bytes=os.urandom,
                limits=limits,
                key_expire_time=ring.code_key_expire_time,
            ),
            blocking,
            hasher=self._hasher,
            signer=ring,
        )

    def start(self) -> None:
        """Starts the sweep, inside the event loop."""
        self._sweeper.start()

    async def close(self) -> None:
        """Stops the sweep and the hasher; no call may come any more."""
        await self._sweeper.close()
        self._hasher.close()

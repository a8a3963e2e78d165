"""Puts together what serves persons: the stores and the servicer."""

import datetime as dt

import sqlalchemy as sa

from yibao_common.commands.blocking import Blocking
from yibao_common.db.database import Database
from yibao_common.keys.vault import Vault
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_identity.application.card.merge import close_cards_of
from yibao_identity.config import IdentityConfig
from yibao_identity.servicer.person import PersonServicer
from yibao_identity.storage.enrolment_changes import EnrolmentStore
from yibao_identity.storage.merges import CloseOfPerson, MergeStore
from yibao_identity.storage.persons import PersonStore
from yibao_identity.storage.relatives import RelativeStore
from yibao_identity.storage.work import unit_of_work


def person_servicer(
    config: IdentityConfig,
    database: Database,
    vault: Vault,
    *,
    blocking: Blocking,
    clock: Clock,
    ids: Ids,
) -> PersonServicer:
    """Returns PersonService over a database."""
    closers = (cards_closer(vault),)
    return PersonServicer(
        PersonStore(database, vault, clock=clock, ids=ids),
        EnrolmentStore(database, vault, clock=clock, ids=ids),
        MergeStore(database, vault, clock=clock, ids=ids, closers=closers),
        RelativeStore(
            database,
            vault,
            clock=clock,
            ids=ids,
            show_code_most=config.relatives.show_code_most,
            share_account_most=config.relatives.share_account_most,
        ),
        blocking,
        regions=config.issuer.regions,
        search_rate_per_minute=config.persons.search_rate_per_minute,
    )


def cards_closer(vault: Vault) -> CloseOfPerson:
    """Returns what closes the cards of a duplicate in the transaction of its merge."""

    def close_cards(
        connection: sa.Connection, region: str, person_id: str, *, now: dt.datetime, caller: str
    ) -> object:
        work = unit_of_work(vault).open(connection, region)
        return close_cards_of(work, person_id, at=now, caller=caller)

    return close_cards

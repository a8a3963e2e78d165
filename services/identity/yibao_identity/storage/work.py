"""The unit of work on the identity database."""

import sqlalchemy as sa

from yibao_common.db.audit_chain import chained
from yibao_common.db.rows import Statement
from yibao_common.db.transactions import UnitOfWork
from yibao_common.keys.vault import Vault
from yibao_identity.application.work import Work
from yibao_identity.storage import tables
from yibao_identity.storage.card import StoredCards
from yibao_identity.storage.card_loss import StoredCardLosses
from yibao_identity.storage.card_sweep import StoredCardSweep
from yibao_identity.storage.card_use import StoredCardUses
from yibao_identity.storage.certificate import StoredCertificates
from yibao_identity.storage.code import StoredCodes
from yibao_identity.storage.death import StoredDeaths
from yibao_identity.storage.device.certificate_rows import StoredDeviceCertificates
from yibao_identity.storage.device.rows import StoredDevices
from yibao_identity.storage.disease import StoredDiseases
from yibao_identity.storage.document_guess import StoredDocumentGuesses
from yibao_identity.storage.enrolment import StoredEnrolments
from yibao_identity.storage.feed import StoredFeed, note_change
from yibao_identity.storage.holder import StoredHolders
from yibao_identity.storage.merge import StoredMerges
from yibao_identity.storage.misuse import StoredCases, StoredSuspensions
from yibao_identity.storage.person import StoredPersons
from yibao_identity.storage.pin import StoredPins
from yibao_identity.storage.relative import StoredRelatives
from yibao_identity.storage.supervision import StoredAudit


def unit_of_work(vault: Vault) -> UnitOfWork[Work]:
    """Returns how units of work begin and end; `vault` opens what is sealed in rows."""

    def begin(connection: sa.Connection, region: str) -> Work:
        return Work(
            region,
            cards=StoredCards(connection, region),
            card_losses=StoredCardLosses(connection, region),
            pins=StoredPins(connection, region),
            card_uses=StoredCardUses(connection, region),
            card_sweep=StoredCardSweep(connection, region),
            holders=StoredHolders(connection, region, vault),
            certificates=StoredCertificates(connection, region),
            codes=StoredCodes(connection, region),
            devices=StoredDevices(connection, region),
            device_certificates=StoredDeviceCertificates(connection, region),
            cases=StoredCases(connection, region, vault),
            suspensions=StoredSuspensions(connection, region),
            persons=StoredPersons(connection, region, vault),
            deaths=StoredDeaths(connection, region),
            diseases=StoredDiseases(connection, region),
            document_guesses=StoredDocumentGuesses(connection, region),
            enrolments=StoredEnrolments(connection, region),
            merges=StoredMerges(connection, region),
            relatives=StoredRelatives(connection, region),
            feed_rows=StoredFeed(connection, region, vault),
            audit_rows=StoredAudit(connection, region),
        )

    def end(connection: sa.Connection, work: Work) -> list[Statement]:
        feed = work.feed
        if feed.at is not None:
            note_change(connection, work.region, feed.person_ids, now=feed.at, caller=feed.caller)
        return chained(connection, tables.audit, *work.audit.entries)

    return UnitOfWork(begin, end)

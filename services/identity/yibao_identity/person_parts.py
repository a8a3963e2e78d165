"""Puts together what serves persons: what application decides, and the parts of the servicer."""

from collections.abc import Sequence

from yibao.identity.v1 import person_service_pb2
from yibao.identity.v1.person_service_pb2_grpc import PersonServiceServicer
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.feed_watch import FeedWatch
from yibao_common.commands.transactions import Transactions
from yibao_common.process.logs import Log
from yibao_common.rpc.parts import composed
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_identity.application.calls import Calls
from yibao_identity.application.death import Deaths
from yibao_identity.application.disease import Diseases
from yibao_identity.application.enrolment import Enrolments
from yibao_identity.application.feed import Feed
from yibao_identity.application.merge import Merges
from yibao_identity.application.newborn import Newborns
from yibao_identity.application.person.correction import PersonCorrections
from yibao_identity.application.person.lookup import PersonLookups
from yibao_identity.application.person.numbers import PersonNumbers
from yibao_identity.application.person.registration import PersonRegistrations
from yibao_identity.application.relative import Relatives
from yibao_identity.application.work import Work
from yibao_identity.config import IdentityConfig
from yibao_identity.rules.relative import LinkPurpose
from yibao_identity.servicer.death import DeathPart
from yibao_identity.servicer.disease import DiseasePart
from yibao_identity.servicer.enrolment import EnrolmentPart
from yibao_identity.servicer.feed.changes import FeedPart
from yibao_identity.servicer.merge import MergePart
from yibao_identity.servicer.newborn import NewbornPart
from yibao_identity.servicer.person.correction import CorrectionPart
from yibao_identity.servicer.person.limit import LookupLimit
from yibao_identity.servicer.person.lookup import LookupPart
from yibao_identity.servicer.person.registration import RegistrationPart
from yibao_identity.servicer.relative import RelativePart

_SERVICE = person_service_pb2.DESCRIPTOR.services_by_name["PersonService"]


def move_numbers(transactions: Transactions[Work], regions: Sequence[str], log: Log) -> None:
    """Moves records of before to their numbers, so that none of these is registered again."""
    for region in regions:
        outcome = PersonNumbers(transactions).move(region)
        if outcome.moved:
            log.info("persons are found by their numbers", region=region, persons=outcome.moved)
        if outcome.left:
            log.warning("persons share a number", region=region, persons=outcome.left)


def person_servicer(
    config: IdentityConfig,
    transactions: Transactions[Work],
    *,
    watch: FeedWatch,
    blocking: Blocking,
    clock: Clock,
    ids: Ids,
) -> PersonServiceServicer:
    """Returns PersonService over units of work; calls wait for news at `watch`."""
    limits = {
        LinkPurpose.SHOW_CODE: config.relatives.show_code_most,
        LinkPurpose.SHARE_ACCOUNT: config.relatives.share_account_most,
    }
    calls = Calls(transactions, clock=clock)
    limit = LookupLimit(config.persons.search_rate_per_minute)
    return composed(
        PersonServiceServicer,
        _SERVICE,
        RegistrationPart(
            PersonRegistrations(transactions, clock=clock, ids=ids),
            blocking,
            regions=config.issuer.regions,
            limit=limit,
        ),
        NewbornPart(
            Newborns(
                transactions, clock=clock, ids=ids, tell_days=config.persons.newborn_tell_days
            ),
            blocking,
            limit=limit,
        ),
        CorrectionPart(
            PersonCorrections(transactions, clock=clock, ids=ids), blocking, limit=limit
        ),
        LookupPart(
            PersonLookups(transactions, clock=clock),
            blocking,
            limit=limit,
        ),
        EnrolmentPart(Enrolments(transactions, clock=clock, ids=ids), blocking),
        DiseasePart(Diseases(transactions, clock=clock, ids=ids), blocking),
        DeathPart(Deaths(transactions, clock=clock, ids=ids), blocking),
        MergePart(Merges(transactions, clock=clock, ids=ids), blocking),
        RelativePart(
            Relatives(
                calls,
                clock=clock,
                ids=ids,
                limits=limits,
                given_most=config.relatives.share_account_given_most,
            ),
            blocking,
        ),
        FeedPart(Feed(transactions, clock=clock), watch),
    )

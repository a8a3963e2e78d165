"""What settlement knows of registrations, and offsite of persons: compared with what there is."""

import contextlib
from collections.abc import Callable, Iterator

import grpc
import sqlalchemy as sa

from yibao.errors import error_of
from yibao.identity.v1.person_service_pb2_grpc import PersonServiceStub
from yibao.offsite.v1.offsite_feed_service_pb2_grpc import OffsiteFeedServiceStub
from yibao_cli.doctor.finding import Finding
from yibao_cli.doctor.news import Answer, feed_finding
from yibao_common.commands.feed import FeedPosition
from yibao_common.db.database import Database
from yibao_common.db.feed import StoredPosition
from yibao_common.process.config import FollowedConfig, StartError
from yibao_common.rpc.channels import Peer, open_channel
from yibao_common.rpc.peer_certificate import peer_problem
from yibao_common.values.clock import Clock
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.servicer.following.messages import question_of as persons_after
from yibao_offsite.storage.tables import person_feed_position
from yibao_settlement.config import SettlementConfig
from yibao_settlement.servicer.elsewhere.feed_messages import question_of as registrations_after
from yibao_settlement.storage.elsewhere.tables import offsite_feed_position

_ANSWER_SECONDS = 3.0


def examine_registrations(config: SettlementConfig, *, clock: Clock) -> Iterator[Finding]:
    """Asks offsite, as settlement does, how far its feed is, and compares."""
    followed = config.offsite
    if followed is None:
        remark = "offsite.address is not set: no registrations for care elsewhere are known"
        yield Finding("offsite", remark=remark)
        return

    def ask(channel: grpc.Channel, region: str, position: FeedPosition) -> Answer:
        question = registrations_after(region, position, 1, 0)
        stub = OffsiteFeedServiceStub(channel)
        return stub.ListOffsiteChanges(question, timeout=_ANSWER_SECONDS)

    places = _places(config.database.url, offsite_feed_position, followed.regions)
    names = ("offsite", "settlement")
    yield from _compared(followed, config, places, ask, names=names, clock=clock)


def examine_known_persons(config: OffsiteConfig, *, clock: Clock) -> Iterator[Finding]:
    """Asks identity, as offsite does, how far its feed is, and compares."""
    followed = config.identity
    if followed is None:
        remark = "identity.address is not set: nobody is checked who is registered"
        yield Finding("identity", remark=remark)
        return

    def ask(channel: grpc.Channel, region: str, position: FeedPosition) -> Answer:
        question = persons_after(region, position, 1, 0)
        return PersonServiceStub(channel).ListEnrolmentChanges(question, timeout=_ANSWER_SECONDS)

    places = _places(config.database.url, person_feed_position, followed.regions)
    names = ("identity", "offsite")
    yield from _compared(followed, config, places, ask, names=names, clock=clock)


def _places(url: str, table: sa.Table, regions: tuple[str, ...]) -> dict[str, FeedPosition]:
    with contextlib.closing(Database(url)) as database, database.read() as connection:
        return {each: StoredPosition(connection, table, each).find() for each in regions}


def _compared(
    followed: FollowedConfig,
    config: SettlementConfig | OffsiteConfig,
    places: dict[str, FeedPosition],
    ask: Callable[[grpc.Channel, str, FeedPosition], Answer],
    *,
    names: tuple[str, str],
    clock: Clock,
) -> Iterator[Finding]:
    teller, reader = names
    peer = Peer(followed.address, followed.server_name, followed.use_environment_proxy)
    try:
        channel = open_channel(peer, own=config.server)
    except StartError as error:
        yield Finding(f"{teller} at {followed.address}", str(error))
        return
    with channel:
        for region, position in places.items():
            subject = f"{teller}'s feed of region {region}"
            try:
                answer = ask(channel, region, position)
            except grpc.RpcError as error:
                # A certificate that is not taken is so for every region.
                problem = peer_problem(peer, own=config.server, clock=clock)
                if problem:
                    told = f"{teller}.address: is not reached, or refuses: {problem}"
                    yield Finding(f"{teller} at {followed.address}", told)
                    return
                refusal = error_of(error)
                told = f"does not answer: {refusal.code.name}: {refusal.message}"
                yield Finding(subject, f"{teller} at {followed.address} {told}")
                continue
            yield feed_finding(subject, position, answer, now=clock(), teller=teller, reader=reader)

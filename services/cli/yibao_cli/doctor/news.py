"""What settlement knows of persons and keys, compared with what identity has."""

import contextlib
import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import grpc
import sqlalchemy as sa

from yibao.errors import error_of
from yibao.identity.v1 import person_service_pb2 as person_pb
from yibao.identity.v1.person_service_pb2_grpc import PersonServiceStub
from yibao.identity.v1.trust_service_pb2 import GetTrustSnapshotRequest
from yibao.identity.v1.trust_service_pb2_grpc import TrustServiceStub
from yibao.offsite.v1 import offsite_feed_service_pb2 as offsite_pb
from yibao_cli.doctor.finding import Finding
from yibao_common.db.database import Database
from yibao_common.process.config import StartError
from yibao_common.rpc.channels import Peer, open_channel
from yibao_common.rpc.wire import to_instant
from yibao_common.values.clock import Clock
from yibao_settlement.application.feed import FeedPosition
from yibao_settlement.config import SettlementConfig
from yibao_settlement.storage import tables
from yibao_settlement.storage.feed import StoredFeed

_ANSWER_SECONDS = 3.0
# Settlement hears from identity each second and notes it each minute.
_SILENCE_MOST = dt.timedelta(minutes=5)
Answer = person_pb.ListEnrolmentChangesResponse | offsite_pb.ListOffsiteChangesResponse
_SNAPSHOT_FILE = re.compile(r"snapshot-([0-9]+)\.cose")


def examine_news(config: SettlementConfig, *, clock: Clock) -> Iterator[Finding]:
    """Asks identity, as settlement does, how far feed and trust are, and compares."""
    with contextlib.closing(Database(config.database.url)) as database:
        places = {region: _place(database, region) for region in config.identity.regions}
    try:
        channel = _open_channel(config)
    except StartError as error:
        yield Finding(f"identity at {config.identity.address}", str(error))
        return
    with channel:
        for region, (position, gone) in places.items():
            subject = f"feed of region {region}"
            try:
                answer = _newest(channel, region, position)
            except grpc.RpcError as error:
                yield Finding(subject, _unanswered(config, error))
                continue
            yield feed_finding(subject, position, answer, gone=gone, now=clock())
        yield _examine_trust(config, channel, now=clock())


def _place(database: Database, region: str) -> tuple[FeedPosition, int]:
    """Returns how far settlement has read, and how many persons are gone from the feed."""
    person = tables.person.c
    count = sa.select(sa.func.count()).where(person.region == region, person.gone_time.is_not(None))
    with database.read() as connection:
        position = StoredFeed(connection, region).position()
        return position, int(connection.execute(count).scalar_one())


def _newest(
    channel: grpc.Channel, region: str, position: FeedPosition
) -> person_pb.ListEnrolmentChangesResponse:
    request = person_pb.ListEnrolmentChangesRequest(
        region=region,
        after_sequence=position.sequence,
        page_size=1,
        epoch=position.epoch,
        head_sequence=position.head_sequence,
        head_mark=position.head_mark,
    )
    return PersonServiceStub(channel).ListEnrolmentChanges(request, timeout=_ANSWER_SECONDS)


def feed_finding(
    subject: str,
    position: FeedPosition,
    answer: Answer,
    *,
    gone: int = 0,
    now: dt.datetime,
    teller: str = "identity",
    reader: str = "settlement",
) -> Finding:
    """Returns how what a service has read compares with what another one answers."""
    problem = _feed_problem(position, answer, now=now, teller=teller, reader=reader)
    return Finding(subject, problem, _feed_remark(position, answer, gone))


def _feed_problem(
    position: FeedPosition, answer: Answer, *, now: dt.datetime, teller: str, reader: str
) -> str:
    is_shorter = answer.head_sequence < position.sequence
    if answer.starts_anew or answer.epoch != position.epoch or is_shorter:
        return f"{teller} has another feed, as after a restore: {reader} reads it anew as it runs"
    missing = answer.head_sequence - position.sequence
    if position.anew_until is not None:
        return f"is being read anew: {missing} of {answer.head_sequence} changes are missing"
    read_time = position.read_time
    if read_time is None or abs(now - read_time) > _SILENCE_MOST:
        since = "never" if read_time is None else f"{read_time:%Y-%m-%d %H:%M} (UTC)"
        told = f"{missing} changes are missing; everything was known last: {since}"
        is_to_come = read_time is not None and read_time > now
        return (
            f"{told}, which is to come: set {reader}'s clock, or this one" if is_to_come else told
        )
    return ""


def _feed_remark(position: FeedPosition, answer: Answer, gone: int) -> str:
    known, head = position.sequence, answer.head_sequence
    if known and (answer.starts_anew or known > head):
        # Of the feed that there was: how many the other one has says nothing of these.
        told = f"{known} changes of the former feed are known"
    elif known == head:
        told = f"all {head} changes are known"
    else:
        told = f"{known} of {head} changes are known"
    return f"{told}; {gone} persons are gone since a restore" if gone else told


def _examine_trust(config: SettlementConfig, channel: grpc.Channel, *, now: dt.datetime) -> Finding:
    subject = "trust snapshot"
    try:
        newest = TrustServiceStub(channel).GetTrustSnapshot(
            GetTrustSnapshotRequest(), timeout=_ANSWER_SECONDS
        )
    except grpc.RpcError as error:
        return Finding(subject, _unanswered(config, error))
    folder = config.identity.trust_folder
    if folder is None:
        return Finding(subject, remark=f"identity has {newest.version}; none is kept here")
    held = _held_version(folder / "cache")
    # Published and pulled in turns, so that one is a moment behind the other.
    published = to_instant(newest.issue_time)
    is_due = now - published > 2 * dt.timedelta(seconds=config.identity.trust_seconds)
    if held < newest.version and is_due:
        return Finding(subject, f"identity has {newest.version}, here is {held or 'none'}")
    return Finding(subject, remark=f"{held or 'none yet'}, identity has {newest.version}")


def _held_version(cache: Path) -> int:
    """Returns the newest snapshot that settlement keeps, 0 where it keeps none."""
    names = [each.name for each in cache.iterdir()] if cache.is_dir() else []
    found = (match for match in map(_SNAPSHOT_FILE.fullmatch, names) if match)
    return max((int(match[1]) for match in found), default=0)


def _unanswered(config: SettlementConfig, error: grpc.RpcError) -> str:
    return f"identity at {config.identity.address} does not answer: {error_of(error).code.name}"


def _open_channel(config: SettlementConfig) -> grpc.Channel:
    """Opens a channel to identity as settlement does."""
    identity = config.identity
    peer = Peer(identity.address, identity.server_name, identity.use_environment_proxy)
    return open_channel(peer, own=config.server)

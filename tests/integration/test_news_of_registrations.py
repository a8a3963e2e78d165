"""What offsite tells is known at settlement a moment later, and what identity tells at offsite."""

import dataclasses
import time
from pathlib import Path

import grpc
import pytest
from support.both_services import CALL_SECONDS, BothServices, outcome, refusal_of
from support.databases import Databases
from support.offsite_feeds import care, tell_settlement
from support.offsite_followed import FollowedOffsite
from support.serving import channel_credentials
from support.settlement_world import REGION
from support.threads import wait_until

from yibao.common.v1.server_service_pb2 import (
    GetServerInfoRequest,
    GetServerInfoResponse,
    ServedRegion,
)
from yibao.common.v1.server_service_pb2_grpc import ServerServiceStub
from yibao.offsite.v1.offsite_feed_service_pb2 import ListOffsiteChangesRequest
from yibao.offsite.v1.offsite_feed_service_pb2_grpc import OffsiteFeedServiceStub
from yibao_cli.doctor.finding import Finding
from yibao_cli.doctor.followed import examine_known_persons, examine_registrations
from yibao_common.values.clock import system_clock
from yibao_common.values.ids import new_id
from yibao_offsite.storage.feed import renew_epochs
from yibao_offsite.storage.tables import feed_head

# Both are up: so soon a revocation has to hold.
SOON_SECONDS = 5.0


@pytest.fixture
def world(databases: Databases, tmp_path: Path) -> FollowedOffsite:
    return FollowedOffsite(tmp_path / "files", databases)


def served(services: BothServices) -> ServedRegion:
    stub = ServerServiceStub(services.channel("settlement", "hospital"))
    info = stub.GetServerInfo(GetServerInfoRequest(), timeout=CALL_SECONDS)
    (region,) = info.regions
    return region


def registrations_found(world: FollowedOffsite) -> Finding:
    config = world.insured.config
    (finding,) = examine_registrations(config, clock=world.insured.clock)
    return finding


def persons_found(world: FollowedOffsite, **changed: object) -> Finding:
    config = world.config()
    assert config.identity is not None
    config = config.model_copy(update={"identity": config.identity.model_copy(update=changed)})
    (finding,) = examine_known_persons(config, clock=world.insured.clock)
    return finding


def test_news_of_offsite_hold_at_settlement_a_moment_later_whatever_is_begun_again(
    world: FollowedOffsite,
) -> None:
    told, lost = care(new_id()), care(new_id())
    with world.insured.identity() as services:
        with world.offsite() as database, world.insured.settlement():
            began = time.monotonic()
            tell_settlement(database, told)
            wait_until(lambda: told.registration_id in world.registered(), seconds=SOON_SECONDS)
            revoked = dataclasses.replace(told, version=2, is_void=True)
            tell_settlement(database, revoked)
            wait_until(
                lambda: world.registered() == {told.registration_id: (2, True)},
                seconds=SOON_SECONDS,
            )
            assert time.monotonic() - began < SOON_SECONDS
            feed = served(services).offsite_feed
            assert (feed.lag, feed.HasField("read_time")) == (0, True)
            assert feed.max_age_seconds == 24 * 3_600
            assert registrations_found(world).remark == "all 2 changes are known"
        backup = world.backup()
        with world.insured.settlement():
            # Offsite is down: what is known goes on to hold, and settlement serves.
            assert world.registered() == {told.registration_id: (2, True)}
            assert "offsite at localhost" in registrations_found(world).problem
            with world.offsite() as database:
                tell_settlement(database, lost)
                wait_until(lambda: lost.registration_id in world.registered())
            # Offsite is restored from a backup, and tells of something else since.
            world.url = backup
            with world.offsite() as database:
                new = care(new_id())
                tell_settlement(database, new)
                wait_until(lambda: lost.registration_id not in world.registered())
                wait_until(lambda: new.registration_id in world.registered())
                assert world.registered()[told.registration_id] == (2, True)
                gone = world.insured.wait_for("the feed of offsite was read anew")
                assert (gone["registrations_gone"], gone["holds_gone"]) == (1, 0)
                with database.write() as connection:
                    assert renew_epochs(connection) == [REGION]
                world.insured.wait_for("the feed of offsite was read anew", count=2)
                assert len(world.registered()) == 2
                assert served(services).offsite_feed.lag == 0
                # What cannot be stored is told to be lacking, however often it is asked for.
                with database.write() as connection:
                    connection.execute(feed_head.update().values(sequence=feed_head.c.sequence + 2))
                wait_until(lambda: served(services).offsite_feed.lag == 2)
                world.insured.wait_for("offsite gives no news")
                assert served(services).offsite_feed.lag == 2


def test_the_feed_of_offsite_is_for_settlement_alone(world: FollowedOffsite) -> None:
    with world.insured.identity(), world.offsite():
        assert ask(world, "settlement-server") == ""
        for name, reason in (
            ("identity-server", "OUT_OF_SCOPE"),
            ("hospital", "CALLER_NOT_ALLOWED"),
            ("maker", "CALLER_NOT_ALLOWED"),
        ):
            assert ask(world, name) == reason


def ask(world: FollowedOffsite, name: str) -> str:
    """Returns why a caller may not read the feed; nothing where it may."""
    offsite = world.insured.config.offsite
    assert offsite is not None
    credentials = channel_credentials(world.insured.files.folder, name)
    with grpc.secure_channel(offsite.address, credentials) as channel:
        stub = OffsiteFeedServiceStub(channel)
        question = ListOffsiteChangesRequest(region=REGION, after_sequence=0)
        try:
            stub.ListOffsiteChanges(question, timeout=CALL_SECONDS)
        except grpc.RpcError:
            return outcome(refusal_of(stub.ListOffsiteChanges, question))[1]
    return ""


def test_offsite_knows_persons_a_moment_after_identity_and_over_its_restart(
    world: FollowedOffsite,
) -> None:
    with world.insured.identity() as services, world.offsite() as database:
        person_id, _, _ = services.person(is_waited_for=False)
        wait_until(lambda: world.known(database, person_id) is not None, seconds=SOON_SECONDS)
        person = world.known(database, person_id)
        assert person is not None
        assert [each.insurance_type for each in person.periods] == ["390"]
        # The e-certificate was another change.
        wait_until(lambda: persons_found(world).remark == "all 2 changes are known")
        assert persons_found(world).problem == ""
        # What its certificate does not bear is told in words, and once for all regions.
        found = persons_found(world, server_name="nowhere.example", regions=(REGION, "110000"))
        assert found.subject.startswith("identity at ")
        assert "is not taken: Hostname mismatch" in found.problem
        told = info_of_offsite(world)
        assert [(each.region, each.feed.lag) for each in told.regions] == [(REGION, 0)]
        assert not told.HasField("trust")
    # Identity is down: offsite starts, and knows whom it knew.
    with world.offsite() as database:
        assert world.known(database, person_id) == person
        assert "does not answer" in persons_found(world).problem


def info_of_offsite(world: FollowedOffsite) -> GetServerInfoResponse:
    credentials = channel_credentials(world.insured.files.folder, "maker")
    address = world.config().server.address.replace("127.0.0.1", "localhost")
    with grpc.secure_channel(address, credentials) as channel:
        stub = ServerServiceStub(channel)
        return stub.GetServerInfo(GetServerInfoRequest(), timeout=CALL_SECONDS)


def test_an_offsite_that_follows_nobody_says_so_and_serves(world: FollowedOffsite) -> None:
    with world.offsite(is_following=False):
        assert ask(world, "settlement-server") == ""
        assert not info_of_offsite(world).regions
    assert "persons are not checked" in world.lines.getvalue()
    (finding,) = examine_known_persons(world.config(is_following=False), clock=system_clock)
    assert "nobody is checked" in finding.remark


def test_a_settlement_without_offsite_says_so(services: BothServices) -> None:
    assert not served(services).HasField("offsite_feed")

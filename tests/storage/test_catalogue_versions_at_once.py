"""Versions of lists in several hands at once, and a process that ends in the middle."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa
from support.catalogue_versions import LONG_AGO, Desk, ceiling, insured, refusal
from support.databases import Databases
from support.settlement_world import REGION, TODAY, World

from yibao_common.values.reasons import Reason
from yibao_settlement.application.catalogue_version.approve import ApproveVersion
from yibao_settlement.application.catalogue_version.bring import (
    SentListRow,
    SubmitVersion,
    UploadRows,
)
from yibao_settlement.rules.catalogue_version.row import Layer
from yibao_settlement.rules.catalogue_version.version import CatalogueVersion, VersionState
from yibao_settlement.storage import tables

STATE = Reason.CATALOGUE_VERSION_STATE


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world.database, REGION, world.clock)


def at_once(*acts: object) -> list[Reason | None]:
    """Does all at the same moment; returns why each is refused."""
    barrier = Barrier(len(acts))

    def do(act: object) -> Reason | None:
        barrier.wait(10)
        return refusal(act)

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(do, acts))


def count(world: World, name: str) -> int:
    with world.database.read() as connection:
        table = getattr(tables.listed, name)
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def state_of(desk: Desk, version_id: str) -> CatalogueVersion:
    return desk.versions.find(REGION, version_id, desk.asked("Get").caller)


def test_a_chunk_that_arrives_twice_at_once_is_stored_once(world: World, desk: Desk) -> None:
    version = desk.begin(Layer.INSURANCE, LONG_AGO)
    rows = [SentListRow(insured(f"C{number}", "01")) for number in range(50)]
    commands = [
        UploadRows(desk.asked("Upload"), version, 1, digest, lambda _: rows)
        for digest in ("one", "one", "other")
    ]
    found = at_once(
        *(
            lambda command=command: desk.bringing.upload(command, lambda chunk, _: b"chunk")
            for command in commands
        )
    )
    # The one that came first is kept: of the others the same is told it, and another refused.
    kept = [reason for reason in found if reason is None]
    assert len(kept) in (1, 2)
    assert {reason for reason in found if reason} == {Reason.CATALOGUE_CHUNK_CHANGED}
    assert (count(world, "catalogue_row"), count(world, "catalogue_chunk")) == (50, 1)
    assert state_of(desk, version).row_count == 50


def test_rows_that_arrive_with_the_submission_are_in_it_or_refused(
    world: World, desk: Desk
) -> None:
    version = desk.begin(Layer.INSURANCE, LONG_AGO)
    desk.upload(version, insured("C1", "01"))
    upload = UploadRows(
        desk.asked("Upload"), version, 2, "two", lambda _: [SentListRow(insured("C2", "01"))]
    )
    submit = SubmitVersion(desk.asked("Submit"), version, 1, False)
    found = at_once(
        lambda: desk.bringing.upload(upload, lambda chunk, _: b"chunk"),
        lambda: desk.bringing.submit(submit, lambda _: b"submitted"),
    )
    state = state_of(desk, version)
    late, early = [STATE, None], [None, Reason.CATALOGUE_VERSION_INCOMPLETE]
    assert found in (late, early)
    expected = (VersionState.SUBMITTED, 1) if found == late else (VersionState.DRAFT, 2)
    assert (state.state, state.row_count, count(world, "catalogue_row")) == (
        *expected,
        expected[1],
    )


def test_a_version_is_approved_or_withdrawn(world: World, desk: Desk) -> None:
    desk.put(Layer.INSURANCE, LONG_AGO, insured("X1", "01"))
    made = count(world, "catalogue_effective")
    version = desk.bring(Layer.CEILING, TODAY, ceiling("X1", "3", "10"))
    found = at_once(lambda: desk.approve(version), lambda: desk.withdraw(version))
    is_approved = found == [None, STATE]
    assert is_approved or found == [STATE, None]
    state = VersionState.APPROVED if is_approved else VersionState.WITHDRAWN
    assert state_of(desk, version).state is state
    # All of it, or nothing.
    assert count(world, "catalogue_row") == (2 if is_approved else 1)
    assert count(world, "catalogue_effective") == made + is_approved


def test_one_approval_that_is_sent_twice_at_once_is_done_once(world: World, desk: Desk) -> None:
    desk.put(Layer.INSURANCE, LONG_AGO, insured("X1", "01"))
    version = desk.bring(Layer.CEILING, TODAY, ceiling("X1", "3", "10"))
    asked = ApproveVersion(desk.asked("Approve", operator="checker"), version, True)
    answers: list[bytes] = []

    def approve() -> None:
        answers.append(
            desk.approving.approve(asked, lambda each, _: str(each.version_number).encode())
        )

    assert at_once(approve, approve) == [None, None]
    assert answers == [b"2", b"2"]
    assert count(world, "catalogue_effective") == 2


def test_an_approval_that_dies_before_its_end_leaves_nothing(world: World, desk: Desk) -> None:
    desk.put(Layer.INSURANCE, LONG_AGO, insured("X1", "01"))
    version = desk.bring(Layer.CEILING, TODAY, ceiling("X1", "3", "10"))
    before = [count(world, name) for name in ("catalogue_effective", "catalogue_row")]
    asked = ApproveVersion(desk.asked("Approve", operator="checker"), version, True)

    def die(version: CatalogueVersion, changed: int) -> bytes:
        raise KeyboardInterrupt

    # What answers is made last: all rows are written by then.
    with pytest.raises(KeyboardInterrupt):
        desk.approving.approve(asked, die)
    after = [count(world, name) for name in ("catalogue_effective", "catalogue_row")]
    assert after == before
    assert state_of(desk, version).state is VersionState.SUBMITTED
    # The same request, sent again, is done.
    desk.approving.approve(asked, lambda each, changed: b"done")
    assert state_of(desk, version).state is VersionState.APPROVED

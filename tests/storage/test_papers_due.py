"""What becomes of papers by itself: scanned, given up, and kept no longer."""

import datetime as dt

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.paper_desk import (
    CLERK,
    NOW,
    OTHER_OWNER_ID,
    OWNER_ID,
    REGION,
    asked,
    refused,
)
from support.papers import pdf, sha256
from support.stored_papers import PART, FakeScanner, StoredDesk

from yibao_common.db.pruning import pruning_time
from yibao_common.keys.vault import Vault
from yibao_common.process.config import StartError
from yibao_common.values.clock import system_clock
from yibao_common.values.reasons import Reason
from yibao_offsite.application.material.due import DueMaterials, ScannerError
from yibao_offsite.material_parts import prune_papers
from yibao_offsite.rules.material.material import Owner
from yibao_offsite.secret_files import examine_secrets, require_secrets
from yibao_offsite.storage.material.due import StoredDueMaterials, material_regions

EICAR = pdf() + b"%EICAR\n%%EOF\n"


@pytest.fixture
def desk(databases: Databases) -> StoredDesk:
    return StoredDesk(databases.open("yibao_offsite"), is_scanned=True)


@pytest.fixture
def unscanned(databases: Databases) -> StoredDesk:
    return StoredDesk(databases.open("yibao_offsite"))


def end(desk: StoredDesk, owner_id: str, on: dt.date) -> None:
    desk.transactions.change(
        REGION, lambda work: work.papers.end(Owner.REGISTRATION, owner_id, on=on)
    )


def test_papers_wait_for_the_scanner_and_infected_ones_are_gone(desk: StoredDesk) -> None:
    clean, infected = desk.hand_in(), desk.hand_in(EICAR)
    scanner = FakeScanner()
    assert desk.due.waiting(REGION) == 2
    assert desk.due.scan(REGION, scanner) == []
    assert (desk.state_of(clean), desk.state_of(infected)) == ("CLEAN", "INFECTED")
    assert desk.read(clean, by=CLERK) == pdf()
    assert refused(lambda: desk.read(infected, by=CLERK)) is Reason.MATERIAL_STATE
    assert refused(lambda: desk.use(infected)) is Reason.MATERIAL_STATE
    assert desk.part_numbers(infected) == set()
    assert desk.due.scan(REGION, scanner) == []
    assert scanner.scanned == 2
    assert {each["state"] for each in desk.audited("ScanMaterial")} == {"CLEAN", "INFECTED"}


def test_with_the_scanner_down_papers_wait(desk: StoredDesk) -> None:
    id, scanner = desk.hand_in(), FakeScanner()
    scanner.problem = ScannerError("down")
    with pytest.raises(ScannerError):
        desk.due.scan(REGION, scanner)
    assert (desk.state_of(id), desk.due.waiting(REGION)) == ("SCANNING", 1)
    scanner.problem = None
    desk.due.scan(REGION, scanner)
    assert (desk.state_of(id), desk.due.waiting(REGION)) == ("CLEAN", 0)


def test_papers_that_the_scanner_fails_at_keep_no_other_from_its_turn(desk: StoredDesk) -> None:
    # As one does at what is longer than it is configured for.
    bad = [desk.hand_in(pdf(900 + number)) for number in range(4)]
    good, scanner = desk.hand_in(), FakeScanner()
    scanner.fails_at = tuple(pdf(900 + number) for number in range(4))
    for _ in range(2):
        with pytest.raises(ScannerError, match="too long"):
            desk.due.scan(REGION, scanner)
    assert desk.state_of(good) == "CLEAN"
    scanner.fails_at = ()
    for _ in range(2):
        desk.due.scan(REGION, scanner)
    assert {desk.state_of(each) for each in bad} == {"CLEAN"}


def test_an_altered_paper_is_told_and_keeps_no_other_from_its_turn(desk: StoredDesk) -> None:
    altered, other = desk.hand_in(), desk.hand_in()
    desk.alter(PART, altered, number=1, sealed_data=b"x" * 60)
    assert desk.due.scan(REGION, FakeScanner()) == [altered]
    assert (desk.state_of(altered), desk.state_of(other)) == ("SCANNING", "CLEAN")


def test_a_clock_that_is_ahead_takes_no_papers_away(unscanned: StoredDesk) -> None:
    """Contents do not come back: by that clock nobody has answered anything of late."""
    desk = unscanned
    unused = desk.hand_in()
    desk.now = NOW + dt.timedelta(days=31)
    assert prune_papers(desk.database, desk.due, lambda: desk.now) == 0
    assert desk.state_of(unused) == "NOT_SCANNED"
    desk.hand_in()
    assert prune_papers(desk.database, desk.due, lambda: desk.now) == 1
    assert (desk.state_of(unused), desk.part_numbers(unused)) == ("REMOVED", set())


@pytest.mark.parametrize("days", [-40, 40])
def test_nothing_is_taken_away_before_its_time_by_the_clock_of_postgresql(
    databases: Databases, days: int
) -> None:
    """Processes whose clocks differ share that one; on SQLite there is the machine's alone."""
    database = databases.open("yibao_offsite")
    before, shift = system_clock(), dt.timedelta(days=days)
    time = pruning_time(database, lambda: system_clock() + shift)
    is_shifted = databases.kind == "sqlite" or days < 0
    assert abs(time - before - (shift if is_shifted else dt.timedelta())) < dt.timedelta(minutes=1)


def test_unfinished_and_unused_files_are_given_up_after_their_time(unscanned: StoredDesk) -> None:
    desk = unscanned
    unfinished, unused, used = desk.begin(pdf()), desk.hand_in(), desk.hand_in()
    desk.part(unfinished, 1, pdf())
    desk.use(used)
    waiver = desk.waive()
    desk.now = NOW + dt.timedelta(hours=24)
    assert desk.due.prune(REGION) == 0
    desk.now += dt.timedelta(microseconds=1)
    assert desk.due.prune(REGION) == 1
    assert (desk.state_of(unfinished), desk.part_numbers(unfinished)) == ("DISCARDED", set())
    desk.now = NOW + dt.timedelta(days=30)
    assert desk.due.prune(REGION) == 0
    desk.now += dt.timedelta(microseconds=1)
    assert desk.due.prune(REGION) == 1
    assert (desk.state_of(unused), desk.part_numbers(unused)) == ("REMOVED", set())
    desk.now = NOW + dt.timedelta(days=40_000)
    assert desk.due.prune(REGION) == 0
    assert (desk.state_of(used), desk.state_of(waiver)) == ("NOT_SCANNED", "WAIVER_PROPOSED")
    assert [each["state"] for each in desk.audited("PruneMaterial")] == ["DISCARDED", "REMOVED"]


def test_what_is_used_while_it_is_pruned_stays(
    unscanned: StoredDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, used = unscanned, unscanned.hand_in()
    desk.use(used)
    # It was unused when the page was read.
    monkeypatch.setattr(StoredDueMaterials, "unused", lambda *_, **__: [used])
    desk.now = NOW + dt.timedelta(days=31)
    assert desk.due.prune(REGION) == 0
    assert desk.part_numbers(used) == {1}


def midnight(day: dt.date) -> dt.datetime:
    """Returns when a day begins in Asia/Shanghai."""
    return dt.datetime.combine(day, dt.time(), dt.timezone(dt.timedelta(hours=8)))


def test_a_commitment_letter_is_kept_two_years_after_its_registration_and_checkable_after(
    unscanned: StoredDesk,
) -> None:
    """JS75 annex 1: filed, not destroyed for two years."""
    desk, letter = unscanned, unscanned.hand_in(kind="commitment_letter")
    desk.use(letter)
    end(desk, OWNER_ID, dt.date(2027, 8, 31))
    desk.now = midnight(dt.date(2029, 9, 1)) - dt.timedelta(microseconds=1)
    assert desk.due.prune(REGION) == 0
    assert desk.read(letter, by=CLERK) == pdf()
    desk.now = midnight(dt.date(2029, 9, 1))
    assert desk.due.prune(REGION) == 1
    assert (desk.state_of(letter), desk.part_numbers(letter)) == ("REMOVED", set())
    request = asked("CheckMaterial", CLERK)
    assert desk.readings.check(request, letter, sha256(pdf()))[1] is True
    assert desk.readings.check(request, letter, sha256(EICAR))[1] is False


def test_a_paper_for_two_things_is_kept_until_both_have_ended(unscanned: StoredDesk) -> None:
    desk, lease = unscanned, unscanned.hand_in()
    desk.use(lease)
    desk.use(lease, owner_id=OTHER_OWNER_ID)
    end(desk, OWNER_ID, dt.date(2027, 1, 1))
    desk.now = midnight(dt.date(2050, 1, 1))
    assert desk.due.prune(REGION) == 0
    end(desk, OTHER_OWNER_ID, dt.date(2049, 1, 1))
    assert desk.due.prune(REGION) == 0
    desk.now = midnight(dt.date(2052, 1, 2))
    assert desk.due.prune(REGION) == 1
    assert list(material_regions(desk.database)) == [REGION]


def test_papers_whose_years_are_not_over_are_not_locked_each_hour(
    unscanned: StoredDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = unscanned
    letter, lease, other = (
        desk.hand_in(kind=kind) for kind in ("commitment_letter", "lease", "invoice")
    )
    for id in (letter, lease, other):
        desk.use(id)
    end(desk, OWNER_ID, dt.date(2028, 2, 29))
    looked: list[str] = []
    look = DueMaterials._remove_ended

    def looking(due: DueMaterials, region: str, id: str, today: dt.date) -> bool:
        looked.append(id)
        return look(due, region, id, today)

    monkeypatch.setattr(DueMaterials, "_remove_ended", looking)
    for day, removed in (
        (dt.date(2030, 2, 27), []),
        (dt.date(2030, 3, 1), [letter]),
        (dt.date(2031, 2, 27), []),
        (dt.date(2031, 3, 1), [lease]),
        (dt.date(2038, 2, 27), []),
        (dt.date(2038, 3, 1), [other]),
    ):
        looked.clear()
        desk.now = midnight(day)
        assert (desk.due.prune(REGION), looked) == (len(removed), removed)


def test_a_replacing_paper_ends_with_what_the_former_was_for(unscanned: StoredDesk) -> None:
    desk, former = unscanned, unscanned.hand_in()
    desk.use(former)
    end(desk, OWNER_ID, dt.date(2027, 8, 31))
    new = desk.hand_in(pdf(900))
    desk.replace(former, new)
    desk.now = midnight(dt.date(2030, 9, 1))
    assert desk.due.prune(REGION) == 2
    assert desk.state_of(new) == "REMOVED"


def test_more_than_a_page_is_pruned_at_once(
    unscanned: StoredDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yibao_offsite.application.material.due._PAGE", 2)
    desk = unscanned
    kept = [desk.hand_in() for _ in range(3)]
    for id in kept:
        desk.use(id)
    removed = [desk.hand_in() for _ in range(5)]
    end(desk, OWNER_ID, dt.date(2027, 1, 1))
    desk.now = midnight(dt.date(2029, 1, 1))
    assert desk.due.prune(REGION) == len(removed)
    desk.now = midnight(dt.date(2030, 1, 2))
    assert desk.due.prune(REGION) == len(kept)


def keys(*encryption: bytes, hash_key: bytes = b"h" * 32) -> Vault:
    return Vault(encryption, hash_key, random_bytes=bytes)


def test_other_keys_than_the_database_was_filled_with_keep_it_from_starting(
    databases: Databases,
) -> None:
    database, one, two = databases.open("yibao_offsite"), b"1" * 32, b"2" * 32
    clock = lambda: NOW  # noqa: E731
    require_secrets(database, None, named=(), clock=clock)
    require_secrets(database, keys(one), named=(), clock=clock)
    require_secrets(database, keys(two, one), named=(), clock=clock)
    examine_secrets(database, keys(one, two), named=())
    for wrong in (keys(one), keys(two, one, hash_key=b"H" * 32), None):
        with pytest.raises(StartError, match=r"\[personal_data\]"):
            require_secrets(database, wrong, named=(), clock=clock)
        with pytest.raises(StartError):
            examine_secrets(database, wrong, named=())
    with database.read() as connection:
        stored = connection.execute(sa.text("SELECT check_value FROM trust_secret_check")).scalars()
        assert not {one, two, b"h" * 32} & {bytes(each) for each in stored}

"""What application decides of papers, without a database."""

import datetime as dt
import itertools

import pytest
from support.memory.material import MemoryMaterials, MemoryPapers, MemorySecrets
from support.memory.offsite.person import MemoryPersons
from support.memory.offsite.work import memory_work
from support.memory.transactions import MemoryTransactions
from support.paper_desk import (
    AUDITOR,
    CHECKER,
    CLERK,
    NOW,
    OTHER,
    OTHER_APP,
    OTHER_OWNER_ID,
    OWNER_ID,
    REGION,
    WALLET,
    PaperDesk,
    asked,
    refused,
)
from support.papers import archive, parts_of, pdf, png, sha256

from yibao_common.values.reasons import Reason
from yibao_offsite.application.material.upload import UploadPart
from yibao_offsite.application.secret import HASH_KEY, keep_checks, wrong_secrets
from yibao_offsite.application.work import Work
from yibao_offsite.rules.material.access import Purpose
from yibao_offsite.rules.material.material import MediaType, Owner
from yibao_offsite.rules.material.parts import PART_BYTES
from yibao_offsite.rules.material.states import State


class Desk(PaperDesk):
    """Over rows in memory."""

    transactions: MemoryTransactions[Work]

    def __init__(self, *, is_scanned: bool = False) -> None:
        numbers = itertools.count(1)
        rows, persons = MemoryMaterials(), MemoryPersons(followed=False)
        work = memory_work(REGION, materials=rows, papers=MemoryPapers(rows), persons=persons)
        transactions = MemoryTransactions(work)
        ids = lambda: f"m{next(numbers):03d}"  # noqa: E731
        super().__init__(transactions, is_scanned=is_scanned, ids=ids)

    @property
    def rows(self) -> MemoryMaterials:
        rows = self.transactions.work.materials
        assert isinstance(rows, MemoryMaterials)
        return rows

    @property
    def audited(self) -> list[tuple[str, str, str]]:
        entries = self.transactions.work.audit.entries
        return [(each.method, each.caller, each.outcome) for each in entries]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_file_comes_in_by_parts_in_any_order_and_is_read_again(desk: Desk) -> None:
    data = pdf(2 * PART_BYTES + 5)
    one, two, three = parts_of(data)
    id = desk.begin(data)
    assert [desk.part(id, 3, three), desk.part(id, 1, one), desk.part(id, 1, one)] == [2, 1, 1]
    assert refused(lambda: desk.finish(id)) is Reason.MATERIAL_INCOMPLETE
    assert desk.part(id, 2, two) == 0
    assert desk.finish(id).state is State.NOT_SCANNED
    assert b"".join(desk.read(id, by=CLERK, number=number) for number in (1, 2, 3)) == data
    assert desk.audited.count(("GetMaterialPart", CLERK, "OK")) == 3


def test_a_gigabyte_is_refused_before_anything_is_stored(desk: Desk) -> None:
    for size in (20_000_001, 1_000_000_000, 2**62):
        assert refused(lambda size=size: desk.begin(size=size)) is Reason.MATERIAL_TOO_LARGE  # type: ignore[misc]
    desk.begin(size=20_000_000)
    assert len(desk.rows.rows) == 1


def test_more_than_was_told_is_refused(desk: Desk) -> None:
    id = desk.begin(size=PART_BYTES)
    assert refused(lambda: desk.part(id, 2, b"x")) is Reason.MATERIAL_PART_WRONG
    assert refused(lambda: desk.part(id, 1, b"x")) is Reason.MATERIAL_PART_WRONG
    assert not desk.rows.parts


def test_a_part_is_what_was_told_of_it_and_never_another(desk: Desk) -> None:
    id = desk.begin(pdf())
    command = UploadPart(asked("UploadPart", WALLET), id, 1, pdf(), bytes(32))
    assert refused(lambda: desk.uploads.part(command, bytes)) is Reason.MATERIAL_HASH_WRONG
    desk.part(id, 1, pdf())
    other = pdf().replace(b"obj", b"OBJ")
    assert refused(lambda: desk.part(id, 1, other)) is Reason.MATERIAL_PART_CHANGED


def test_an_archive_told_as_pdf_is_refused_at_its_first_part(desk: Desk) -> None:
    id = desk.begin(archive())
    assert refused(lambda: desk.part(id, 1, archive())) is Reason.MATERIAL_TYPE_REFUSED
    png_as_pdf = desk.begin(png())
    assert refused(lambda: desk.part(png_as_pdf, 1, png())) is Reason.MATERIAL_TYPE_REFUSED


def test_what_hides_behind_a_pdf_is_refused_at_its_end(desk: Desk) -> None:
    data = pdf() + archive()
    id = desk.begin(data)
    desk.part(id, 1, data)
    assert refused(lambda: desk.finish(id)) is Reason.MATERIAL_TYPE_REFUSED
    assert desk.rows.rows[id].state is State.UPLOADING


def test_the_whole_file_is_the_one_that_was_told(desk: Desk) -> None:
    id = desk.begin(pdf())
    other = pdf().replace(b"obj", b"OBJ")
    desk.part(id, 1, other)
    assert refused(lambda: desk.finish(id)) is Reason.MATERIAL_HASH_WRONG


def test_nobody_else_goes_on_with_an_upload(desk: Desk) -> None:
    id = desk.begin(pdf())
    for stranger in (OTHER_APP, CLERK, "institution/H50011200001"):
        for run in (
            lambda by=stranger: desk.part(id, 1, pdf(), by=by),
            lambda by=stranger: desk.finish(id, by=by),
            lambda by=stranger: desk.discard(id, by=by),
        ):
            assert refused(run) is Reason.MATERIAL_NOT_FOUND


def test_what_is_finished_takes_no_part_and_is_finished_once(desk: Desk) -> None:
    id = desk.hand_in()
    assert refused(lambda: desk.finish(id)) is Reason.MATERIAL_STATE
    assert refused(lambda: desk.part(id, 1, pdf())) is Reason.MATERIAL_STATE


def test_with_a_scanner_a_paper_waits_and_nobody_reads_or_uses_it() -> None:
    desk = Desk(is_scanned=True)
    id = desk.hand_in()
    assert desk.rows.rows[id].state is State.SCANNING
    assert refused(lambda: desk.read(id, by=CLERK)) is Reason.MATERIAL_STATE
    assert refused(lambda: desk.use(id)) is Reason.MATERIAL_STATE


def test_each_person_and_party_has_so_many_open_uploads_and_no_more(desk: Desk) -> None:
    for _ in range(3):
        desk.begin(pdf())
    assert refused(lambda: desk.begin(pdf())) is Reason.MATERIAL_LIMIT_REACHED
    first = desk.begin(pdf(), person_id=OTHER)
    assert refused(lambda: desk.begin(pdf(), person_id=OTHER)) is Reason.MATERIAL_LIMIT_REACHED
    desk.begin(pdf(), person_id=OTHER, by=OTHER_APP)
    desk.discard(first)
    desk.begin(pdf(), person_id=OTHER)


def test_files_told_count_before_they_come(desk: Desk) -> None:
    desk.begin(size=20_000_000)
    assert refused(lambda: desk.begin(size=10_000_001)) is Reason.MATERIAL_LIMIT_REACHED
    desk.begin(size=10_000_000)


def test_a_person_whom_nobody_enrolled_has_no_papers(desk: Desk) -> None:
    persons = desk.transactions.work.persons
    assert isinstance(persons, MemoryPersons)
    persons.followed = True
    assert refused(lambda: desk.begin(pdf())) is Reason.PERSON_NOT_FOUND
    assert refused(desk.waive) is Reason.PERSON_NOT_FOUND


def test_a_refused_reading_of_a_restricted_photo_goes_on_record(desk: Desk) -> None:
    """O-09."""
    id = desk.hand_in(png(), kind="surgery_photo", media_type=MediaType.PNG)
    for by, purpose in ((CLERK, Purpose.AUDIT), (AUDITOR, Purpose.REVIEW), (WALLET, Purpose.OWN)):
        run = lambda by=by, why=purpose: desk.read(id, by=by, purpose=why)  # noqa: E731
        assert refused(run) is Reason.MATERIAL_RESTRICTED
        assert desk.audited[-1] == ("GetMaterialPart", by, "MATERIAL_RESTRICTED")
    assert desk.read(id, by=AUDITOR, purpose=Purpose.AUDIT) == png()
    assert desk.audited[-1] == ("GetMaterialPart", AUDITOR, "OK")


def test_a_paper_of_another_party_is_not_there(desk: Desk) -> None:
    id = desk.hand_in()
    request = asked("GetMaterial", OTHER_APP)
    assert refused(lambda: desk.read(id, by=OTHER_APP)) is Reason.MATERIAL_NOT_FOUND
    assert refused(lambda: desk.readings.find(request, id)) is Reason.MATERIAL_NOT_FOUND
    check = lambda: desk.readings.check(request, id, bytes(32))  # noqa: E731
    assert refused(check) is Reason.MATERIAL_NOT_FOUND
    assert refused(lambda: desk.replace(id, id, by=OTHER_APP)) is Reason.MATERIAL_NOT_FOUND


def test_a_paper_at_hand_is_compared_with_the_one_handed_in(desk: Desk) -> None:
    id = desk.hand_in(kind="commitment_letter")
    request = asked("CheckMaterial", CLERK)
    assert desk.readings.check(request, id, sha256(pdf()))[1] is True
    assert desk.readings.check(request, id, sha256(pdf() + b"\n"))[1] is False
    assert desk.audited[-1] == ("CheckMaterial", CLERK, "OK")


def test_papers_of_another_person_and_unknown_ones_are_not_used(desk: Desk) -> None:
    id = desk.hand_in()
    assert refused(lambda: desk.use(id, person_id=OTHER)) is Reason.MATERIAL_NOT_FITTING
    assert refused(lambda: desk.use(id, "m999")) is Reason.MATERIAL_NOT_FOUND
    desk.use(id)
    assert desk.transactions.work.papers.of_owner(Owner.REGISTRATION, OWNER_ID) == [
        desk.rows.rows[id].paper
    ]
    assert refused(lambda: desk.discard(id)) is Reason.MATERIAL_NOT_FITTING


def test_a_returned_paper_is_replaced_in_all_it_was_handed_in_for(desk: Desk) -> None:
    former, new = desk.hand_in(), desk.hand_in(pdf(900))
    desk.use(former)
    assert desk.return_(former).reason == "看不清"
    assert refused(lambda: desk.use(former, owner_id=OTHER_OWNER_ID)) is Reason.MATERIAL_STATE
    replacing = desk.replace(former, new, by=WALLET)
    assert (replacing.replaces_id, replacing.uses) == (former, desk.rows.rows[former].uses)
    assert desk.rows.rows[former].state is State.REPLACED
    # The former is kept as it was.
    assert desk.read(former, by=CLERK) == pdf()


def test_only_a_paper_of_the_same_person_and_kind_that_is_used_for_nothing_replaces(
    desk: Desk,
) -> None:
    former = desk.hand_in()
    other_kind = desk.hand_in(kind="other")
    other_person = desk.hand_in(person_id=OTHER)
    used, unfinished = desk.hand_in(), desk.begin(pdf())
    desk.use(used)
    for new in (other_kind, other_person, used, former):
        run = lambda new=new: desk.replace(former, new)  # noqa: E731
        assert refused(run) is Reason.MATERIAL_NOT_FITTING
    assert refused(lambda: desk.replace(former, unfinished)) is Reason.MATERIAL_STATE


def test_evidence_is_not_swapped_and_nothing_is_once_its_purpose_has_ended(desk: Desk) -> None:
    """O-09: a photo that an audit rests on stays."""
    photo, other = (
        desk.hand_in(data, kind="ward_photo", media_type=MediaType.PNG, by=CLERK)
        for data in (png(), png(9, 9))
    )
    desk.use(photo)
    assert refused(lambda: desk.replace(photo, other)) is Reason.MATERIAL_STATE
    lease, new = desk.hand_in(), desk.hand_in(pdf(900))
    desk.use(lease, owner_id=OTHER_OWNER_ID)
    papers = desk.transactions.work.papers
    tomorrow = NOW.date() + dt.timedelta(days=1)
    papers.end(Owner.REGISTRATION, OTHER_OWNER_ID, on=tomorrow)
    returned = desk.hand_in(pdf(901))
    desk.use(returned, owner_id=OTHER_OWNER_ID)
    # Its end is known, and it has not come.
    desk.return_(returned)
    papers.end(Owner.REGISTRATION, OWNER_ID, on=NOW.date())
    papers.end(Owner.REGISTRATION, OTHER_OWNER_ID, on=NOW.date())
    for run in (
        lambda: desk.replace(lease, new),
        lambda: desk.return_(lease),
        lambda: desk.return_(photo),
    ):
        assert refused(run) is Reason.MATERIAL_NOT_FITTING


def test_a_waiver_needs_a_second_operator_and_then_counts_as_the_paper(desk: Desk) -> None:
    id = desk.waive()
    assert refused(lambda: desk.use(id)) is Reason.MATERIAL_STATE
    assert refused(lambda: desk.decide(id, by=CLERK)) is Reason.SAME_MAKER_AND_CHECKER
    assert desk.decide(id, by=CHECKER).state is State.WAIVED
    desk.use(id)
    assert refused(lambda: desk.decide(id, by=CHECKER)) is Reason.MATERIAL_STATE
    rejected = desk.waive()
    assert desk.decide(rejected, by=CHECKER, is_granted=False).state is State.WAIVER_REJECTED
    assert refused(lambda: desk.use(rejected)) is Reason.MATERIAL_STATE
    # There is nothing in it to be read or given up.
    assert refused(lambda: desk.read(id, by=CLERK)) is Reason.MATERIAL_STATE
    assert refused(lambda: desk.discard(id, by=CLERK)) is Reason.MATERIAL_NOT_FOUND


@pytest.mark.parametrize("kind", ["commitment_letter", "trauma_commitment_letter", "ward_photo"])
def test_a_persons_own_promise_is_never_waived(desk: Desk, kind: str) -> None:
    assert refused(lambda: desk.waive(kind)) is Reason.MATERIAL_NOT_FITTING


def test_the_keys_are_those_that_the_database_was_filled_with() -> None:
    rows = MemorySecrets()
    held = {HASH_KEY: b"h", "0011": b"e"}
    assert keep_checks(rows, held, at=NOW) == []
    assert keep_checks(rows, {**held, "0022": b"f"}, at=NOW) == []
    assert wrong_secrets(rows, {HASH_KEY: b"H", "0011": b"e", "0022": b"f"})
    assert wrong_secrets(rows, held) == ["an encryption key 0022 that is in use is missing"]
    assert len(wrong_secrets(rows, {})) == 3

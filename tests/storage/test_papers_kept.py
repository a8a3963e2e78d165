"""Papers in databases: sealed, found altered, stored once, never two at once."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from support.databases import Databases, as_owner
from support.paper_desk import (
    AUDITOR,
    CLERK,
    LIMITS,
    NOW,
    OTHER,
    OTHER_APP,
    OWNER_ID,
    PERSON,
    PHOTO,
    REGION,
    WALLET,
    asked,
    refused,
)
from support.papers import parts_of, pdf, png, sha256
from support.stored_papers import MATERIAL, PART, StoredDesk

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.application.material.rows import Wish
from yibao_offsite.application.material.upload import BeginUpload, EndUpload, UploadPart
from yibao_offsite.application.work import Work
from yibao_offsite.rules.material.access import Purpose
from yibao_offsite.rules.material.content import Content, looked_through
from yibao_offsite.rules.material.material import MediaType, Owner, PhotoFacts, Told
from yibao_offsite.rules.material.parts import PART_BYTES
from yibao_offsite.rules.material.states import State
from yibao_offsite.storage import tables


@pytest.fixture
def desk(databases: Databases) -> StoredDesk:
    return StoredDesk(databases.open("yibao_offsite"))


def hand_in_photo(desk: StoredDesk, data: bytes, *, by: str = CLERK) -> str:
    return desk.hand_in(data, kind="ward_photo", media_type=MediaType.PNG, by=by)


def read_photo(desk: StoredDesk, id: str, number: int = 1) -> bytes:
    return desk.read(id, by=AUDITOR, number=number, purpose=Purpose.AUDIT)


def test_nothing_of_a_paper_is_legible_where_it_is_stored(desk: StoredDesk) -> None:
    photo, lease = hand_in_photo(desk, png()), desk.hand_in(pdf(PART_BYTES + 9))
    desk.return_(lease)
    assert read_photo(desk, photo) == png()
    assert desk.read(lease, by=CLERK, number=2) == parts_of(pdf(PART_BYTES + 9))[1]
    stored = b""
    with desk.database.read() as connection:
        for table in tables.metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                stored += b"".join(
                    bytes(each) if isinstance(each, bytes | memoryview) else str(each).encode()
                    for each in row
                )
    digest = sha256(pdf(PART_BYTES + 9))
    texts = [each.encode() for each in (PHOTO.author, PHOTO.place, "看不清")]
    for secret in (b"%PDF", b"IHDR", digest, digest.hex().encode(), sha256(png()), *texts):
        assert secret not in stored


def test_what_was_told_of_a_photo_is_read_as_it_was_told(desk: StoredDesk) -> None:
    """O-09: a photo says when, by whom and where."""
    id = hand_in_photo(desk, png())
    with desk.transactions.read(REGION) as work:
        found = work.materials.find(id)
    assert found is not None
    assert found.told == Told(len(png()), MediaType.PNG, sha256(png()), PHOTO)


def _swap_files(desk: StoredDesk, one: str, other: str) -> None:
    desk.alter(PART, one, number=1, sealed_data=desk.sealed("sealed_data", other))


def _swap_all(desk: StoredDesk, one: str, other: str) -> None:
    told, manifest = (desk.sealed(each, other) for each in ("sealed_told", "sealed_manifest"))
    desk.alter(MATERIAL, one, sealed_told=told, sealed_manifest=manifest)
    _swap_files(desk, one, other)


def _swap_parts(desk: StoredDesk, one: str, other: str) -> None:
    second = desk.sealed("sealed_data", one, number=2)
    desk.alter(PART, one, number=2, sealed_data=desk.sealed("sealed_data", one))
    desk.alter(PART, one, number=1, sealed_data=second)


def _seal_another(desk: StoredDesk, one: str, other: str) -> None:
    # As if an older part had been kept from before it was finished.
    place = f"{REGION}/material/{one}/{PERSON}/ward_photo/part/1"
    desk.alter(PART, one, number=1, sealed_data=desk.vault.seal(png(9, 9), place=place))


def _cut(desk: StoredDesk, one: str, other: str) -> None:
    desk.alter(PART, one, number=1, sealed_data=b"short")


def _remove_part(desk: StoredDesk, one: str, other: str) -> None:
    with as_owner(desk.database) as connection:
        connection.execute(sa.delete(PART).where(PART.c.material_id == one))


def _tell(**values: Any) -> Callable[[StoredDesk, str, str], None]:
    return lambda desk, one, _: desk.alter(MATERIAL, one, **values)


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(_swap_files, id="another file's part"),
        pytest.param(_swap_all, id="all of another file"),
        pytest.param(_swap_parts, id="parts in another order"),
        pytest.param(_seal_another, id="another part sealed for the place"),
        pytest.param(_cut, id="less than a nonce"),
        pytest.param(_remove_part, id="no part"),
        pytest.param(_tell(person_id=OTHER), id="another person"),
        pytest.param(_tell(kind="surgery_photo"), id="another kind"),
        pytest.param(_tell(kind="novel"), id="no kind"),
        pytest.param(_tell(size_bytes=PART_BYTES + 7), id="another length"),
        pytest.param(_tell(media_type=int(MediaType.JPEG)), id="another type"),
        pytest.param(_tell(sealed_manifest=None), id="no manifest"),
        pytest.param(_tell(sealed_told=b"x" * 60), id="another hash"),
    ],
)
def test_a_photo_that_was_swapped_in_the_database_is_not_given_out(
    desk: StoredDesk, attack: Callable[[StoredDesk, str, str], None]
) -> None:
    """O-09: evidence is what was handed in, or it is told that it is not."""
    big = png()[:-12] + b"\0" * PART_BYTES + png()[-12:]
    photo, other = hand_in_photo(desk, big), hand_in_photo(desk, png(9, 9))
    assert read_photo(desk, photo) == big[:PART_BYTES]
    attack(desk, photo, other)
    assert refused(lambda: read_photo(desk, photo)) is Reason.MATERIAL_ALTERED
    (*_, last) = desk.audited("GetMaterialPart")
    assert (last["caller"], last["outcome"]) == (AUDITOR, "MATERIAL_ALTERED")
    assert read_photo(desk, other) == png(9, 9)


def test_a_part_altered_before_the_file_is_finished_is_found_then(desk: StoredDesk) -> None:
    id = desk.begin(pdf())
    desk.part(id, 1, pdf())
    _cut(desk, id, id)
    assert refused(lambda: desk.finish(id)) is Reason.MATERIAL_ALTERED


def test_nothing_is_locked_while_a_file_is_looked_through(
    desk: StoredDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = desk.begin(pdf())
    desk.part(id, 1, pdf())

    def look(parts: Iterable[bytes], told: MediaType) -> Content:
        # Another call about the same file, and one that writes something else, wait for nothing.
        assert desk.part(id, 1, pdf()) == 0
        desk.begin(pdf(900), by=OTHER_APP)
        return looked_through(parts, told)

    monkeypatch.setattr("yibao_offsite.application.material.upload.looked_through", look)
    assert desk.finish(id).state is State.NOT_SCANNED
    assert desk.read(id, by=CLERK) == pdf()


def test_a_file_that_is_given_up_while_it_is_looked_through_is_not_finished(
    desk: StoredDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = desk.begin(pdf())
    desk.part(id, 1, pdf())

    def look(parts: Iterable[bytes], told: MediaType) -> Content:
        found = looked_through(parts, told)
        desk.discard(id)
        return found

    monkeypatch.setattr("yibao_offsite.application.material.upload.looked_through", look)
    assert refused(lambda: desk.finish(id)) is Reason.MATERIAL_STATE


def test_the_audit_holds_a_mark_of_the_contents_and_each_reading(desk: StoredDesk) -> None:
    one, other, again = desk.hand_in(), desk.hand_in(pdf(900)), desk.hand_in()
    marks = [each["mark"] for each in desk.audited("FinishUpload")]
    assert marks[0] == marks[2] != marks[1]
    assert sha256(pdf()).hex() not in marks
    for id in (one, other, again):
        desk.read(id, by=CLERK)
    assert [each["purpose"] for each in desk.audited("GetMaterialPart")] == ["REVIEW"] * 3


def test_a_repeat_is_answered_as_it_was_and_does_nothing(desk: StoredDesk) -> None:
    begin = BeginUpload(
        asked("BeginUpload", WALLET), PERSON, "lease", Told(*size_and_type(), sha256(pdf()))
    )
    id = desk.uploads.begin(begin, desk.encode)
    assert desk.uploads.begin(begin, desk.encode) == id
    part = UploadPart(asked("UploadPart", WALLET), id.decode(), 1, pdf(), sha256(pdf()))
    end = EndUpload(asked("FinishUpload", WALLET), id.decode())
    missing = lambda count: b"%d" % count  # noqa: E731
    assert desk.uploads.part(part, missing) == desk.uploads.part(part, missing) == b"0"
    assert desk.uploads.finish(end, desk.encode) == desk.uploads.finish(end, desk.encode)
    assert len(desk.audited("FinishUpload")) == 1
    # The same id from another party tells it nothing.
    theirs = replace(begin, request=begin.request._replace(caller=asked("x", OTHER_APP).caller))
    theirs = replace(theirs, request=theirs.request._replace(digest=bytes(32)))
    assert refused(lambda: desk.uploads.begin(theirs, desk.encode)) is Reason.REQUEST_ID_REUSED


def size_and_type() -> tuple[int, MediaType]:
    return len(pdf()), MediaType.PDF


@pytest.mark.parametrize("step", ["begin", "part", "finish"])
def test_after_a_crash_a_step_is_simply_taken_again(
    desk: StoredDesk, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dies after the effect, before the commit: nothing of it is there, and the repeat does it."""
    data = pdf(PART_BYTES + 9)

    def crash(*_: object) -> None:
        raise KeyError("power cut")

    def crashing(run: Callable[[], object]) -> None:
        with monkeypatch.context() as patch:
            patch.setattr("yibao_offsite.storage.work.chained", crash)
            with pytest.raises(KeyError):
                run()

    if step == "begin":
        crashing(lambda: desk.begin(data))
        with desk.transactions.read(REGION) as work:
            assert work.materials.listed(Wish(), after=None, limit=9) == []
    id = desk.begin(data)
    for number, part in enumerate(parts_of(data), 1):
        if step == "part":
            encode = lambda _: crash()  # noqa: E731
            command = UploadPart(asked("UploadPart", WALLET), id, number, part, sha256(part))
            with pytest.raises(KeyError):
                desk.uploads.part(command, encode)  # type: ignore[arg-type]
            assert desk.part_numbers(id) == set(range(1, number))
        desk.part(id, number, part)
    if step == "finish":
        crashing(lambda: desk.finish(id))
        assert desk.state_of(id) == "UPLOADING"
    desk.finish(id)
    assert b"".join(desk.read(id, by=CLERK, number=each) for each in (1, 2)) == data


def at_once(*runs: Callable[[], object]) -> list[object]:
    """Runs at the same moment in threads; returns what each returned, or its reason."""
    barrier, ended = threading.Barrier(len(runs)), [None] * len(runs)

    def take(number: int) -> None:
        barrier.wait()
        try:
            ended[number] = runs[number]() or "done"  # type: ignore[call-overload]
        except RuleError as refusal:
            ended[number] = refusal.reason  # type: ignore[call-overload]

    threads = [threading.Thread(target=take, args=(number,)) for number in range(len(runs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return list(ended)


@pytest.mark.parametrize("limit", ["open_of_person", "open_of_party"])
def test_of_two_uploads_at_once_the_limit_lets_one_pass(databases: Databases, limit: str) -> None:
    one = replace(LIMITS, **{limit: 1})
    desk = StoredDesk(databases.open("yibao_offsite"), limits=one)
    by, person_id = (OTHER_APP, PERSON) if limit == "open_of_person" else (WALLET, OTHER)
    for _ in range(8):
        ended = at_once(
            lambda: desk.begin(pdf()), lambda: desk.begin(pdf(), by=by, person_id=person_id)
        )
        assert ended.count(Reason.MATERIAL_LIMIT_REACHED) == 1
        begun = next(each for each in ended if isinstance(each, str))
        desk.discard(begun, by=WALLET if begun in desk.of_party(WALLET) else OTHER_APP)


def test_of_ending_and_giving_up_at_once_one_comes_to_pass(desk: StoredDesk) -> None:
    id = desk.begin(pdf())
    desk.part(id, 1, pdf())
    at_once(lambda: desk.finish(id), lambda: desk.finish(id), lambda: desk.discard(id))
    # A finished one may be given up as well, so what counts is that nothing is half there.
    is_gone = desk.state_of(id) == "DISCARDED"
    assert desk.part_numbers(id) == (set() if is_gone else {1})
    assert len(desk.audited("FinishUpload")) <= 1


def test_a_paper_is_used_or_given_up_and_never_both(desk: StoredDesk) -> None:
    id = desk.hand_in()
    ended = at_once(lambda: desk.use(id), lambda: desk.discard(id))
    is_gone = desk.state_of(id) == "DISCARDED"
    expected = Reason.MATERIAL_STATE if is_gone else Reason.MATERIAL_NOT_FITTING
    assert expected in ended


def test_a_paper_that_takes_anothers_place_while_that_ends_has_the_same_end(
    desk: StoredDesk,
) -> None:
    former, new = desk.hand_in(), desk.hand_in(pdf(900))
    desk.use(former)
    day = NOW.date()

    def end(work: Work) -> None:
        work.papers.end(Owner.REGISTRATION, OWNER_ID, on=day)

    with ThreadPoolExecutor(1) as elsewhere:

        def replace(work: Work) -> "Future[None]":
            locked = {each.material_id: each for each in work.materials.lock({former, new})}
            ending = elsewhere.submit(desk.transactions.change, REGION, end)
            time.sleep(0.5)
            work.materials.take_over_uses(locked[new], locked[former])
            return ending

        desk.transactions.change(REGION, replace).result(timeout=30)
    with desk.transactions.read(REGION) as work:
        found = [work.materials.find(each) for each in (former, new)]
    assert [use.end_date for each in found if each is not None for use in each.uses] == [day, day]


def test_papers_are_listed_the_newest_first_by_whom_and_what_for(desk: StoredDesk) -> None:
    made = [desk.hand_in(pdf(300 + number)) for number in range(3)]
    theirs = desk.hand_in(pdf(), by=OTHER_APP, person_id=OTHER, kind="other")
    desk.use(made[1])

    def listed(by: str, wish: Wish, after: str | None = None, limit: int = 9) -> list[str]:
        found = desk.readings.listed(asked("ListMaterials", by), wish, after=after, limit=limit)
        return [each.material_id for each in found]

    newest_first = [theirs, *reversed(made)]
    assert listed(CLERK, Wish()) == newest_first
    assert listed(CLERK, Wish(), limit=2) == newest_first[:2]
    assert listed(CLERK, Wish(), after=newest_first[1]) == newest_first[2:]
    assert listed(WALLET, Wish()) == newest_first[1:]
    assert listed(WALLET, Wish(party=OTHER_APP)) == newest_first[1:]
    assert listed(CLERK, Wish(person_id=OTHER)) == listed(CLERK, Wish(kind="other")) == [theirs]
    owner = Wish(owner=Owner.REGISTRATION, owner_id=OWNER_ID)
    assert listed(CLERK, owner) == [made[1]]
    assert listed(OTHER_APP, owner) == []


def test_a_returned_paper_is_replaced_and_both_are_found_by_what_they_are_for(
    desk: StoredDesk,
) -> None:
    former, new = desk.hand_in(), desk.hand_in(pdf(900))
    desk.use(former)
    desk.return_(former)
    desk.replace(former, new, by=WALLET)
    with desk.transactions.read(REGION) as work:
        papers = work.papers.of_owner(Owner.REGISTRATION, OWNER_ID)
        found = work.materials.find(former)
    told = [(each.material_id, each.state.name, each.put_in_place_by) for each in papers]
    assert told == [(former, "REPLACED", ""), (new, "NOT_SCANNED", WALLET)]
    assert found is not None
    assert (found.reason, found.replaced_by_id) == ("看不清", new)
    (entry,) = desk.audited("ReplaceMaterial")
    assert entry["replaces"] == former
    # Who returns one puts nothing in its place.
    desk.return_(new)
    with desk.transactions.read(REGION) as work:
        papers = work.papers.of_owner(Owner.REGISTRATION, OWNER_ID)
    assert [each.put_in_place_by for each in papers] == ["", ""]


def test_photos_keep_names_of_any_script(desk: StoredDesk) -> None:
    facts = PhotoFacts(PHOTO.taken_time, "阿卜杜拉·艾合买提", "3#楼 12床")
    told = Told(len(png()), MediaType.PNG, sha256(png()), facts)
    command = BeginUpload(asked("BeginUpload", CLERK), PERSON, "ward_photo", told)
    id = desk.uploads.begin(command, desk.encode).decode()
    with desk.transactions.read(REGION) as work:
        found = work.materials.find(id)
    assert found is not None
    assert found.told == told

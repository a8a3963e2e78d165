"""Pre-evaluations in the database: from the referral to the recheck (O-06, O-10)."""

import dataclasses
import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.medical_desk import (
    LI,
    OTHER_REGION,
    REGION,
    WANG,
    ZHAO,
    MedicalDesk,
    at,
    keep_papers,
    keep_persons,
    keep_referral,
    person,
    stored_desk,
)

from yibao_common.db.database import Database
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.application.evaluation.cases import require_evaluated
from yibao_offsite.application.evaluation.rows import EvaluationWish
from yibao_offsite.application.recheck import RecheckWish
from yibao_offsite.rules.evaluation import (
    Difference,
    DifferenceKind,
    Evaluation,
    EvaluationEvent,
    EvaluationState,
    Opinion,
)
from yibao_offsite.rules.material.material import Owner
from yibao_offsite.rules.recheck import RecheckState
from yibao_offsite.storage import tables

PERSON = new_id()
KINDS = ("discharge_record", "diagnosis_proof", "fee_list")


@pytest.fixture
def database(databases: Databases) -> Database:
    return databases.open("yibao_offsite")


@pytest.fixture
def desk(database: Database) -> MedicalDesk:
    return stored_desk(database)


@pytest.fixture
def strict(database: Database) -> MedicalDesk:
    """A counter of a region that has the file read first."""
    return stored_desk(database, reads_history_first=True)


def refusal_of(act: object, *args: object, **kwargs: object) -> RuleError:
    with pytest.raises(RuleError) as refused:
        act(*args, **kwargs)  # type: ignore[operator]
    return refused.value


def triple(ids: tuple[str, ...]) -> tuple[str, str, str]:
    record, certificate, fees = ids
    return record, certificate, fees


def approved(desk: MedicalDesk, database: Database) -> Evaluation:
    opened = desk.open(keep_referral(database, PERSON))
    return desk.approve(desk.examine(opened.evaluation_id))


def check(desk: MedicalDesk, registration_id: str) -> None:
    desk.transactions.change(REGION, lambda work: require_evaluated(work, registration_id))


def test_a_transfer_is_evaluated_approved_compared_and_its_effect_checked(
    desk: MedicalDesk, database: Database
) -> None:
    """O-06 from end to end."""
    registration_id = keep_referral(database, PERSON)
    assert refusal_of(check, desk, registration_id).reason is Reason.PRE_EVALUATION_REQUIRED
    opened = desk.open(registration_id)
    assert (opened.person_id, opened.state) == (PERSON, EvaluationState.OPEN)
    recorded = desk.examine(opened.evaluation_id)
    assert refusal_of(check, desk, registration_id).reason is Reason.PRE_EVALUATION_REQUIRED
    desk.approve(recorded)
    check(desk, registration_id)
    papers = triple(keep_papers(database, PERSON, *KINDS))
    differs = Difference(DifferenceKind.OPERATION, "实际未行手术")
    compared = desk.compare(opened.evaluation_id, papers, differs)
    assert compared.comparison is not None
    assert not compared.comparison.is_consistent
    recheck = desk.call(opened.evaluation_id)
    closed = desk.recheck(recheck.recheck_id, RecheckState.DOUBTFUL)
    found = desk.evaluations.get(REGION, opened.evaluation_id, parse_caller(LI))
    assert found.rechecks == [closed]
    assert found.evaluation.comparison == compared.comparison
    assert [(act.number, act.event) for act in found.acts] == [
        (1, EvaluationEvent.OPENED),
        (2, EvaluationEvent.RECORDED),
        (3, EvaluationEvent.APPROVED),
        (4, EvaluationEvent.COMPARED),
        (5, EvaluationEvent.RECHECK_CALLED),
        (6, EvaluationEvent.RECHECK_RECORDED),
    ]
    assert [act.acted_by for act in found.acts] == [WANG, WANG, LI, WANG, WANG, LI]
    # The referral stays decided by it.
    check(desk, registration_id)


def test_what_was_found_is_stored_sealed(desk: MedicalDesk, database: Database) -> None:
    told = approved(desk, database)
    papers = triple(keep_papers(database, PERSON, *KINDS))
    desk.compare(told.evaluation_id, papers, Difference(DifferenceKind.DIAGNOSIS, "诊断不符"))
    desk.recheck(desk.call(told.evaluation_id).recheck_id, RecheckState.EFFECTIVE)
    evaluation, _, recheck = tables.evaluations
    with database.read() as connection:
        row = connection.execute(sa.select(evaluation)).one()
        seen = connection.execute(sa.select(recheck)).one()
    for stored in (row.sealed_record, seen.sealed_reason, seen.sealed_findings):
        for text in ("胸痛", "陈医师", "诊断不符", "复查", "恢复"):
            assert text.encode() not in bytes(stored)


def test_only_a_referral_that_waits_is_evaluated_and_once(
    desk: MedicalDesk, database: Database
) -> None:
    wrong: tuple[dict[str, Any], ...] = (
        {"category": 5},
        {"state": 1},
        {"state": 5},
        {"region": OTHER_REGION},
    )
    for values in wrong:
        registration_id = keep_referral(database, PERSON, **values)
        assert refusal_of(desk.open, registration_id).reason is Reason.REFERRAL_NOT_WAITING
    registration_id = keep_referral(database, PERSON, state=4)
    opened = desk.open(registration_id)
    refused = refusal_of(desk.open, registration_id)
    assert refused.reason is Reason.PRE_EVALUATION_EXISTS
    assert refused.metadata == {"evaluation_id": opened.evaluation_id}
    desk.cancel(opened.evaluation_id)
    assert desk.open(registration_id).evaluation_id != opened.evaluation_id
    past = dt.date(2026, 11, 1)
    refused = refusal_of(desk.open, registration_id, due=past)
    assert refused.reason is Reason.FIELD_OUT_OF_RANGE


def test_who_records_has_read_the_newest_file_first(
    strict: MedicalDesk, database: Database
) -> None:
    """O-10 of 1.6: required by the region; of a person without a file that is looked for too."""
    opened = strict.open(keep_referral(database, PERSON))
    refused = refusal_of(strict.examine, opened.evaluation_id)
    assert refused.reason is Reason.HISTORY_FILE_NOT_READ
    # Somebody else's reading does not count, nor that of an older version.
    strict.read(PERSON, by=LI)
    assert refusal_of(strict.examine, opened.evaluation_id).reason is Reason.HISTORY_FILE_NOT_READ
    strict.read(PERSON)
    strict.record(PERSON, by=ZHAO)
    assert refusal_of(strict.examine, opened.evaluation_id).reason is Reason.HISTORY_FILE_NOT_READ
    strict.record(PERSON, base=1, by=ZHAO)
    strict.read(PERSON, version=1)
    assert refusal_of(strict.examine, opened.evaluation_id).reason is Reason.HISTORY_FILE_NOT_READ
    strict.read(PERSON)
    recorded = strict.examine(opened.evaluation_id)
    assert recorded.examination is not None
    assert recorded.examination.history_version == 2


def test_nobody_without_a_file_is_evaluated_unlooked_at(
    strict: MedicalDesk, database: Database
) -> None:
    """O-10."""
    opened = strict.open(keep_referral(database, PERSON))
    strict.read(PERSON)
    recorded = strict.examine(opened.evaluation_id)
    assert recorded.examination is not None
    assert recorded.examination.history_version == 0


@pytest.mark.parametrize(
    ("read_at", "counts"), [("2026-11-01T23:59:59", False), ("2026-11-02T00:00", True)]
)
def test_a_reading_counts_from_the_day_on_which_the_evaluation_was_opened(
    strict: MedicalDesk, database: Database, read_at: str, counts: bool
) -> None:
    """O-10."""
    now, strict.now = strict.now, at(read_at)
    strict.read(PERSON)
    strict.now = now
    opened = strict.open(keep_referral(database, PERSON))
    if counts:
        assert strict.examine(opened.evaluation_id).state is EvaluationState.RECORDED
    else:
        refused = refusal_of(strict.examine, opened.evaluation_id)
        assert refused.reason is Reason.HISTORY_FILE_NOT_READ


def test_a_file_that_a_merge_brought_is_read_too(strict: MedicalDesk, database: Database) -> None:
    """O-10."""
    survivor, duplicate = person(), person()
    keep_persons(strict, survivor, duplicate)
    strict.record(duplicate.person_id)
    opened = strict.open(keep_referral(database, survivor.person_id))
    strict.read(survivor.person_id)
    keep_persons(strict, dataclasses.replace(duplicate, merged_into=survivor.person_id))
    refused = refusal_of(strict.examine, opened.evaluation_id)
    assert refused.reason is Reason.HISTORY_FILE_NOT_READ
    strict.read(survivor.person_id)
    assert strict.examine(opened.evaluation_id).state is EvaluationState.RECORDED


def test_an_examination_lies_not_in_the_future(desk: MedicalDesk, database: Database) -> None:
    opened = desk.open(keep_referral(database, PERSON))
    refused = refusal_of(desk.examine, opened.evaluation_id, day=dt.date(2026, 11, 3))
    assert refused.reason is Reason.FIELD_OUT_OF_RANGE
    assert desk.examine(opened.evaluation_id, day=dt.date(2026, 11, 2)).version == 2


def test_what_was_sent_back_is_recorded_anew(desk: MedicalDesk, database: Database) -> None:
    opened = desk.open(keep_referral(database, PERSON))
    recorded = desk.examine(opened.evaluation_id)
    assert refusal_of(desk.send_back, recorded, by=WANG).reason is Reason.SAME_MAKER_AND_CHECKER
    returned = desk.send_back(recorded)
    assert (returned.opinion, returned.note) == (None, "缺心电图")
    again = desk.examine(opened.evaluation_id, by=LI, opinion=Opinion.NOT_NECESSARY)
    told = desk.approve(again, by=WANG)
    assert told.opinion is Opinion.NOT_NECESSARY
    refused = refusal_of(check, desk, opened.registration_id)
    assert refused.reason is Reason.PRE_EVALUATION_REQUIRED
    assert refused.metadata["opinion"] == "NOT_NECESSARY"


def test_the_papers_of_a_comparison_are_the_persons_and_of_their_kinds(
    desk: MedicalDesk, database: Database
) -> None:
    """O-06: discharge record, certificate and fee list."""
    told = approved(desk, database)
    own = triple(keep_papers(database, PERSON, *KINDS))
    others = triple(keep_papers(database, new_id(), *KINDS))
    for papers, reason in (
        ((own[0], own[1], others[2]), Reason.MATERIAL_NOT_FITTING),
        ((own[1], own[0], own[2]), Reason.MATERIAL_NOT_FITTING),
        ((own[0], own[0], own[2]), Reason.MATERIAL_NOT_FITTING),
        ((own[0], own[1], new_id()), Reason.MATERIAL_NOT_FOUND),
    ):
        assert refusal_of(desk.compare, told.evaluation_id, papers).reason is reason
    later = dt.date(2026, 11, 3)
    refused = refusal_of(desk.compare, told.evaluation_id, own, day=later)
    assert refused.reason is Reason.FIELD_OUT_OF_RANGE
    compared = desk.compare(told.evaluation_id, own)
    assert compared.comparison is not None
    assert compared.comparison.is_consistent
    use = tables.materials.use.c
    with database.read() as connection:
        rows = connection.execute(sa.select(use.owner, use.end_date)).all()
    assert {tuple(row) for row in rows} == {(Owner.EVALUATION, dt.date(2026, 11, 2))}
    assert refusal_of(desk.compare, told.evaluation_id, own).reason is Reason.PRE_EVALUATION_STATE


def test_a_recheck_follows_a_comparison_and_is_closed_once(
    desk: MedicalDesk, database: Database
) -> None:
    """O-06: the person may be called again."""
    told = approved(desk, database)
    assert refusal_of(desk.call, told.evaluation_id).reason is Reason.PRE_EVALUATION_STATE
    desk.compare(told.evaluation_id, triple(keep_papers(database, PERSON, *KINDS)))
    past = dt.date(2026, 11, 1)
    refused = refusal_of(desk.call, told.evaluation_id, due=past)
    assert refused.reason is Reason.FIELD_OUT_OF_RANGE
    first = desk.call(told.evaluation_id, due=dt.date(2026, 11, 20))
    desk.recheck(first.recheck_id, RecheckState.ABSENT)
    refused = refusal_of(desk.recheck, first.recheck_id, RecheckState.EFFECTIVE)
    assert refused.reason is Reason.RECHECK_STATE
    second = desk.call(told.evaluation_id, due=dt.date(2026, 11, 10))
    listed = desk.rechecks.listed
    assert [each.recheck_id for each in listed(REGION, RecheckWish(), limit=9)] == [
        second.recheck_id,
        first.recheck_id,
    ]
    for day, due in ((9, []), (10, [second]), (30, [second])):
        wish = RecheckWish(due_by=dt.date(2026, 11, day))
        assert listed(REGION, wish, limit=9) == due
    assert (
        refusal_of(desk.recheck, new_id(), RecheckState.ABSENT).reason is Reason.RECHECK_NOT_FOUND
    )


def test_what_is_due_is_listed_by_its_day(desk: MedicalDesk, database: Database) -> None:
    def due(*days: int) -> list[Evaluation]:
        return [
            desk.open(keep_referral(database, PERSON), due=dt.date(2026, 11, day)) for day in days
        ]

    seventh, fifth, sixth, gone = due(7, 5, 6, 4)
    desk.cancel(gone.evaluation_id)

    def listed(**wish: object) -> list[str]:
        found = desk.evaluations.listed(REGION, EvaluationWish(**wish), limit=2)  # type: ignore[arg-type]
        return [each.evaluation_id for each in found]

    sixth_day = dt.date(2026, 11, 6)
    assert listed(due_by=sixth_day) == [fifth.evaluation_id, sixth.evaluation_id]
    assert listed(due_by=dt.date(2026, 11, 4)) == []
    assert listed() == [gone.evaluation_id, fifth.evaluation_id]
    assert listed(after=(dt.date(2026, 11, 5), fifth.evaluation_id)) == [
        sixth.evaluation_id,
        seventh.evaluation_id,
    ]
    assert listed(state=EvaluationState.CANCELLED) == [gone.evaluation_id]
    assert listed(registration_id=sixth.registration_id) == [sixth.evaluation_id]
    assert listed(person_ids=(new_id(),)) == []


def test_another_region_finds_nothing(desk: MedicalDesk, database: Database) -> None:
    told = approved(desk, database)
    elsewhere = stored_desk(database, region=OTHER_REGION)
    refused = refusal_of(elsewhere.evaluations.get, OTHER_REGION, told.evaluation_id, None)
    assert refused.reason is Reason.PRE_EVALUATION_NOT_FOUND
    assert (
        refusal_of(elsewhere.cancel, told.evaluation_id).reason is Reason.PRE_EVALUATION_NOT_FOUND
    )
    assert elsewhere.evaluations.listed(OTHER_REGION, EvaluationWish(), limit=9) == []


def test_of_two_checkers_at_once_one_decides(desk: MedicalDesk, database: Database) -> None:
    opened = desk.open(keep_referral(database, PERSON))
    recorded = desk.examine(opened.evaluation_id)

    def decide(act: object) -> Reason | None:
        try:
            act(recorded, by=LI)  # type: ignore[operator]
        except RuleError as refused:
            return refused.reason
        return None

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(decide, (desk.approve, desk.send_back)))
    assert sorted(each is None for each in found) == [False, True]
    assert Reason.PRE_EVALUATION_STATE in found
    acts = desk.evaluations.get(REGION, opened.evaluation_id, parse_caller(LI)).acts
    assert [act.number for act in acts] == [1, 2, 3]


def test_of_two_evaluations_opened_at_once_one_is_stored(
    desk: MedicalDesk, database: Database
) -> None:
    registration_id = keep_referral(database, PERSON)

    def opened(_: int) -> Reason | None:
        try:
            desk.open(registration_id)
        except RuleError as refused:
            return refused.reason
        return None

    with ThreadPoolExecutor(2) as pool:
        found = set(pool.map(opened, range(2)))
    assert found == {None, Reason.PRE_EVALUATION_EXISTS}

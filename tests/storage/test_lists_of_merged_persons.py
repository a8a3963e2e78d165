"""What is listed by a person is found by each of the records that merges made the same person's."""

import dataclasses

import pytest
from support.audit_desk import AuditWorld
from support.databases import Databases
from support.medical_desk import keep_papers, keep_persons, keep_referral, person, stored_desk
from support.paper_desk import OTHER, PERSON, REGION
from support.qualifying import CHECKER, Desk, insured
from support.qualifying import REGION as QUALIFYING_REGION
from support.stored_papers import StoredDesk
from support.ward import Ward

from yibao_common.db.database import Database
from yibao_common.values.caller import parse_caller
from yibao_common.values.ids import new_id
from yibao_offsite.application.admission_declaration import DeclarationWish
from yibao_offsite.application.audit_task import reading
from yibao_offsite.application.audit_task.rows import TaskWish
from yibao_offsite.application.evaluation.rows import EvaluationWish
from yibao_offsite.application.qualification.rows import Wanted
from yibao_offsite.application.recheck import RecheckWish

STRANGER = new_id()


@pytest.fixture
def database(databases: Databases) -> Database:
    return databases.open("yibao_offsite")


def merged(database: Database) -> None:
    """Lets PERSON be a duplicate of OTHER, as the feed tells."""
    survivor = dataclasses.replace(person(), person_id=OTHER)
    duplicate = dataclasses.replace(person(OTHER), person_id=PERSON)
    keep_persons(stored_desk(database), survivor, duplicate)


def test_audits_and_declarations_are_found_by_either_record(database: Database) -> None:
    world = AuditWorld(StoredDesk(database).transactions)
    task_id = world.open().task_id
    ward = Ward(world)
    declared_id = ward.declare().admission_declaration_id
    merged(database)

    def found(*person_ids: str) -> tuple[list[str], list[str]]:
        tasks = reading.list_tasks(
            world.desk, REGION, TaskWish(person_ids=person_ids), after=None, limit=9
        )
        wish = DeclarationWish(person_ids=person_ids)
        stays = ward.declarations.page(REGION, wish, after=None, limit=9)
        return [each.task_id for each in tasks], [each.admission_declaration_id for each in stays]

    assert found(PERSON) == found(OTHER) == ([task_id], [declared_id])
    assert found(STRANGER) == ([], [])


def test_evaluations_and_rechecks_are_found_by_either_record(database: Database) -> None:
    desk = stored_desk(database)
    opened = desk.open(keep_referral(database, PERSON))
    desk.approve(desk.examine(opened.evaluation_id))
    record, proof, fees = keep_papers(
        database, PERSON, "discharge_record", "diagnosis_proof", "fee_list"
    )
    desk.compare(opened.evaluation_id, (record, proof, fees))
    called = desk.call(opened.evaluation_id)
    merged(database)

    def found(person_id: str) -> tuple[list[str], list[str]]:
        evaluations = desk.evaluations.listed(
            REGION, EvaluationWish(person_ids=(person_id,)), limit=9
        )
        rechecks = desk.rechecks.listed(REGION, RecheckWish(person_ids=(person_id,)), limit=9)
        return (
            [each.evaluation_id for each in evaluations],
            [each.recheck_id for each in rechecks],
        )

    expected = ([opened.evaluation_id], [called.recheck_id])
    assert found(PERSON) == found(OTHER) == expected
    assert found(STRANGER) == ([], [])


def test_qualifications_are_found_by_either_record(database: Database) -> None:
    desk = Desk.over(database)
    desk.know(insured(PERSON), insured(OTHER))
    id = desk.apply(PERSON).qualification_id
    desk.know(insured(PERSON, merged_into=OTHER))

    def found(person_id: str) -> list[str]:
        wish = Wanted(person_ids=(person_id,))
        page = desk.book.page(QUALIFYING_REGION, wish, parse_caller(CHECKER), after=None, limit=9)
        return [each.qualification_id for each in page]

    assert found(PERSON) == found(OTHER) == [id]
    assert found(STRANGER) == []

"""What an emergency of a visit may not do to registrations, and who may not give up an audit."""

from support.audit_desk import LI, WANG, AuditWorld, refused
from support.databases import Databases
from support.offsite_feeds import REGION, following_of, known_person, tell_persons
from support.registration_store import PACKAGE, Store, id_of
from support.registrations import NATIONAL, TODAY
from support.stored_papers import StoredDesk

from yibao_common.commands.request import Request
from yibao_common.values.caller import parse_caller
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.application.registration.recording import DeemedRegistrations, RecordDeemed
from yibao_offsite.registering import registrations_end
from yibao_offsite.rules.registration.kinds import EndReason
from yibao_offsite.rules.registration.states import State


def test_a_person_with_an_emergency_on_record_is_merged_like_any_other(
    databases: Databases,
) -> None:
    store = Store(databases.open(PACKAGE), region=REGION)
    person_id, survivor_id, visit_id = new_id(), new_id(), new_id()
    deemed = DeemedRegistrations(
        store.transactions, national=NATIONAL, clock=store.clock, ids=new_id
    )
    caller = parse_caller("service/settlement")
    request = Request(REGION, new_id(), b"1" * 32, "RecordDeemedRegistration", caller)
    id = deemed.record(RecordDeemed(request, person_id, visit_id, "310000", TODAY), id_of).decode()
    following = following_of(store.database, registrations_end(store.clock, new_id))
    tell_persons(
        following, [known_person(person_id, merged_into=survivor_id), known_person(survivor_id)]
    )
    gone = store.find(id)
    assert (gone.state, gone.end_reason, gone.visit_id) == (
        State.ENDED,
        EndReason.MERGED,
        visit_id,
    )
    assert store.page(person_id=survivor_id) == []


def test_what_was_begun_is_not_given_up_through_another_operator(databases: Databases) -> None:
    # O-07: what was found is closed by a second person, however often the task changes hands.
    desk = StoredDesk(databases.open(PACKAGE))
    world = AuditWorld(desk.transactions, now=desk.now)
    task_id = world.begun().task_id
    world.hold(task_id, by=LI)
    world.find(task_id)
    world.assign(task_id, by=WANG)
    refused(Reason.AUDIT_TASK_STATE, world.cancel, task_id, by=WANG)
    (hold,) = world.read(task_id).holds
    assert hold.stands
    # Before anybody began with it, it is given up as ever.
    world.cancel(world.open().task_id)

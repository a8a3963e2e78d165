"""What application decides of evaluations and files, without a database: order, locks, repeats."""

import pytest
from support.medical_desk import REGION, MedicalDesk, person
from support.memory.offsite.evaluation import MemoryEvaluations, MemoryRechecks
from support.memory.offsite.medical_history import MemoryHistories
from support.memory.offsite.person import MemoryPersons
from support.memory.offsite.ticket import MemoryTickets
from support.memory.offsite.work import memory_work
from support.memory.transactions import MemoryTransactions

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.application.keyless import KeylessTransactions
from yibao_offsite.application.work import Work
from yibao_offsite.rules.evaluation import Referral
from yibao_offsite.rules.person import KnownPerson

REGISTRATION = new_id()


class Memory:
    """A counter over rows in memory, and those rows as they are."""

    def __init__(self) -> None:
        self.person: KnownPerson = person()
        persons = MemoryPersons({self.person.person_id: self.person})
        evaluations = MemoryEvaluations(
            {REGISTRATION: Referral(REGISTRATION, self.person.person_id, True, True)}
        )
        work = memory_work(
            REGION,
            persons=persons,
            histories=MemoryHistories(),
            evaluations=evaluations,
            rechecks=MemoryRechecks(),
            tickets=MemoryTickets(),
        )
        self.transactions = MemoryTransactions(work)
        self.desk = MedicalDesk(self.transactions, reads_history_first=True)

    @property
    def work(self) -> Work:
        return self.transactions.work

    @property
    def locked(self) -> list[str]:
        persons = self.work.persons
        assert isinstance(persons, MemoryPersons)
        return persons.locked


@pytest.fixture
def memory() -> Memory:
    return Memory()


def test_an_evaluation_is_opened_and_changed_under_the_lock_of_its_person(memory: Memory) -> None:
    opened = memory.desk.open(REGISTRATION)
    memory.desk.read(memory.person.person_id)
    memory.desk.examine(opened.evaluation_id)
    assert memory.locked == [memory.person.person_id] * 2


def test_a_refusal_leaves_nothing(memory: Memory) -> None:
    """O-10: who has not read the file records nothing."""
    opened = memory.desk.open(REGISTRATION)
    before = len(memory.work.audit.entries)
    with pytest.raises(RuleError) as refused:
        memory.desk.examine(opened.evaluation_id)
    assert refused.value.reason is Reason.HISTORY_FILE_NOT_READ
    assert memory.work.evaluations.find(opened.evaluation_id) == opened
    assert len(memory.work.audit.entries) == before


def test_the_state_is_told_before_it_is_asked_what_was_read(memory: Memory) -> None:
    opened = memory.desk.open(REGISTRATION)
    memory.desk.cancel(opened.evaluation_id)
    with pytest.raises(RuleError) as refused:
        memory.desk.examine(opened.evaluation_id)
    assert refused.value.reason is Reason.PRE_EVALUATION_STATE


def test_a_ticket_goes_on_in_memory_as_in_a_database(memory: Memory) -> None:
    answered = memory.desk.answer(memory.desk.ticket())
    assert [each.acted_by for each in answered.acts] == [
        "institution/H33010600002",
        f"agency/{REGION}/wang",
    ]
    entry = memory.work.audit.entries[-1]
    assert (entry.method, entry.subject_ids) == ("AnswerTicket", (answered.ticket.ticket_id,))


def test_without_keys_everything_is_refused() -> None:
    desk = MedicalDesk(KeylessTransactions())
    for act in (
        lambda: desk.record(new_id()),
        lambda: desk.read(new_id()),
        lambda: desk.open(new_id()),
        desk.ticket,
        lambda: desk.closing.close_all(REGION),
    ):
        with pytest.raises(RuleError) as refused:
            act()
        assert refused.value.reason is Reason.FILES_NOT_KEPT

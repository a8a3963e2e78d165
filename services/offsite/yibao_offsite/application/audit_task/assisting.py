"""What a place of treatment answers to an assistance check of another region."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from yibao_common.values.calendar import shanghai_day
from yibao_offsite.application.audit_task.desk import AtTask, AuditDesk, put_on_record
from yibao_offsite.rules.audit_task.assistance import Assistance, AssistanceAnswer, answered
from yibao_offsite.rules.audit_task.states import TaskAct
from yibao_offsite.rules.audit_task.task import audit_task_not_found

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

EncodeAssistance = Callable[[Assistance], bytes]


@dataclass(frozen=True, slots=True)
class Answered:
    """What an agency answers for its region."""

    treatment_region: str
    answer: AssistanceAnswer
    reason: str


def answer_assistance(
    desk: AuditDesk, command: AtTask, said: Answered, encode: EncodeAssistance
) -> bytes:
    """Answers once; the task is then due within the days in which answers are confirmed.

    Raises:
        RuleError: AUDIT_TASK_NOT_FOUND, where another region is asked too; AUDIT_TASK_STATE,
            ASSISTANCE_STATE, REQUEST_ID_REUSED.
    """

    def answer(work: "Work") -> bytes:
        request, now = command.request, desk.clock()
        before = work.audit_tasks.lock(command.task_id)
        asked = None if before is None else before.assistance
        if before is None or asked is None or asked.treatment_region != said.treatment_region:
            # A region that is not asked is not told that there is a task.
            raise audit_task_not_found(command.task_id)
        told = answered(
            asked,
            said.answer,
            task_id=before.task_id,
            reason=said.reason,
            answerer=request.caller.path,
            now=now,
        )
        due = desk.terms.confirm_due(shanghai_day(now))
        task = replace(before.after(TaskAct.ANSWER), assistance=told, due_date=due)
        work.audit_tasks.update(task)
        put_on_record(
            work,
            request,
            task,
            TaskAct.ANSWER,
            at=now,
            told=said.answer.name,
            detail={"answer": said.answer.name},
        )
        return encode(told)

    return desk.transactions.once(command.request, answer)

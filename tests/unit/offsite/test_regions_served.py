"""What is begun for a region that nobody serves, without a database."""

import dataclasses

import pytest
from support.audit_desk import HOSPITAL, SECRET, AuditWorld
from support.memory.offsite.audit_task import MemoryComplaints
from support.memory.offsite.work import memory_work
from support.memory.transactions import MemoryTransactions
from support.paper_desk import REGION

from yibao_common.files.calendar_file import national_calendar
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.application.complaint import Complaints, FileComplaint
from yibao_offsite.rules.complaint import ComplaintSubject, ComplaintTerms, Told


def test_what_was_filed_is_answered_again_where_its_region_is_served_no_more() -> None:
    world = AuditWorld(MemoryTransactions(memory_work(REGION, complaints=MemoryComplaints())))
    told = Told(ComplaintSubject.FRAUD, True, HOSPITAL, "", "beds in which nobody lies", "")
    command = FileComplaint(world.asked("FileComplaint", "channel/wallet"), told, SECRET)
    answer = world.complaints.file(command, world.take)
    later = Complaints(world.desk, ComplaintTerms(15, 3, 5, national_calendar()), served=["654321"])
    assert later.file(command, world.take) == answer
    assert len(world.given) == 1
    other = dataclasses.replace(command, request=world.asked("FileComplaint", "channel/wallet"))
    with pytest.raises(RuleError) as refusal:
        later.file(other, world.take)
    assert refusal.value.reason is Reason.REGION_NOT_SERVED

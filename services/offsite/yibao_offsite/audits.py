"""Puts audits, admission declarations and complaints together, by the configuration."""

from dataclasses import dataclass

import grpc

from yibao.offsite.v1 import (
    admission_declaration_service_pb2,
    admission_declaration_service_pb2_grpc,
    audit_service_pb2,
    audit_service_pb2_grpc,
    complaint_service_pb2,
    complaint_service_pb2_grpc,
)
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.transactions import Transactions
from yibao_common.files.calendar_file import read_calendar
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_offsite.application.admission_declaration import AdmissionDeclarations
from yibao_offsite.application.audit_task.desk import AuditDesk, SignHold
from yibao_offsite.application.complaint import Complaints
from yibao_offsite.application.work import Work
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.rules.audit_task.opening import AuditTerms
from yibao_offsite.rules.audit_task.task import TaskType
from yibao_offsite.rules.complaint import ComplaintTerms
from yibao_offsite.servicer.admission_declaration import AdmissionDeclarationServicer
from yibao_offsite.servicer.audit_task.calls import AuditServicer
from yibao_offsite.servicer.complaint import ComplaintServicer

DESCRIPTORS = (
    admission_declaration_service_pb2.DESCRIPTOR.services_by_name["AdmissionDeclarationService"],
    audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"],
    complaint_service_pb2.DESCRIPTOR.services_by_name["ComplaintService"],
)


@dataclass(frozen=True, slots=True)
class Audits:
    """What answers the three services of audits."""

    declarations: AdmissionDeclarations
    desk: AuditDesk
    complaints: Complaints

    def register(self, server: grpc.aio.Server, blocking: Blocking) -> None:
        """Has a server answer them."""
        admission_declaration_service_pb2_grpc.add_AdmissionDeclarationServiceServicer_to_server(
            AdmissionDeclarationServicer(self.declarations, blocking), server
        )
        audit_service_pb2_grpc.add_AuditServiceServicer_to_server(
            AuditServicer(self.desk, blocking), server
        )
        complaint_service_pb2_grpc.add_ComplaintServiceServicer_to_server(
            ComplaintServicer(self.complaints, blocking), server
        )


def make_audits(
    config: OffsiteConfig,
    transactions: Transactions[Work],
    *,
    clock: Clock,
    ids: Ids,
    sign_hold: SignHold,
    keeps_papers: bool,
) -> Audits:
    """Returns what answers; without papers there is no evidence.

    Raises:
        StartError: the calendar cannot be used.
    """
    told = config.audits
    calendar = read_calendar(told.calendar_file)
    terms = AuditTerms(
        {
            TaskType.ON_SITE: told.on_site_days,
            TaskType.POST_SURGERY_VISIT: told.post_surgery_visit_days,
            TaskType.ADMISSION_CHECK: told.admission_check_days,
            TaskType.SELF_SERVICE_CHECK: told.self_service_check_days,
            # Its own day of the next month says it, see `answer_due`.
            TaskType.ASSISTANCE_CHECK: told.assistance_confirm_days,
            TaskType.COMPLAINT: told.complaint_days,
        },
        told.assistance_minimum_fen,
        told.assistance_answer_day,
        told.assistance_confirm_days,
        calendar,
    )
    desk = AuditDesk(transactions, clock, ids, terms, sign_hold, keeps_papers)
    complaints = config.complaints
    complaint_terms = ComplaintTerms(
        complaints.answer_days,
        complaints.most_a_day,
        complaints.most_a_day_of_channel,
        calendar,
    )
    return Audits(
        AdmissionDeclarations(transactions, clock=clock, ids=ids),
        desk,
        Complaints(desk, complaint_terms),
    )

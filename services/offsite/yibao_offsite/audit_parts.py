"""What audits, admission declarations and complaints need to run."""

import grpc

from yibao.offsite.v1 import (
    admission_declaration_service_pb2,
    admission_declaration_service_pb2_grpc,
    audit_service_pb2,
    audit_service_pb2_grpc,
    complaint_service_pb2,
    complaint_service_pb2_grpc,
)
from yibao_common.commands.background import BackgroundTask, Duty
from yibao_common.commands.blocking import Blocking
from yibao_common.commands.transactions import Transactions
from yibao_common.db.database import Database
from yibao_common.files.calendar_file import read_calendar
from yibao_common.process.logs import Log
from yibao_common.process.metrics import Metrics
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_common.values.working_days import WorkingCalendar
from yibao_offsite.application.admission_declaration import AdmissionDeclarations
from yibao_offsite.application.attestation import AttestationSigner
from yibao_offsite.application.audit_task.desk import AuditDesk, SignHold
from yibao_offsite.application.complaint import Complaints
from yibao_offsite.application.work import Work
from yibao_offsite.attestation_parts import stated
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.rules.audit_task.opening import AuditTerms
from yibao_offsite.rules.audit_task.task import TaskType
from yibao_offsite.rules.complaint import ComplaintTerms
from yibao_offsite.rules.feed import AuditHold
from yibao_offsite.servicer.admission_declaration import AdmissionDeclarationServicer
from yibao_offsite.servicer.audit_task.calls import AuditServicer
from yibao_offsite.servicer.complaint import ComplaintServicer
from yibao_offsite.storage.audit_task.listing import overdue_counts

DESCRIPTORS = (
    admission_declaration_service_pb2.DESCRIPTOR.services_by_name["AdmissionDeclarationService"],
    audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"],
    complaint_service_pb2.DESCRIPTOR.services_by_name["ComplaintService"],
)


# How often overdue holds are counted.
_COUNT_SECONDS = 60.0


class AuditParts:
    """The running parts of audits, admission declarations and complaints."""

    def __init__(
        self,
        config: OffsiteConfig,
        transactions: Transactions[Work],
        blocking: Blocking,
        *,
        database: Database,
        signer: AttestationSigner,
        keeps_papers: bool,
        metrics: Metrics,
        clock: Clock,
        ids: Ids,
        log: Log,
    ) -> None:
        """Takes what signs holds; without papers no evidence is taken. Nothing runs yet.

        Raises:
            StartError: the calendar cannot be used.
        """
        self._blocking = blocking
        self._database = database
        self._metrics = metrics
        self._clock = clock
        self._counted: set[str] = set()
        calendar = read_calendar(config.calendar.file)
        terms = _terms(config, calendar)
        # Settlement takes no hold that is not signed, so a service without keys places none.
        sign = signing_by(signer, clock)
        desk = AuditDesk(transactions, clock, ids, terms, sign, keeps_papers)
        told = config.complaints
        complaint_terms = ComplaintTerms(
            told.answer_days, told.most_a_day, told.most_a_day_of_channel, calendar
        )
        declarations = AdmissionDeclarations(
            transactions, clock=clock, ids=ids, served=config.regions
        )
        self._declarations = AdmissionDeclarationServicer(declarations, blocking)
        self._audits = AuditServicer(desk, blocking)
        complaints = Complaints(desk, complaint_terms, served=config.regions)
        self._complaints = ComplaintServicer(complaints, blocking)
        self._watch = BackgroundTask(
            "audit_hold_watch",
            [Duty(run=self._count_overdue, failure="overdue audit holds not counted")],
            seconds=_COUNT_SECONDS,
            metrics=metrics,
            clock=clock,
            log=log,
        )

    def register(self, server: grpc.aio.Server) -> None:
        """Adds the servicers."""
        admission_declaration_service_pb2_grpc.add_AdmissionDeclarationServiceServicer_to_server(
            self._declarations, server
        )
        audit_service_pb2_grpc.add_AuditServiceServicer_to_server(self._audits, server)
        complaint_service_pb2_grpc.add_ComplaintServiceServicer_to_server(self._complaints, server)

    def start(self, supervisor: Supervisor) -> None:
        """Starts to count what is overdue."""
        self._watch.start(supervisor)

    async def close(self) -> None:
        """Stops it."""
        await self._watch.close()

    async def _count_overdue(self) -> None:
        counts = await self._blocking.run(self._overdue)
        # A region whose last one was lifted is told as 0, and not as it was.
        self._counted |= counts.keys()
        for region in self._counted:
            self._metrics.audit_holds_overdue.labels(region).set(counts.get(region, 0))

    def _overdue(self) -> dict[str, int]:
        with self._database.read() as connection:
            return overdue_counts(connection, shanghai_day(self._clock()))


def signing_by(signer: AttestationSigner, clock: Clock) -> SignHold:
    """Returns what signs holds of a region; it raises NO_ATTESTATION_KEY while it cannot."""

    def sign(region: str, hold: AuditHold) -> bytes:
        return signer.sign_hold(stated(region, hold), at=clock())

    return sign


def _terms(config: OffsiteConfig, calendar: WorkingCalendar) -> AuditTerms:
    told = config.audits
    days = {
        TaskType.ON_SITE: told.on_site_days,
        TaskType.POST_SURGERY_VISIT: told.post_surgery_visit_days,
        TaskType.ADMISSION_CHECK: told.admission_check_days,
        TaskType.SELF_SERVICE_CHECK: told.self_service_check_days,
        # A day of the next month says when it is answered, see `answer_due`.
        TaskType.ASSISTANCE_CHECK: told.assistance_confirm_days,
        TaskType.COMPLAINT: told.complaint_days,
    }
    return AuditTerms(
        days,
        told.assistance_minimum_fen,
        told.assistance_answer_day,
        told.assistance_confirm_days,
        calendar,
    )

"""An audit on site: a declared stay is held, seen with a photo, and closed by another person."""

import hashlib

from yibao.offsite.v1 import (
    admission_declaration_pb2,
    admission_declaration_service_pb2,
    audit_service_pb2,
    audit_task_pb2,
    material_pb2,
)
from yibao.offsite.v1.admission_declaration_service_pb2_grpc import AdmissionDeclarationServiceStub
from yibao.offsite.v1.audit_service_pb2_grpc import AuditServiceStub
from yibao_cli.demo.card_steps import refused_with
from yibao_cli.demo.elsewhere_scene import HOSPITAL_ID, Scene
from yibao_cli.demo.elsewhere_stay import DIAGNOSIS
from yibao_cli.demo.sample_paper import sample_image, upload
from yibao_cli.demo.steps import CALL_SECONDS, StepFailedError
from yibao_cli.loading import new_request_id
from yibao_common.rpc.wire import from_date, from_instant, to_date
from yibao_common.values.reasons import Reason

_OUTCOME = audit_task_pb2.AUDIT_OUTCOME_IN_ORDER
# The operators of a sandbox, as their certificates name them.
_AUDITOR = "maker"


class AuditSteps:
    """What the hospital declares of a stay, and two operators of the agency do about it."""

    def __init__(
        self, scene: Scene, *, person_id: str, visit_id: str, registration_id: str
    ) -> None:
        """Takes a stay that lasts."""
        self._scene = scene
        self._log = scene.log
        self._person_id = person_id
        self._visit_id = visit_id
        self._registration_id = registration_id
        self._auditor = AuditServiceStub(scene.maker())
        self._second = AuditServiceStub(scene.checker())
        self._task = audit_task_pb2.AuditTask()

    def declare(self) -> None:
        """Declares the stay, as the hospital that treats does."""
        request = admission_declaration_service_pb2.DeclareAdmissionRequest(
            request_id=new_request_id(),
            region=self._scene.region,
            visit_id=self._visit_id,
            person_id=self._person_id,
            admission_date=from_date(self._scene.today),
            department_name="心内科",
            bed="12",
            diagnosis_code=DIAGNOSIS.diagnosis_code,
            reason=admission_declaration_pb2.ADMISSION_REASON_APPROVED_TRANSFER,
            registration_id=self._registration_id,
        )
        with self._log.step("Declare the admission", "offsite") as note:
            stub = AdmissionDeclarationServiceStub(self._scene.hospital("offsite"))
            declared = stub.DeclareAdmission(request, timeout=CALL_SECONDS).declaration
            note(f"{declared.department_name}, bed {declared.bed}")

    def open(self) -> None:
        """Opens an audit on site and begins with it."""
        opening = audit_service_pb2.OpenAuditTaskRequest(
            request_id=new_request_id(),
            region=self._scene.region,
            task_type=audit_task_pb2.AUDIT_TASK_TYPE_ON_SITE,
            person_id=self._person_id,
            institution_id=HOSPITAL_ID,
            visit_id=self._visit_id,
            registration_id=self._registration_id,
            reason="a stay elsewhere, declared today",
        )
        with self._log.step("Open an audit on site", "offsite") as note:
            self._task = self._auditor.OpenAuditTask(opening, timeout=CALL_SECONDS).task
            note(f"due {to_date(self._task.due_date)}")
        with self._log.step("Assign it and begin", "offsite") as note:
            self._auditor.AssignAuditTask(
                audit_service_pb2.AssignAuditTaskRequest(
                    request_id=new_request_id(),
                    assignee=_AUDITOR,
                    region=self._scene.region,
                    task_id=self._task.task_id,
                ),
                timeout=CALL_SECONDS,
            )
            self._task = self._auditor.BeginAuditTask(
                audit_service_pb2.BeginAuditTaskRequest(
                    request_id=new_request_id(),
                    region=self._scene.region,
                    task_id=self._task.task_id,
                ),
                timeout=CALL_SECONDS,
            ).task
            note(self._task.assignee)

    def hold(self) -> None:
        """Holds the visit until the audit is closed."""
        request = audit_service_pb2.PlaceAuditHoldRequest(
            request_id=new_request_id(),
            visit_id=self._visit_id,
            reason="until the ward was seen",
            region=self._scene.region,
            task_id=self._task.task_id,
        )
        with self._log.step("Hold the visit", "offsite") as note:
            self._auditor.PlaceAuditHold(request, timeout=CALL_SECONDS)
            note("signed, until it is closed")

    def show_photo(self) -> None:
        """Takes a photo on the ward, which few may read, and adds it as evidence."""
        image = sample_image(self._scene.choose)
        photo = material_pb2.PhotoFacts(
            taken_time=from_instant(self._scene.clock()), author="示例稽核员", place="心内科 12 床"
        )
        with self._log.step("Upload a photo of the ward", "offsite") as note:
            material_id = upload(
                self._scene.maker(),
                image,
                region=self._scene.region,
                person_id=self._person_id,
                kind="ward_photo",
                photo=photo,
            )
            note(f"{len(image)} bytes, restricted")
        request = audit_service_pb2.AddAuditEvidenceRequest(
            request_id=new_request_id(),
            material_id=material_id,
            content_sha256=hashlib.sha256(image).digest(),
            taken_time=photo.taken_time,
            author=photo.author,
            place=photo.place,
            region=self._scene.region,
            task_id=self._task.task_id,
        )
        with self._log.step("Add it as evidence", "offsite") as note:
            added = self._auditor.AddAuditEvidence(request, timeout=CALL_SECONDS)
            note(f"sha256 {added.evidence.content_sha256.hex()[:12]}...")

    def report(self) -> None:
        """Records what was found and reports."""
        with self._log.step("Record the finding", "offsite") as note:
            self._auditor.RecordAuditFinding(
                audit_service_pb2.RecordAuditFindingRequest(
                    request_id=new_request_id(),
                    finding_kind=audit_task_pb2.AUDIT_FINDING_KIND_AS_TOLD,
                    finding_text="人在床，病历与申报一致",
                    region=self._scene.region,
                    task_id=self._task.task_id,
                ),
                timeout=CALL_SECONDS,
            )
            note("as it was declared")
        with self._log.step("Report the audit", "offsite") as note:
            self._task = self._auditor.ReportAuditTask(
                audit_service_pb2.ReportAuditTaskRequest(
                    request_id=new_request_id(),
                    outcome=_OUTCOME,
                    report_text="现场核查，无异常",
                    region=self._scene.region,
                    task_id=self._task.task_id,
                ),
                timeout=CALL_SECONDS,
            ).task
            note("in order")

    def close(self) -> None:
        """Closes it by the second operator, after the auditor was refused."""
        with (
            self._log.step("Close it, its own auditor", "offsite") as note,
            refused_with(Reason.AUDITOR_MAY_NOT_CLOSE, note),
        ):
            self._auditor.CloseAuditTask(self._closing(), timeout=CALL_SECONDS)
        with self._log.step("Close it, a second person", "offsite") as note:
            closed = self._second.CloseAuditTask(self._closing(), timeout=CALL_SECONDS)
            if len(closed.holds) != 1:
                raise StepFailedError(f"{len(closed.holds)} holds were lifted, not 1")
            note("closed, the hold is lifted")

    def _closing(self) -> audit_service_pb2.CloseAuditTaskRequest:
        return audit_service_pb2.CloseAuditTaskRequest(
            request_id=new_request_id(),
            outcome=_OUTCOME,
            version=self._task.version,
            region=self._scene.region,
            task_id=self._task.task_id,
        )

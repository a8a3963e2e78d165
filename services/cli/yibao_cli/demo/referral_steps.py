"""A referral, from the papers to the attestation: who applies, who evaluates, who approves."""

import datetime as dt
from collections.abc import Mapping

import grpc

from yibao.errors import error_of
from yibao.offsite.v1 import (
    attestation_service_pb2,
    evaluation_pb2,
    evaluation_service_pb2,
    medical_history_pb2,
    medical_history_service_pb2,
    registration_pb2,
    registration_service_pb2,
    rules_service_pb2,
)
from yibao.offsite.v1.attestation_service_pb2_grpc import AttestationServiceStub
from yibao.offsite.v1.evaluation_service_pb2_grpc import EvaluationServiceStub
from yibao.offsite.v1.medical_history_service_pb2_grpc import MedicalHistoryServiceStub
from yibao.offsite.v1.registration_service_pb2_grpc import RegistrationServiceStub
from yibao.offsite.v1.rules_service_pb2_grpc import RulesServiceStub
from yibao_cli.demo.card_steps import refused_with
from yibao_cli.demo.elsewhere_scene import Scene
from yibao_cli.demo.elsewhere_stay import DIAGNOSIS
from yibao_cli.demo.sample_paper import sample_image, upload
from yibao_cli.demo.steps import CALL_SECONDS, StepFailedError
from yibao_cli.loading import new_request_id
from yibao_cli.parties import parties_of
from yibao_cli.regions import regions_folder
from yibao_common.rpc.wire import from_date, to_date
from yibao_common.values.reasons import Reason

_CERTIFICATE, _FORM, _PROOF = "identity_certificate", "registration_form", "referral_proof"
_DUE = dt.timedelta(days=1)


def approve_rules(scene: Scene) -> None:
    """Puts the region's sample rules in force from today: a referral is evaluated first."""
    contents = (regions_folder() / scene.region / "offsite.yaml").read_bytes()
    with scene.log.step("Approve rules of elsewhere", "offsite") as note:
        rules = (
            RulesServiceStub(scene.maker())
            .SubmitRules(
                rules_service_pb2.SubmitRulesRequest(
                    request_id=new_request_id(),
                    region=scene.region,
                    effective_date=from_date(scene.today),
                    rules_file=contents,
                ),
                timeout=CALL_SECONDS,
            )
            .rules
        )
        RulesServiceStub(scene.checker()).ApproveRules(
            rules_service_pb2.ApproveRulesRequest(
                request_id=new_request_id(),
                region=scene.region,
                rules_version=rules.rules_version,
            ),
            timeout=CALL_SECONDS,
        )
        note(f"{rules.rules_version[:8]}..., by two operators")


class ReferralSteps:
    """A person's referral to the other city."""

    def __init__(self, scene: Scene, person_id: str) -> None:
        """Takes a person whom the region insures."""
        self._scene = scene
        self._log = scene.log
        self._region, self._person_id = scene.region, person_id
        self._histories = MedicalHistoryServiceStub(scene.maker())
        self._evaluations = EvaluationServiceStub(scene.maker())
        self._papers: dict[str, str] = {}
        self._registration_id = self._evaluation_id = ""

    def hand_in(self, title: str, *kinds: str) -> None:
        """Uploads papers through the app."""
        with self._log.step(title, "offsite") as note:
            for kind in kinds:
                image = sample_image(self._scene.choose)
                self._papers[kind] = upload(
                    self._scene.app(),
                    image,
                    kind=kind,
                    region=self._region,
                    person_id=self._person_id,
                )
            note(f"{len(kinds)} of them, sealed at rest" if len(kinds) > 1 else kinds[0])

    def apply_in_vain(self) -> None:
        """Applies with the form in the place of the referral's proof."""
        wrong = {_CERTIFICATE: self._papers[_CERTIFICATE], _PROOF: self._papers[_FORM]}
        with self._log.step("Apply with a wrong paper", "offsite") as note:
            try:
                self._create(wrong)
            except grpc.RpcError as error:
                refusal = error_of(error)
                if refusal.reason != Reason.MATERIAL_MISSING.wire_name:
                    raise
                # All at once, so that nobody comes a third time.
                note(refusal.metadata["missing"].replace(",", ", "))
            else:
                raise StepFailedError("not refused, and MATERIAL_MISSING was due")

    def apply(self) -> str:
        """Applies with all papers; returns the registration's id."""
        with self._log.step("Apply for the referral", "offsite") as note:
            made = self._create(self._papers)
            _expect(made.state, registration_pb2.REGISTRATION_STATE_SUBMITTED)
            note(f"submitted, {len(made.materials)} papers")
        self._registration_id = made.registration_id
        return made.registration_id

    def approve_in_vain(self) -> None:
        """Tries to approve it before anybody has seen the person."""
        with (
            self._log.step("Approve it at once", "offsite") as note,
            refused_with(Reason.PRE_EVALUATION_REQUIRED, note),
        ):
            self._approve()

    def approve(self) -> None:
        """Approves it by the second operator; it is in force."""
        with self._log.step("Approve the registration", "offsite") as note:
            made = self._approve()
            _expect(made.state, registration_pb2.REGISTRATION_STATE_ACTIVE)
            note(f"in force until {to_date(made.end_date)}")

    def record_history(self) -> None:
        """Enters the person's medical-history file, compared by another operator."""
        entry = medical_history_pb2.HistoryEntry(
            kind=medical_history_pb2.HISTORY_ENTRY_KIND_DIAGNOSIS,
            code=DIAGNOSIS.diagnosis_code,
            title=DIAGNOSIS.diagnosis_name,
            since_date=from_date(self._scene.today),
            source=medical_history_pb2.HistorySource(
                institution_id=parties_of(self._scene.home).hospital_id,
                source_date=from_date(self._scene.today),
            ),
        )
        with self._log.step("Record the medical history", "offsite") as note:
            recorded = self._histories.RecordMedicalHistory(
                medical_history_service_pb2.RecordMedicalHistoryRequest(
                    request_id=new_request_id(),
                    base_version=0,
                    summary="胸痛三天，本地不能介入治疗。",
                    entries=[entry],
                    region=self._region,
                    person_id=self._person_id,
                ),
                timeout=CALL_SECONDS,
            ).history
            MedicalHistoryServiceStub(self._scene.checker()).VerifyMedicalHistory(
                medical_history_service_pb2.VerifyMedicalHistoryRequest(
                    request_id=new_request_id(),
                    version=recorded.version,
                    region=self._region,
                    person_id=self._person_id,
                ),
                timeout=CALL_SECONDS,
            )
            note(f"version {recorded.version}, compared by another")

    def read_history(self) -> None:
        """Reads the file, which goes on record."""
        request = medical_history_service_pb2.GetMedicalHistoryRequest(
            purpose=medical_history_pb2.HISTORY_PURPOSE_PRE_EVALUATION,
            note="before the examination",
            region=self._region,
            person_id=self._person_id,
        )
        with self._log.step("Read the medical history", "offsite") as note:
            read = self._histories.GetMedicalHistory(request, timeout=CALL_SECONDS)
            note(f"version {read.histories[0].version}, on record")

    def open_evaluation(self) -> None:
        """Opens the evaluation of the referral, due tomorrow."""
        with self._log.step("Open the pre-evaluation", "offsite") as note:
            opened = self._evaluations.OpenPreEvaluation(
                evaluation_service_pb2.OpenPreEvaluationRequest(
                    request_id=new_request_id(),
                    region=self._scene.region,
                    registration_id=self._registration_id,
                    due_date=from_date(self._scene.today + _DUE),
                ),
                timeout=CALL_SECONDS,
            ).evaluation
            note(f"due {to_date(opened.due_date)}")
        self._evaluation_id = opened.evaluation_id

    def evaluate_in_vain(self) -> None:
        """Tries to record the evaluation without having read the file."""
        with (
            self._log.step("Record it, history unread", "offsite") as note,
            refused_with(Reason.HISTORY_FILE_NOT_READ, note),
        ):
            self._evaluate()

    def evaluate(self) -> None:
        """Records what was found; another operator approves it."""
        with self._log.step("Record the pre-evaluation", "offsite") as note:
            recorded = self._evaluate()
            note("transfer necessary, history read")
        with self._log.step("Approve it, another operator", "offsite") as note:
            approved = (
                EvaluationServiceStub(self._scene.checker())
                .ApprovePreEvaluation(
                    evaluation_service_pb2.ApprovePreEvaluationRequest(
                        request_id=new_request_id(),
                        region=self._scene.region,
                        evaluation_id=self._evaluation_id,
                        version=recorded.version,
                    ),
                    timeout=CALL_SECONDS,
                )
                .evaluation
            )
            _expect(approved.state, evaluation_pb2.EVALUATION_STATE_APPROVED)
            note("approved")

    def fetch_attestation(self) -> str:
        """Fetches the attestation for the hospital that treats."""
        request = attestation_service_pb2.GetAttestationRequest(
            region=self._scene.region, registration_id=self._registration_id
        )
        with self._log.step("Fetch the attestation", "offsite") as note:
            stub = AttestationServiceStub(self._scene.hospital("offsite"))
            text = stub.GetAttestation(request, timeout=CALL_SECONDS).text
            note(f"{text[:10]}..., {len(text)} characters")
        return text

    def _create(self, papers: Mapping[str, str]) -> registration_pb2.Registration:
        request = registration_service_pb2.CreateRegistrationRequest(
            request_id=new_request_id(),
            category=registration_pb2.REGISTRATION_CATEGORY_REFERRAL,
            treatment_region=self._scene.place.region,
            start_date=from_date(self._scene.today),
            basis=registration_pb2.REGISTRATION_BASIS_PROOF,
            materials=[
                registration_pb2.RegistrationMaterial(kind=kind, material_id=material_id)
                for kind, material_id in papers.items()
            ],
            referral=registration_pb2.Referral(
                institution_id=parties_of(self._scene.home).hospital_id,
                diagnosis_code=DIAGNOSIS.diagnosis_code,
                referral_date=from_date(self._scene.today),
            ),
            region=self._region,
            person_id=self._person_id,
        )
        stub = RegistrationServiceStub(self._scene.app())
        return stub.CreateRegistration(request, timeout=CALL_SECONDS).registration

    def _approve(self) -> registration_pb2.Registration:
        request = registration_service_pb2.ApproveRegistrationRequest(
            request_id=new_request_id(),
            region=self._scene.region,
            registration_id=self._registration_id,
        )
        stub = RegistrationServiceStub(self._scene.checker())
        return stub.ApproveRegistration(request, timeout=CALL_SECONDS).registration

    def _evaluate(self) -> evaluation_pb2.PreEvaluation:
        request = evaluation_service_pb2.RecordPreEvaluationRequest(
            request_id=new_request_id(),
            region=self._scene.region,
            evaluation_id=self._evaluation_id,
            opinion=evaluation_pb2.EVALUATION_OPINION_NECESSARY,
            findings="静息胸痛，需介入治疗。",
            examined_by="示例医生",
            examine_date=from_date(self._scene.today),
        )
        return self._evaluations.RecordPreEvaluation(request, timeout=CALL_SECONDS).evaluation


def _expect(state: int, due: int) -> None:
    if state != due:
        raise StepFailedError(f"its state is {state}, and {due} was due")

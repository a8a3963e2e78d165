"""Two stories of care in another city: a referral that is audited, and an emergency."""

import contextlib
from dataclasses import dataclass

from yibao.offsite.v1 import registration_pb2, registration_service_pb2
from yibao.offsite.v1.registration_service_pb2_grpc import RegistrationServiceStub
from yibao.settlement.v1 import elsewhere_pb2, explanation_pb2
from yibao_cli.demo.audit_steps import AuditSteps
from yibao_cli.demo.counter import Counter
from yibao_cli.demo.elsewhere_scene import Scene, until
from yibao_cli.demo.elsewhere_stay import StayElsewhere
from yibao_cli.demo.identity_steps import ADMISSION
from yibao_cli.demo.referral_steps import ReferralSteps, approve_rules
from yibao_cli.demo.steps import CALL_SECONDS, Step, StepFailedError
from yibao_common.db.opening import opened_database
from yibao_common.values.money import yuan
from yibao_common.values.reasons import Reason
from yibao_settlement.ledger_check import check_ledger

# Of both stories.
BILLS = 2
_STAY, _EMERGENCY_STAY = "2101", "24"


@dataclass(frozen=True, slots=True)
class PaidElsewhere:
    """What funds paid of a bill, in fen, what they would have on other terms, and why.

    `unregistered_fen` is None where it was not tried.
    """

    total_fen: int
    fund_fen: int
    at_home_fen: int
    unregistered_fen: int | None
    explained: explanation_pb2.ElsewhereExplanation


@dataclass(frozen=True, slots=True)
class Story:
    """The steps of a story, and its bill where it got so far."""

    steps: tuple[Step, ...]
    paid: PaidElsewhere | None

    @property
    def is_good(self) -> bool:
        """Whether every step went well, to the end."""
        return self.paid is not None and all(step.is_good for step in self.steps)


def walk_referral(scene: Scene) -> Story:
    """Walks a referral from the papers to the audited, settled stay; a failed step is the last."""
    paid = None
    with contextlib.suppress(StepFailedError):
        approve_rules(scene)
        stay = StayElsewhere(scene)
        unregistered_fen = _try_unregistered(stay)
        referral = ReferralSteps(scene, stay.person_id)
        registration_id = _register(referral)
        attestation = referral.fetch_attestation()
        counter = Counter(scene.stack, scene.place, scene.log, audience=ADMISSION)
        counter.fetch(now=scene.clock(), title="Fetch the trust")
        counter.accepts_attestation(attestation, registration_id=registration_id, day=scene.today)
        visit_id = stay.admit(
            "Admit with the attestation",
            care_type=_STAY,
            kind=elsewhere_pb2.ADMISSION_KIND_TRANSFER,
            due=registration_pb2.OFFSITE_TERMS_REFERRAL,
            attestation=attestation,
        )
        audit = AuditSteps(
            scene,
            person_id=stay.person_id,
            visit_id=visit_id,
            registration_id=registration_id,
        )
        audit.declare()
        audit.open()
        audit.hold()
        stay.wait_until_held(visit_id)
        stay.discharge(visit_id)
        stay.settle_refused(visit_id, Reason.AUDIT_HOLD)
        audit.show_photo()
        audit.report()
        audit.close()
        stay.wait_until_free(visit_id)
        paid = _settle(stay, visit_id, unregistered_fen=unregistered_fen)
        _compare(scene, paid, unregistered_fen)
    return Story(tuple(scene.log.steps), paid)


def walk_emergency(scene: Scene) -> Story:
    """Walks an emergency that nobody registered; a failed step is the last."""
    paid = None
    with contextlib.suppress(StepFailedError):
        stay = StayElsewhere(scene)
        stay.admit_refused(
            "Admit without the mark",
            care_type=_EMERGENCY_STAY,
            kind=elsewhere_pb2.ADMISSION_KIND_ORDINARY,
            reason=Reason.EMERGENCY_MARK_MISMATCH,
        )
        visit_id = stay.admit(
            "Admit it as an emergency",
            care_type=_EMERGENCY_STAY,
            kind=elsewhere_pb2.ADMISSION_KIND_EMERGENCY,
            due=registration_pb2.OFFSITE_TERMS_EMERGENCY,
        )
        stay.discharge(visit_id)
        stay.try_bill("Try the bill", visit_id)
        paid = _settle(stay, visit_id, unregistered_fen=None)
        _find_deemed(scene, stay.person_id, visit_id, paid.explained.care)
    return Story(tuple(scene.log.steps), paid)


def prove_ledger(scene: Scene) -> tuple[Step, ...]:
    """Proves that the books are right after both stories."""
    url = scene.stack.sandbox.database_urls["settlement"]
    with (
        contextlib.suppress(StepFailedError),
        scene.log.step("Prove the ledger", "settlement") as note,
        opened_database(url, package="yibao_settlement") as database,
    ):
        report = check_ledger(database, None, progress=_nothing)
        if report.drifts or report.unexamined:
            raise StepFailedError(f"{report.drifts}, not examined: {report.unexamined}")
        if report.settlements != BILLS:
            raise StepFailedError(f"{report.settlements} settlements, not {BILLS}")
        note(f"{report.settlements} settlements, no drift")
    return tuple(scene.log.steps)


def _try_unregistered(stay: StayElsewhere) -> int:
    """Returns what the funds would pay of the same bill without a registration, in fen."""
    visit_id = stay.admit(
        "Come without registration",
        care_type=_STAY,
        kind=elsewhere_pb2.ADMISSION_KIND_ORDINARY,
        due=registration_pb2.OFFSITE_TERMS_UNREGISTERED,
    )
    tried = stay.try_bill("Try the bill so", visit_id)
    stay.cancel(visit_id)
    return tried.settlement.fund_total_fen


def _register(referral: ReferralSteps) -> str:
    """Has a referral registered; returns its id."""
    referral.hand_in("Upload certificate and form", "identity_certificate", "registration_form")
    referral.apply_in_vain()
    referral.hand_in("Upload what is missing", "referral_proof")
    registration_id = referral.apply()
    referral.approve_in_vain()
    referral.record_history()
    referral.open_evaluation()
    referral.evaluate_in_vain()
    referral.read_history()
    referral.evaluate()
    referral.approve()
    return registration_id


def _settle(stay: StayElsewhere, visit_id: str, *, unregistered_fen: int | None) -> PaidElsewhere:
    settled = stay.settle(visit_id)
    explained = stay.explain(settled.settlement_id)
    return PaidElsewhere(
        settled.total_fen,
        settled.fund_total_fen,
        settled.fund_total_fen + explained.at_home_difference_fen,
        unregistered_fen,
        explained,
    )


def _compare(scene: Scene, paid: PaidElsewhere, unregistered_fen: int) -> None:
    """Tells what no registration would have meant."""
    with scene.log.step("Compare with no registration", "settlement") as note:
        more_fen = paid.fund_fen - unregistered_fen
        if more_fen <= 0:
            raise StepFailedError(f"registering brought {yuan(more_fen)}")
        note(f"{yuan(more_fen)} less from the funds")


def _find_deemed(
    scene: Scene, person_id: str, visit_id: str, care: elsewhere_pb2.CareElsewhere
) -> None:
    """Finds at offsite what settlement told it of the emergency, which the mark decided."""
    stub = RegistrationServiceStub(scene.maker())
    request = registration_service_pb2.ListRegistrationsRequest(
        region=scene.region, person_id=person_id
    )
    found: list[registration_pb2.Registration] = []

    def is_there() -> bool:
        found[:] = stub.ListRegistrations(request, timeout=CALL_SECONDS).registrations
        return bool(found)

    with scene.log.step("Find it at offsite", "offsite") as note:
        until(is_there, "the emergency is not registered at offsite")
        (deemed,) = found
        if deemed.origin != registration_pb2.REGISTRATION_ORIGIN_DEEMED:
            raise StepFailedError(f"its origin is {deemed.origin}")
        if deemed.visit_id != visit_id:
            raise StepFailedError(f"it is of visit {deemed.visit_id}, not {visit_id}")
        if care.registration_id:
            raise StepFailedError("the bill was decided by a registration, and not by its mark")
        note("deemed registered, of this visit")


def _nothing(_count: int) -> None:
    """Hears how far the check has come."""

"""Messages of registrations: from requests to values, and from values to what is sent."""

from collections.abc import Callable, Iterable
from typing import TypeAlias, TypeVar

from google.protobuf.message import Message

from yibao.offsite.v1 import registration_pb2 as messages
from yibao.offsite.v1 import registration_service_pb2 as pb
from yibao_common.rpc.wire import from_date, from_instant, known, to_date, to_optional_date
from yibao_common.values.caller import Caller, Role
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.registration.decide import Applicant
from yibao_offsite.rules.registration.kinds import (
    CHANNELS_OF,
    Basis,
    Category,
    Channel,
    Origin,
    TaskKind,
)
from yibao_offsite.rules.registration.registration import (
    Application,
    Material,
    Referral,
    Registration,
    Step,
)
from yibao_offsite.rules.registration.states import State

MessageT = TypeVar("MessageT", bound=Message)
ApplicationRequest: TypeAlias = pb.CreateRegistrationRequest | pb.ChangeRegistrationRequest

_ORIGINS = {
    Role.AGENCY: Origin.AGENCY,
    Role.CHANNEL: Origin.SELF_SERVICE,
    Role.INSTITUTION: Origin.INSTITUTION,
    Role.TERMINAL: Origin.INSTITUTION,
}
CATEGORIES = {each.value: each for each in Category}
STATES = {each.value: each for each in State}
TASK_KINDS = {each.value: each for each in TaskKind}
_BASES = {each.value: each for each in Basis}
_CHANNELS = {each.value: each for each in Channel}


def applicant_of(caller: Caller) -> Applicant:
    """Returns who applies or acts."""
    return Applicant(caller.path, _ORIGINS[caller.role], caller.institution_id)


def application_of(
    request: ApplicationRequest, applicant: Applicant, *, person_id: str
) -> Application:
    """Returns what is applied for.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE; a number is of a newer contract, or the channel is not
            the caller's.
    """
    return Application(
        person_id,
        known(CATEGORIES, request.category, field="category", what="category"),
        request.treatment_region,
        to_date(request.start_date),
        to_optional_date(request, "expected_end_date"),
        request.is_urgent,
        known(_BASES, request.basis, field="basis", what="basis"),
        _channel(request, applicant),
        materials_of(request.materials),
        _referral(request, applicant),
        to_optional_date(request, "admission_date"),
    )


def _channel(request: ApplicationRequest, applicant: Applicant) -> Channel:
    own = CHANNELS_OF[applicant.origin]
    if not request.application_channel:
        return own[0]
    field = "application_channel"
    channel = known(_CHANNELS, request.application_channel, field=field, what="channel")
    if channel not in own:
        message = f"is no channel of {applicant.origin.name.lower()}"
        refuse_faults([FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message)])
    return channel


def _referral(request: ApplicationRequest, applicant: Applicant) -> Referral | None:
    """Returns who refers; an institution refers itself alone."""
    if not request.HasField("referral"):
        return None
    referral = request.referral
    if applicant.institution_id not in (None, referral.institution_id):
        message = "is not the caller's"
        fault = FieldFault("referral.institution_id", Reason.FIELD_OUT_OF_RANGE, message)
        refuse_faults([fault])
    return Referral(
        referral.institution_id, referral.diagnosis_code, to_date(referral.referral_date)
    )


def materials_of(materials: Iterable[messages.RegistrationMaterial]) -> tuple[Material, ...]:
    """Returns papers as values, each uploaded or shown.

    Raises:
        RuleError: FIELD_REQUIRED, FIELD_OUT_OF_RANGE of one that is neither, or twice.
    """
    found: list[Material] = []
    faults = []
    for number, each in enumerate(materials):
        path = f"materials[{number}]"
        if bool(each.material_id) == each.is_shown:
            message = "is required, or is_shown, and not both"
            faults.append(FieldFault(f"{path}.material_id", Reason.FIELD_REQUIRED, message))
        if any(each.material_id and each.material_id == one.material_id for one in found):
            message = "is named twice"
            faults.append(FieldFault(f"{path}.material_id", Reason.FIELD_OUT_OF_RANGE, message))
        found.append(Material(each.kind, each.material_id or None, each.is_shown))
    refuse_faults(faults)
    return tuple(found)


def registration_encoder(kind: type[MessageT]) -> Callable[[Registration], bytes]:
    """Returns what writes an answer that holds a registration."""
    return lambda each: kind(registration=registration_message(each)).SerializeToString()


created = registration_encoder(pb.CreateRegistrationResponse)


def changed(registration: Registration, replaced: Registration) -> bytes:
    """Returns a serialized ChangeRegistrationResponse."""
    return pb.ChangeRegistrationResponse(
        registration=registration_message(registration), replaced=registration_message(replaced)
    ).SerializeToString()


def registration_message(registration: Registration) -> messages.Registration:
    """Returns a registration as sent."""
    application = registration.application
    end_reason = registration.end_reason
    message = messages.Registration(
        registration_id=registration.registration_id,
        region=registration.region,
        person_id=application.person_id,
        category=messages.RegistrationCategory.ValueType(application.category.value),
        treatment_region=application.treatment_region,
        state=messages.RegistrationState.ValueType(registration.state.value),
        start_date=from_date(application.start_date),
        register_time=from_instant(registration.register_time),
        basis=messages.RegistrationBasis.ValueType(application.basis.value),
        origin=messages.RegistrationOrigin.ValueType(registration.origin.value),
        terms=messages.OffsiteTerms.ValueType(registration.terms.value),
        benefits=[messages.OffsiteBenefit.ValueType(each.value) for each in registration.benefits],
        end_reason=messages.RegistrationEndReason.ValueType(end_reason.value if end_reason else 0),
        replaces_registration_id=registration.replaces_registration_id or "",
        replaced_by_registration_id=registration.replaced_by_registration_id or "",
        version=registration.version,
        application_channel=messages.ApplicationChannel.ValueType(application.channel.value),
        materials=map(_material_message, application.materials),
        is_urgent=application.is_urgent,
        rules_version=registration.rules_version,
        visit_id=registration.visit_id or "",
    )
    _fill_days(message, registration)
    if registration.cancel_time is not None:
        message.cancel_time.CopyFrom(from_instant(registration.cancel_time))
    if application.referral is not None:
        message.referral.institution_id = application.referral.institution_id
        message.referral.diagnosis_code = application.referral.diagnosis_code
        message.referral.referral_date.CopyFrom(from_date(application.referral.referral_date))
    if registration.task is not None:
        message.task_kind = messages.RegistrationTaskKind.ValueType(registration.task.kind.value)
        message.task_due_date.CopyFrom(from_date(registration.task.due_date))
    return message


def _fill_days(message: messages.Registration, registration: Registration) -> None:
    days = (
        (message.end_date, registration.end_date),
        (message.expected_end_date, registration.application.expected_end_date),
        (message.admission_date, registration.application.admission_date),
        (message.change_allowed_date, registration.change_allowed_date),
        (message.ended_date, registration.ended_date),
    )
    for field, day in days:
        if day is not None:
            field.CopyFrom(from_date(day))


def _material_message(material: Material) -> messages.RegistrationMaterial:
    return messages.RegistrationMaterial(
        kind=material.kind,
        material_id=material.material_id or "",
        is_shown=material.is_shown,
        fault=material.fault,
    )


def step_message(step: Step) -> messages.RegistrationEvent:
    """Returns a step as sent."""
    return messages.RegistrationEvent(
        version=step.version,
        kind=messages.RegistrationEventKind.ValueType(step.event.value),
        state=messages.RegistrationState.ValueType(step.state.value),
        event_time=from_instant(step.event_time),
        actor=step.actor,
        remark=step.remark,
    )

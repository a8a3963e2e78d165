"""What requests ask for: which registrations are listed, and who may say what."""

from yibao.offsite.v1 import registration_service_pb2 as pb
from yibao_common.rpc.wire import known, to_optional_date
from yibao_common.values.caller import Caller, Role
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_offsite.application.registration.rows import RegistrationWish
from yibao_offsite.servicer.registration.messages import CATEGORIES, STATES


def check_finding(request: pb.CancelRegistrationRequest, caller: Caller) -> None:
    """Refuses what only an agency finds, and a finding without a reason."""
    if not request.is_agency_finding:
        return
    faults = []
    if caller.role is not Role.AGENCY:
        message = "is told by an agency"
        faults.append(FieldFault("is_agency_finding", Reason.FIELD_OUT_OF_RANGE, message))
    if not request.remark:
        message = "is required of a finding"
        faults.append(FieldFault("remark", Reason.FIELD_REQUIRED, message))
    refuse_faults(faults)


def wish_of(request: pb.ListRegistrationsRequest, caller: Caller) -> RegistrationWish:
    """Returns what a caller may list: a channel one person's, an institution its own."""
    if caller.role is Role.CHANNEL and not request.person_id:
        message = "is required: a channel lists one person's registrations"
        refuse_faults([FieldFault("person_id", Reason.FIELD_REQUIRED, message)])
    state = category = None
    if request.state:
        state = known(STATES, request.state, field="state", what="state")
    if request.category:
        category = known(CATEGORIES, request.category, field="category", what="category")
    return RegistrationWish(
        request.person_id or None,
        request.treatment_region or None,
        state,
        category,
        to_optional_date(request, "cover_date"),
        caller.party if caller.institution_id is not None else None,
    )

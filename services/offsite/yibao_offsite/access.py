"""Who may call what in the offsite service; a test walks every method."""

from yibao_common.rpc import sandbox
from yibao_common.rpc.access import AccessTable
from yibao_common.rpc.server_info import ACCESS_ROWS
from yibao_common.values.caller import Role

_AGENCY = frozenset({Role.AGENCY})
_AGENCY_OR_CHANNEL = frozenset({Role.AGENCY, Role.CHANNEL})
# Who applies for a registration: hospitals for their own referrals.
_APPLICANTS = _AGENCY_OR_CHANNEL | {Role.INSTITUTION, Role.TERMINAL}

ACCESS = AccessTable.of_services(
    {
        **ACCESS_ROWS,
        **sandbox.ACCESS_ROWS,
        "yibao.offsite.v1.RegistrationService": {
            "CreateRegistration": _APPLICANTS,
            "ApproveRegistration": _AGENCY,
            "RejectRegistration": _AGENCY,
            "ReturnRegistration": _AGENCY,
            "ResubmitRegistration": _APPLICANTS,
            "WithdrawRegistration": _APPLICANTS,
            "ConfirmRegistrationCheck": _AGENCY,
            "ChangeRegistration": _AGENCY_OR_CHANNEL,
            "ExtendRegistration": _AGENCY_OR_CHANNEL,
            "CancelRegistration": _AGENCY_OR_CHANNEL,
            "RevokeRegistration": _AGENCY,
            "GetRegistration": _APPLICANTS,
            "ListRegistrations": _APPLICANTS,
            "GetRegistrationHistory": _APPLICANTS,
            "ListRegistrationTasks": _AGENCY,
            "RecordDeemedRegistration": frozenset({Role.SERVICE}),
        },
        "yibao.offsite.v1.RulesService": {
            "SubmitRules": _AGENCY,
            "ApproveRules": _AGENCY,
            "GetRules": _APPLICANTS,
            "ListRules": _AGENCY,
        },
    }
)

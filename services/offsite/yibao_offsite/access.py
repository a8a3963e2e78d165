"""Who may call what in the offsite service; a test walks every method."""

from yibao_common.rpc import sandbox
from yibao_common.rpc.access import AccessTable
from yibao_common.rpc.server_info import ACCESS_ROWS
from yibao_common.values.caller import Role

_AGENCY = frozenset({Role.AGENCY})
_AGENCY_OR_CHANNEL = frozenset({Role.AGENCY, Role.CHANNEL})
# Who applies for a registration: hospitals for their own referrals.
_APPLICANTS = _AGENCY_OR_CHANNEL | {Role.INSTITUTION, Role.TERMINAL}
# Who hands papers in, and sees those again.
_HANDS_IN = frozenset({Role.AGENCY, Role.INSTITUTION, Role.TERMINAL, Role.CHANNEL, Role.HOLDER})
_SEES_PAPERS = _HANDS_IN | {Role.SUPERVISOR}
_WHO_OPENS_TICKETS = frozenset({Role.INSTITUTION, Role.TERMINAL, Role.AGENCY, Role.CHANNEL})

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
        "yibao.offsite.v1.OffsiteFeedService": {"ListOffsiteChanges": frozenset({Role.SERVICE})},
        "yibao.offsite.v1.MaterialService": {
            "BeginUpload": _HANDS_IN,
            "UploadPart": _HANDS_IN,
            "FinishUpload": _HANDS_IN,
            "DiscardUpload": _HANDS_IN,
            "GetMaterial": _SEES_PAPERS,
            "GetMaterialPart": _SEES_PAPERS,
            "ListMaterials": _SEES_PAPERS,
            "CheckMaterial": _SEES_PAPERS,
            "ReturnMaterial": _AGENCY,
            "ReplaceMaterial": _HANDS_IN,
            "WaiveMaterial": _AGENCY,
            "DecideWaiver": _AGENCY,
        },
        "yibao.offsite.v1.MedicalHistoryService": {
            "RecordMedicalHistory": _AGENCY,
            "VerifyMedicalHistory": _AGENCY,
            "GetMedicalHistory": _AGENCY,
            "ListHistoryReadings": _AGENCY | {Role.SUPERVISOR},
        },
        "yibao.offsite.v1.EvaluationService": dict.fromkeys(
            (
                *("OpenPreEvaluation", "RecordPreEvaluation", "ApprovePreEvaluation"),
                *("ReturnPreEvaluation", "CancelPreEvaluation", "RecordDischargeComparison"),
                *("CallForRecheck", "RecordRecheck"),
                *("GetPreEvaluation", "ListPreEvaluations", "ListRechecks"),
            ),
            _AGENCY,
        ),
        "yibao.offsite.v1.TicketService": {
            **dict.fromkeys(
                ("OpenTicket", "ConfirmTicket", "ReopenTicket", "GetTicket", "ListTickets"),
                _WHO_OPENS_TICKETS,
            ),
            "AnswerTicket": _AGENCY,
        },
    }
)

"""Who may call what in the offsite service; a test walks every method."""

from yibao_common.rpc import sandbox
from yibao_common.rpc.access import AccessTable
from yibao_common.rpc.server_info import ACCESS_ROWS
from yibao_common.values.caller import EVERY_ROLE, Role

_INSTITUTION = frozenset({Role.INSTITUTION, Role.TERMINAL})
_AGENCY = frozenset({Role.AGENCY})
_SUPERVISED = frozenset({Role.AGENCY, Role.SUPERVISOR})
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
        "yibao.offsite.v1.AttestationService": {
            "GetAttestation": _AGENCY_OR_CHANNEL | _INSTITUTION,
            "GetAttestationStatusList": EVERY_ROLE,
        },
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
        "yibao.offsite.v1.QualificationService": {
            "ApplyForQualification": _AGENCY | _INSTITUTION,
            "RenewQualification": _AGENCY | _INSTITUTION,
            "HandInPapers": _AGENCY | _INSTITUTION,
            "WithdrawQualification": _AGENCY | _INSTITUTION,
            "DecideQualification": _AGENCY,
            "EndQualification": _AGENCY,
            "RetryQualification": _AGENCY,
            "GetQualification": _AGENCY | _INSTITUTION | {Role.SUPERVISOR},
            "ListQualifications": _AGENCY | _INSTITUTION | {Role.SUPERVISOR},
            "ListChronicDiseases": _AGENCY | _INSTITUTION | {Role.SUPERVISOR} | {Role.CHANNEL},
        },
        "yibao.offsite.v1.FormService": {"GetForm": _AGENCY | _INSTITUTION},
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
        "yibao.offsite.v1.AdmissionDeclarationService": {
            "DeclareAdmission": _INSTITUTION,
            "UpdateAdmission": _INSTITUTION,
            "GetAdmissionDeclaration": _SUPERVISED | _INSTITUTION,
            "ListAdmissionDeclarations": _SUPERVISED | _INSTITUTION,
        },
        "yibao.offsite.v1.AuditService": {
            "OpenAuditTask": _AGENCY,
            "AssignAuditTask": _AGENCY,
            "BeginAuditTask": _AGENCY,
            "RecordAuditFinding": _AGENCY,
            "AddAuditEvidence": _AGENCY,
            "ReportAuditTask": _AGENCY,
            "ReturnAuditTask": _AGENCY,
            "CloseAuditTask": _AGENCY,
            "CancelAuditTask": _AGENCY,
            "PlaceAuditHold": _AGENCY,
            "LiftAuditHold": _AGENCY,
            "AnswerAssistanceCheck": _AGENCY,
            "GetAuditTask": _SUPERVISED,
            "ListAuditTasks": _SUPERVISED,
            "ListAuditEvidence": _SUPERVISED,
            "ListAuditHolds": _SUPERVISED,
            "ListAssistanceChecks": _SUPERVISED,
        },
        "yibao.offsite.v1.ComplaintService": {
            "FileComplaint": EVERY_ROLE,
            "GetTrackedComplaint": EVERY_ROLE,
            "GetComplaint": _SUPERVISED,
            "ListComplaints": _SUPERVISED,
            "AcceptComplaint": _AGENCY,
            "AnswerComplaint": _AGENCY,
        },
    }
)

"""Who may call what in the identity service; a test walks every method."""

from yibao_common.rpc import sandbox
from yibao_common.rpc.access import AccessTable
from yibao_common.rpc.server_info import ACCESS_ROWS
from yibao_common.values.caller import EVERY_ROLE, Role

_AGENCY = frozenset({Role.AGENCY})
_SERVICE = frozenset({Role.SERVICE})
_CHANNEL = frozenset({Role.CHANNEL})
_HOLDER = frozenset({Role.HOLDER})
_BANK = frozenset({Role.BANK})
_SUPERVISOR = frozenset({Role.SUPERVISOR})
_INSTITUTION = frozenset({Role.INSTITUTION, Role.TERMINAL})

# Where a card and an identity document can be looked at.
_COUNTER = _AGENCY | _BANK
# The holder, also by way of an app.
_OWN = _HOLDER | _CHANNEL

ACCESS = AccessTable.of_services(
    {
        **ACCESS_ROWS,
        **sandbox.ACCESS_ROWS,
        "yibao.identity.v1.PersonService": {
            "RegisterPerson": _AGENCY,
            "RegisterNewborn": _AGENCY,
            "SubmitPersons": _AGENCY,
            "GetPerson": _AGENCY | _SUPERVISOR,
            "SearchPersons": _COUNTER,
            "UpdatePerson": _AGENCY,
            "AddEnrolment": _AGENCY,
            "ChangeEnrolment": _AGENCY,
            "RecordPremium": _AGENCY,
            "ListEnrolments": _AGENCY | _SUPERVISOR,
            # Offsite carries the qualifications that were approved there; no other service.
            "RegisterDisease": _AGENCY | _SERVICE,
            "EndDisease": _AGENCY | _SERVICE,
            "ListDiseases": _AGENCY | _SERVICE,
            "RecordDeath": _AGENCY,
            "RevokeDeath": _AGENCY,
            "ProposeMerge": _AGENCY,
            "DecideMerge": _AGENCY,
            "GetMerge": _AGENCY | _SUPERVISOR,
            "ListMerges": _AGENCY | _SUPERVISOR,
            "RequestRelativeLink": _OWN | _AGENCY,
            "ConfirmRelativeLink": _OWN | _AGENCY,
            "EndRelativeLink": _OWN | _AGENCY,
            "ListRelativeLinks": _OWN | _AGENCY | _SUPERVISOR,
            "ListEnrolmentChanges": _SERVICE,
        },
        "yibao.identity.v1.CardService": {
            "IssueCard": _COUNTER,
            "GetCard": _COUNTER | _SUPERVISOR,
            "ListCards": _COUNTER | _SUPERVISOR,
            "ActivateCard": _COUNTER | _INSTITUTION,
            "ReportCardLoss": _COUNTER | _OWN,
            "OrderReplacement": _COUNTER,
            "CollectReplacement": _COUNTER,
            "CloseCard": _COUNTER,
            "SetPin": _COUNTER,
            "VerifyPin": _INSTITUTION,
            # A channel is the telephone: it changes a PIN by the old one, and is told
            # where to go for the rest.
            "ChangePin": _COUNTER | _CHANNEL,
            "ReportPinLost": _COUNTER | _CHANNEL,
            "ResetPin": _COUNTER | _CHANNEL,
            "AuthorizeCard": _INSTITUTION | _CHANNEL,
            "PrintTransactions": _COUNTER | _INSTITUTION,
            "ListCardTransactions": _COUNTER | _OWN | _SUPERVISOR,
            "ValidateFinancialOperation": _COUNTER | _OWN | _INSTITUTION,
        },
        "yibao.identity.v1.CertificateService": {
            "ActivateCertificate": _CHANNEL | _AGENCY,
            "GetCertificate": _OWN | _AGENCY | _SUPERVISOR,
            "CloseCertificate": _OWN | _AGENCY,
            "IssueQrCode": _OWN,
            "IssueQrCodeBatch": _OWN,
            "IssueRelativeQrCode": _OWN,
            "GetDeviceChallenge": _OWN,
            "EnrolDevice": _OWN,
            "RenewDeviceCertificate": _OWN,
            "RevokeDevice": _OWN | _AGENCY,
            "ListDevices": _OWN | _AGENCY | _SUPERVISOR,
            "ReportMisuse": _INSTITUTION | _COUNTER | _CHANNEL | _SUPERVISOR,
            "SuspendCredential": _AGENCY,
            "LiftSuspension": _AGENCY,
            "GetMisuseCase": _AGENCY | _SUPERVISOR,
            "ListMisuseCases": _AGENCY | _SUPERVISOR,
        },
        "yibao.identity.v1.TrustService": {
            "GetTrustRoot": EVERY_ROLE,
            "GetTrustSnapshot": EVERY_ROLE,
            "GetStatusList": EVERY_ROLE,
        },
        "yibao.identity.v1.SupervisionService": {
            "ListAuditEvents": _SUPERVISOR | _AGENCY,
        },
    }
)

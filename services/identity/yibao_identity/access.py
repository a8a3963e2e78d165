"""Who may call what in the identity service; a test walks every method."""

from yibao_common.access import AccessTable
from yibao_common.callers import EVERY_ROLE, Role

_AGENCY = frozenset({Role.AGENCY})
_SERVICE = frozenset({Role.SERVICE})
_CHANNEL = frozenset({Role.CHANNEL})
_HOLDER = frozenset({Role.HOLDER})

ACCESS = AccessTable.of_services(
    {
        "yibao.identity.v1.PersonService": {
            "RegisterPerson": _AGENCY,
            "GetPerson": _AGENCY,
            "ListEnrolmentChanges": _SERVICE,
        },
        "yibao.identity.v1.CertificateService": {
            "ActivateCertificate": _CHANNEL | _AGENCY,
            "GetCertificate": _HOLDER | _CHANNEL | _AGENCY,
            "IssueQrCode": _HOLDER | _CHANNEL,
        },
        "yibao.identity.v1.TrustService": {
            "GetTrustSnapshot": EVERY_ROLE,
        },
    }
)

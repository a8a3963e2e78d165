"""Who may call what in the offsite service; a test walks every method."""

from yibao_common.rpc import sandbox
from yibao_common.rpc.access import AccessTable
from yibao_common.rpc.server_info import ACCESS_ROWS
from yibao_common.values.caller import EVERY_ROLE, Role

_INSTITUTION = frozenset({Role.INSTITUTION, Role.TERMINAL})
_AGENCY_OR_CHANNEL = frozenset({Role.AGENCY, Role.CHANNEL})

ACCESS = AccessTable.of_services(
    {
        **ACCESS_ROWS,
        **sandbox.ACCESS_ROWS,
        "yibao.offsite.v1.AttestationService": {
            "GetAttestation": _AGENCY_OR_CHANNEL | _INSTITUTION,
            "GetAttestationStatusList": EVERY_ROLE,
        },
        "yibao.offsite.v1.RegistrationService": {
            "CreateRegistration": _AGENCY_OR_CHANNEL,
            "GetRegistration": _AGENCY_OR_CHANNEL,
            "CancelRegistration": _AGENCY_OR_CHANNEL,
        },
        "yibao.offsite.v1.OffsiteFeedService": {"ListOffsiteChanges": frozenset({Role.SERVICE})},
    }
)

"""Reads what was presented at a counter: a code, or the token that stands for one."""

from yibao.settlement.v1.visit_pb2 import Presentation
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.token import PresentedToken, check_form, hash_of


def check_presentation(presentation: Presentation) -> None:
    """Refuses what is neither a code with its scan nor a token, or both.

    Raises RuleError FIELD_REQUIRED, FIELD_OUT_OF_RANGE.
    """
    faults = []
    if presentation.credential_token:
        if presentation.qr_text:
            told = "stands for a code, and none is given beside it"
            faults.append(_fault("credential_token", Reason.FIELD_OUT_OF_RANGE, told))
    else:
        if not presentation.qr_text:
            told = "is required, or credential_token"
            faults.append(_fault("qr_text", Reason.FIELD_REQUIRED, told))
        if not presentation.HasField("scan_time"):
            faults.append(_fault("scan_time", Reason.FIELD_REQUIRED, "is required"))
    refuse_faults(faults)


def check_is_code(presentation: Presentation) -> None:
    """Refuses a token where a code is resolved.

    Raises RuleError as `check_presentation`.
    """
    if presentation.credential_token:
        told = "is of a code that was resolved"
        refuse_faults([_fault("credential_token", Reason.FIELD_OUT_OF_RANGE, told)])
    check_presentation(presentation)


def token_of(presentation: Presentation, *, region: str, audience: str) -> PresentedToken:
    """Returns the token of a presentation, of which it is not known yet what it stands for.

    Raises RuleError TOKEN_MALFORMED, TOKEN_OTHER_REGION.
    """
    token = presentation.credential_token
    check_form(token, region=region)
    return PresentedToken(hash_of(token), audience, presentation.terminal_id)


def _fault(field: str, reason: Reason, told: str) -> FieldFault:
    return FieldFault(f"presentation.{field}", reason, told)

"""Which sheets a form is printed on."""

from collections.abc import Callable, Mapping

from yibao_common.values.sheet import Sheet
from yibao_offsite.rules.form.form import Form, FormKind
from yibao_offsite.rules.form.letters import long_term_commitment, trauma_commitment
from yibao_offsite.rules.form.papers import (
    chronic_application,
    outside_care,
    referral_form,
    registration_form,
)

_SINGLE: Mapping[FormKind, Callable[[Form], Sheet]] = {
    FormKind.LONG_TERM_COMMITMENT: long_term_commitment,
    FormKind.TRAUMA_COMMITMENT: trauma_commitment,
    FormKind.OUTSIDE_CARE: outside_care,
    FormKind.REGISTRATION: registration_form,
    FormKind.REFERRAL: referral_form,
}


def sheets_of(form: Form) -> tuple[Sheet, ...]:
    """Returns the sheets of a form, one for each copy."""
    if form.kind is FormKind.CHRONIC_APPLICATION:
        return chronic_application(form)
    return (_SINGLE[form.kind](form),)

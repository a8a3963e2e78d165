"""Which sheets a form is printed on."""

from collections.abc import Callable, Mapping

from yibao_common.values.sheet import Sheet
from yibao_offsite.rules.form.batch import chronic_batch
from yibao_offsite.rules.form.catalogue import outside_catalogue
from yibao_offsite.rules.form.choice import institution_choice
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
    FormKind.CHRONIC_BATCH: chronic_batch,
}
_SEVERAL: Mapping[FormKind, Callable[[Form], tuple[Sheet, ...]]] = {
    FormKind.CHRONIC_APPLICATION: chronic_application,
    FormKind.INSTITUTION_CHOICE: institution_choice,
    FormKind.OUTSIDE_CATALOGUE: outside_catalogue,
}


def sheets_of(form: Form) -> tuple[Sheet, ...]:
    """Returns the sheets of a form, one for each copy or half."""
    if form.kind in _SEVERAL:
        return _SEVERAL[form.kind](form)
    return (_SINGLE[form.kind](form),)

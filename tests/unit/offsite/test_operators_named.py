"""An operator who is given an audit, as callers name one: no task is given to nobody."""

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.servicer.audit_task.asked import operator_path


@pytest.mark.parametrize("named", ["wang", "agency/330100/wang"])
def test_an_operator_is_named_by_the_last_part_or_as_answers_do(named: str) -> None:
    assert operator_path("330100", named) == "agency/330100/wang"


@pytest.mark.parametrize("named", ["agency/330200/wang", "bank/330100/B1/wang", "a/b", "a:b", "-"])
def test_what_no_certificate_of_the_agency_bears_is_refused(named: str) -> None:
    with pytest.raises(RuleError) as refused:
        operator_path("330100", named)
    (fault,) = refused.value.faults
    assert (fault.field, fault.reason) == ("assignee", Reason.FIELD_MALFORMED)

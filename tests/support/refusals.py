"""Refusals in their order: whoever does everything wrong is told one thing after another."""

from collections.abc import Callable
from typing import Any

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

# What is told first, and what mends it.
Step = tuple[Reason, Callable[[], object]]


class Given:
    """What a caller gives; mended piece by piece."""

    def __init__(self, **values: Any) -> None:
        self.values = values

    def now(self, **values: Any) -> None:
        self.values |= values


def reason_of(attempt: Callable[[], object]) -> Reason:
    """Returns why `attempt` is refused; it has to be."""
    with pytest.raises(RuleError) as refused:
        attempt()
    return refused.value.reason


def assert_refused_in_order(attempt: Callable[[], object], *steps: Step) -> None:
    """Asserts that `attempt` is refused with each reason in turn, and done in the end.

    After each refusal its fault is mended, and all that follow are still there: so each
    check is proven to come before those of the steps below it.
    """
    for reason, mend in steps:
        assert reason_of(attempt) is reason
        mend()
    attempt()

"""Every business rule that the code claims to follow has a test that says so."""

import pytest
from support.rule_coverage import COMPLETE_SERIES, rules_in_code, rules_in_tests, series_rules


@pytest.mark.parametrize("rule", rules_in_code())
def test_a_rule_named_in_the_code_is_named_by_a_test(rule: str) -> None:
    tested = {rule for rules in rules_in_tests().values() for rule in rules}
    assert rule in tested, f"named at {', '.join(rules_in_code()[rule])}"


@pytest.mark.parametrize(("series", "count"), COMPLETE_SERIES.items())
def test_every_rule_of_a_complete_series_is_named_by_a_test(series: str, count: int) -> None:
    tested = {rule for rules in rules_in_tests().values() for rule in rules}
    assert set(series_rules(series, count)) <= tested

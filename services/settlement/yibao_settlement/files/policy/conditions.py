"""Conditions in policy files: `when` of rows and `applies` of steps."""

import re
from collections.abc import Mapping, Sequence

from yibao_common.files.yaml_file import Path
from yibao_common.files.yaml_model import shown
from yibao_settlement.files.policy.reading import Reading
from yibao_settlement.files.policy.schema import RowModel
from yibao_settlement.rules.policy.tables import (
    AGE,
    CARE_GROUP,
    CARE_TYPE,
    COUNT,
    ENTITLEMENT_GROUPS,
    INSTITUTION_LEVEL,
    PERSON_CLASS,
    Among,
    Anything,
    Between,
    Condition,
    Matcher,
    Member,
    NotMember,
    overlap,
)

_CODES = {
    CARE_TYPE: (re.compile("[0-9]{1,6}"), "care types in quotes"),
    PERSON_CLASS: (re.compile("[0-9]{2,6}"), "person classes in quotes"),
    ENTITLEMENT_GROUPS: (re.compile("[0-9]{2,6}"), "entitlement groups in quotes"),
    INSTITUTION_LEVEL: (re.compile("[1-9]|1[0-4]"), "institution levels from '1' to '14'"),
}
_FACTS = (CARE_TYPE, CARE_GROUP, PERSON_CLASS, ENTITLEMENT_GROUPS, INSTITUTION_LEVEL, AGE)
_MAX_NUMBER = 1000


def read_facts(reading: Reading, by: Sequence[str], path: Path) -> None:
    """Checks the facts that a table asks for."""
    for index, fact in enumerate(by):
        if fact in by[:index]:
            reading.fault((*path, index), f"'{fact}' stands here twice")
        _check_fact(reading, fact, (*path, index))


def read_conditions(
    reading: Reading, by: Sequence[str], rows: Sequence[RowModel], path: Path
) -> list[Condition]:
    """Returns the conditions of a table's rows; notes rows that leave out a fact of
    `by`, and rows that can hold together.
    """
    named = _groups_named(rows)
    conditions: list[Condition] = []
    for index, row in enumerate(rows):
        at: Path = (*path, index, "when")
        for fact in by:
            if fact not in row.when:
                reading.fault(at, f"expected a value for {fact}, which `by` asks for")
        for fact in row.when:
            if fact not in by:
                reading.fault((*at, fact), "expected only facts that `by` asks for")
        matchers: list[tuple[str, Matcher]] = []
        for fact in by:
            if fact in row.when:
                matcher = _matcher(reading, fact, row.when[fact], path=(*at, fact), named=named)
                matchers += [] if matcher is None else [(fact, matcher)]
        condition = Condition(tuple(matchers))
        for other, earlier in enumerate(conditions):
            if len(matchers) == len(earlier.matchers) == len(by) and overlap(condition, earlier):
                reading.fault(at, f"can hold together with rows[{other}]; rows must exclude others")
        conditions.append(condition)
    return conditions


def read_applies(reading: Reading, when: Mapping[str, object], path: Path) -> Condition:
    """Returns the condition under which a step applies."""
    matchers: list[tuple[str, Matcher]] = []
    for fact, value in when.items():
        if _check_fact(reading, fact, (*path, fact)):
            matcher = _matcher(reading, fact, value, path=(*path, fact), named=frozenset())
            matchers += [] if matcher is None else [(fact, matcher)]
    return Condition(tuple(matchers))


def _check_fact(reading: Reading, fact: str, path: Path) -> bool:
    """Notes a fact that does not exist; remembers care groups that are counted."""
    if fact.startswith(COUNT) and fact.removeprefix(COUNT) in reading.care_groups:
        reading.counted.add(fact.removeprefix(COUNT))
    elif fact not in _FACTS:
        counts = [COUNT + group for group in reading.care_groups]
        reading.fault(path, f"expected one of: {', '.join((*_FACTS, *counts))}; got '{fact}'")
        return False
    return True


def _matcher(
    reading: Reading, fact: str, value: object, *, path: Path, named: frozenset[str]
) -> Matcher | None:
    """Returns what a fact must be; notes what cannot be read, and returns None."""
    if value == "any":
        return Anything()
    if fact == AGE or fact.startswith(COUNT):
        return _numbers(reading, value, path)
    if fact == ENTITLEMENT_GROUPS and value == "none":
        return NotMember(named)
    codes = _codes(reading, fact, value, path)
    if codes is None:
        return None
    return Member(codes) if fact == ENTITLEMENT_GROUPS else Among(codes)


def _codes(reading: Reading, fact: str, value: object, path: Path) -> frozenset[str] | None:
    listed: list[object] = value if isinstance(value, list) else [value]
    if fact == CARE_GROUP:
        expected = f"care groups of this file ({', '.join(reading.care_groups)}) or any"
        accepted = [
            item for item in listed if isinstance(item, str) and item in reading.care_groups
        ]
    else:
        pattern, what = _CODES.get(fact, (re.compile(".*"), "texts"))
        expected = f"{what}, or any" + (", or none" if fact == ENTITLEMENT_GROUPS else "")
        accepted = [item for item in listed if isinstance(item, str) and pattern.fullmatch(item)]
    if len(accepted) != len(listed) or not listed:
        wrong = next((item for item in listed if item not in accepted), value)
        reading.fault(path, f"expected {expected}, got {shown(wrong)}")
        return None
    return frozenset(accepted)


def _numbers(reading: Reading, value: object, path: Path) -> Matcher | None:
    """Returns a range: a number, or a mapping of `from`, `to` or both, ends included."""
    if isinstance(value, dict) and value and value.keys() <= {"from", "to"}:
        low, high = value.get("from", 0), value.get("to")
    else:
        low = high = value
    accepted = type(low) is int and (high is None or type(high) is int)
    if accepted and 0 <= low <= (_MAX_NUMBER if high is None else high) <= _MAX_NUMBER:
        return Between(low, high)
    reading.fault(
        path,
        f"expected a number from 0 to {_MAX_NUMBER}, {{from: ..., to: ...}} or any, "
        f"got {shown(value) if not isinstance(value, dict) else shown(str(value))}",
    )
    return None


def _groups_named(rows: Sequence[RowModel]) -> frozenset[str]:
    """Returns the entitlement groups that any row of a table names."""
    named: set[str] = set()
    for row in rows:
        value = row.when.get(ENTITLEMENT_GROUPS)
        listed = value if isinstance(value, list) else [value]
        named.update(item for item in listed if isinstance(item, str))
    return frozenset(named - {"any", "none"})

"""Tables of policy files: conditions on facts, and rows of which one holds."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import TypeVar

from yibao_common.files.yaml_file import Path
from yibao_common.files.yaml_model import shown
from yibao_settlement.files.benefit.body import Body, Faults
from yibao_settlement.files.benefit.scope import Scope
from yibao_settlement.rules.benefit.conditions import (
    NOTHING,
    Among,
    Anything,
    Between,
    Condition,
    Matcher,
    Members,
    collide,
)
from yibao_settlement.rules.benefit.facts import Kind
from yibao_settlement.rules.benefit.table import Row, Table

Value = TypeVar("Value")
_OTHERWISE = "otherwise"
_DEMANDS = ("all", "any", "none")


def read_table(
    scope: Scope,
    body: Body,
    read_value: Callable[[Body], Value],
    *,
    need: Sequence[str] = (),
    may: Sequence[str] = (),
    clause: str,
) -> Table[Value]:
    """Returns the table of a body, which has `by` and `rows`.

    `read_value` takes what a row says: keys that it needs and keys that it may have, beside
    `when` and `cites`. A row without `cites` has the step's `clause`.
    """
    by = _facts(scope, body)
    keys = (*may, "when", "cites")
    bodies = [
        Body.open(scope.faults, value, path, need=need, may=keys)
        for value, path in body.items("rows", "rows")
    ]
    conditions = _conditions(scope, by, bodies)
    rows = tuple(
        Row(condition, read_value(row), scope.clause(row) or clause)
        for row, condition in zip(bodies, conditions, strict=True)
    )
    return Table(tuple(by), rows)


def read_applies(scope: Scope, body: Body) -> Condition:
    """Returns the condition under which a step applies."""
    if "applies" not in body.data:
        return Condition()
    value, path = body.data["applies"], body.at("applies")
    if not isinstance(value, dict):
        scope.faults.note(path, f"expected a mapping, got {shown(value)}")
        return Condition()
    for fact in value:
        _check_fact(scope, fact, (*path, fact))
    by = {fact: kind for fact in value if (kind := scope.kind_of(fact)) is not None}
    return _condition(scope, by, value, path, named={})


def _facts(scope: Scope, body: Body) -> dict[str, Kind]:
    """Returns the facts that a table asks for; one that is none stands as a code."""
    by: dict[str, Kind] = {}
    for fact, path in body.items("by", "facts"):
        _check_fact(scope, fact, path)
        if isinstance(fact, str):
            by[fact] = scope.kind_of(fact) or Kind.CODE
    return by


def _check_fact(scope: Scope, fact: object, path: Path) -> None:
    if scope.kind_of(fact) is None:
        scope.faults.note(path, f"{shown(fact)} is not a fact; known: {scope.facts()}")


def _conditions(
    scope: Scope, by: Mapping[str, Kind], rows: Sequence[Body]
) -> list[Condition | None]:
    """Returns what each row demands; notes rows of which two can hold together."""
    named = {fact: _named(rows, fact) for fact, kind in by.items() if kind is Kind.SET}
    found: list[Condition | None] = []
    for index, row in enumerate(rows):
        when = row.data.get("when", {})
        if when == _OTHERWISE:
            if index != len(rows) - 1 or not by:
                row.fault("when", "otherwise is the last row of a table with by")
            found.append(None)
        elif not isinstance(when, dict) or when.keys() != by.keys():
            # A row that is no mapping has been told of already.
            if row.data:
                row.fault("when", f"must say exactly: {', '.join(by) or 'nothing'}")
            found.append(None)
        else:
            found.append(_condition(scope, by, when, row.at("when"), named))
    for (first, earlier), (second, later) in combinations(enumerate(found), 2):
        if earlier is not None and later is not None and collide(earlier, later):
            rows[second].fault("when", f"can hold together with rows[{first}]")
    return found


def _condition(
    scope: Scope,
    by: Mapping[str, Kind],
    when: Mapping[str, object],
    path: Path,
    named: Mapping[str, frozenset[str]],
) -> Condition:
    matchers = []
    for fact, kind in by.items():
        at = (*path, fact)
        matcher = _matcher(scope.faults, kind, when[fact], at, named.get(fact, NOTHING))
        closed = scope.closed_codes(fact)
        if isinstance(matcher, Among) and closed is not None:
            for code in matcher.codes:
                if code not in closed:
                    scope.faults.note(at, f"expected one of {', '.join(closed)}, got {shown(code)}")
        matchers.append((fact, matcher))
    return Condition(tuple(matchers))


def _matcher(
    faults: Faults, kind: Kind, value: object, path: Path, named: frozenset[str]
) -> Matcher:
    """Returns what a fact must be; what cannot be read matches anything."""
    if value == "any":
        return Anything()
    if kind is Kind.NUMBER:
        return _range(faults, value, path)
    if kind is Kind.CODE:
        codes = faults.codes(value, path)
        return Among(codes) if codes else Anything()
    if value == "none":
        return Members(none_of=named)
    if isinstance(value, dict):
        return _members(faults, value, path)
    groups = faults.codes(value, path)
    return Members(any_of=frozenset(groups)) if groups else Anything()


def _range(faults: Faults, value: object, path: Path) -> Matcher:
    """Returns a range: a number, or a mapping of `from`, `to` or both, ends included."""
    if not isinstance(value, dict):
        low = faults.whole(value, path)
        return Between(low, low)
    body = Body.open(faults, value, path, may=("from", "to"))
    low, high = body.whole("from"), body.whole_or_none("to")
    if high is not None and high < low:
        body.fault("to", "lies below from")
    return Between(low, high)


def _members(faults: Faults, value: dict[str, object], path: Path) -> Matcher:
    body = Body.open(faults, value, path, may=_DEMANDS)
    every, some, never = (frozenset(body.codes(key) or ()) for key in _DEMANDS)
    return Members(all_of=every, any_of=some, none_of=never)


def _named(rows: Sequence[Body], fact: str) -> frozenset[str]:
    """Returns the codes of a set that any row of a table names."""
    named: set[str] = set()
    for row in rows:
        when = row.data.get("when")
        value = when.get(fact) if isinstance(when, dict) else None
        lists = list(value.values()) if isinstance(value, dict) else [value]
        for codes in lists:
            listed = codes if isinstance(codes, list) else [codes]
            named.update(code for code in listed if isinstance(code, str))
    return frozenset(named - {"any", "none"})

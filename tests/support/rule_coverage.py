"""Which business rules (I-.., T-.., O-..) the code names, and which tests name them.

A test names a rule in its own text: name, table of cases, docstring or comment.
"""

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest
from support.contracts import ROOT

_RULE = re.compile(r"\b[ITO]-\d{2}\b")
_NOT_OF_RULES = ("contract", "support")

# The series of which every rule is built, with the number of its rules.
COMPLETE_SERIES = {"I": 31}


@functools.cache
def rules_in_code() -> dict[str, list[str]]:
    """Returns the places, `file:line`, where the services name each rule."""
    found = defaultdict(list)
    for path in sorted((ROOT / "services").rglob("*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            for rule in _RULE.findall(line):
                found[rule].append(f"{path.relative_to(ROOT)}:{number}")
    return dict(sorted(found.items()))


@functools.cache
def rules_in_tests() -> dict[tuple[str, str], set[str]]:
    """Returns the rules that each test names, by file and function."""
    found = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        relative = path.relative_to(ROOT)
        if relative.parts[1] in _NOT_OF_RULES:
            continue
        text = path.read_text(encoding="utf-8")
        if not _RULE.search(text):
            # To parse the rest as well takes seconds, at the end of every run.
            continue
        for name, source in _tests_of(text):
            rules = set(_RULE.findall(source))
            if rules:
                found[str(relative), name] = rules
    return found


def _tests_of(text: str) -> Iterator[tuple[str, str]]:
    """Yields the tests of a file with their source, from the first decorator on."""
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.name.startswith("test_"):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            yield node.name, "\n".join(lines[first - 1 : node.end_lineno])


def series_rules(series: str, count: int) -> list[str]:
    """Returns the ids of a series, such as I-01 to I-30."""
    return [f"{series}-{number:02d}" for number in range(1, count + 1)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints which rules the tests that passed cover; nothing where none did."""
    covered: set[str] = set()
    for report in terminalreporter.getreports("passed"):
        file, _, rest = report.nodeid.partition("::")
        covered |= rules_in_tests().get((file, rest.rpartition("::")[2].partition("[")[0]), set())
    if not covered:
        return
    named = rules_in_code()
    terminalreporter.section("business rules")
    for series, count in COMPLETE_SERIES.items():
        rules = series_rules(series, count)
        passed = [rule for rule in rules if rule in covered]
        terminalreporter.line(f"{rules[0]} to {rules[-1]}: {len(passed)} of {count} covered")
    terminalreporter.line(f"covered by tests that passed: {' '.join(sorted(covered))}")
    in_series = {
        rule for series, count in COMPLETE_SERIES.items() for rule in series_rules(series, count)
    }
    missing = sorted((named.keys() | in_series) - covered)
    if missing:
        terminalreporter.line(f"built, but not covered in this run: {' '.join(missing)}")

"""Who checks is compared with who made in one way, wherever two operators are asked for."""

import ast
from collections.abc import Iterator

import pytest
from support.contracts import ROOT

# All reasons that ask for another operator than who made something.
_REFUSES = {"SAME_MAKER_AND_CHECKER", "AUDITOR_MAY_NOT_CLOSE", "AUDIT_HOLD_OF_OWN"}
_SOURCES = [
    path
    for path in sorted((ROOT / "services").glob("*/yibao_*/**/*.py"))
    # The command line asks for what a service refuses, and refuses nothing itself.
    if "yibao_cli" not in path.parts and any(each in path.read_text("utf-8") for each in _REFUSES)
]
# `part_of` compares whoever closes an audit with all who had a part in it.
_COMPARES = {"is_same_operator", "part_of"}


def _refusing(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    """Yields the functions that refuse one operator as maker and checker."""
    for each in ast.walk(tree):
        if isinstance(each, ast.FunctionDef) and _named(each) & _REFUSES:
            yield each


def _named(tree: ast.AST) -> set[str]:
    return {
        each.attr if isinstance(each, ast.Attribute) else each.id
        for each in ast.walk(tree)
        if isinstance(each, ast.Attribute | ast.Name)
    }


def _unlike(source: str) -> list[str]:
    return [each.name for each in _refusing(ast.parse(source)) if not _named(each) & _COMPARES]


def _compared_by_hand(source: str) -> list[str]:
    """Returns comparisons of a checker with a maker, which take `wang` and `Wang` for two."""
    return [
        ast.unparse(each)
        for each in ast.walk(ast.parse(source))
        if isinstance(each, ast.Compare) and _named(each) >= {"maker", "checker"}
    ]


def test_two_operators_are_compared_in_one_way() -> None:
    found = {str(path.relative_to(ROOT)): _unlike(path.read_text("utf-8")) for path in _SOURCES}
    assert {path: names for path, names in found.items() if names} == {}
    # At least the places there are by now are looked at.
    trees = [ast.parse(path.read_text("utf-8")) for path in _SOURCES]
    assert sum(len(list(_refusing(each))) for each in trees) >= 28


@pytest.mark.parametrize(
    ("comparison", "found"), [("maker == by", ["check"]), ("is_same_operator(maker, by)", [])]
)
def test_a_comparison_of_its_own_is_found(comparison: str, found: list[str]) -> None:
    source = f"def check(maker, by):\n if {comparison}:\n  raise E(Reason.SAME_MAKER_AND_CHECKER)\n"
    assert _unlike(source) == found


def test_no_checker_is_compared_with_a_maker_by_hand() -> None:
    sources = sorted((ROOT / "services").glob("*/yibao_*/**/*.py"))
    found = {
        str(each.relative_to(ROOT)): _compared_by_hand(each.read_text("utf-8")) for each in sources
    }
    assert {path: comparisons for path, comparisons in found.items() if comparisons} == {}
    assert _compared_by_hand("order.checker in (None, order.maker)")

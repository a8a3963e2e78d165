"""What import-linter cannot see of rules: third parties, and what is reached without import.

`make imports` runs it: `python -m support.pure_rules` from `tests/`.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

SERVICES = Path(__file__).parents[2] / "services"
# Modules that reach no clock, no chance and nothing outside: a list of the others would
# never be whole.
PURE = {
    *("__future__", "abc", "array", "bisect", "collections", "dataclasses", "datetime"),
    *(
        "decimal",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "heapq",
        "itertools",
        "math",
        "re",
        "string",
        "struct",
    ),
    *("types", "typing", "unicodedata"),
}
OURS = ("yibao_common.values",)
CLOCKS = {"now", "today", "utcnow"}
BUILTINS = {"open", "print", "input", "breakpoint", "exec", "eval", "compile", "__import__"}
# By these a name is reached that is written as text.
BY_TEXT = {"globals", "locals", "vars", "__builtins__"}


def impurities(source: str, *, package: str) -> Iterator[tuple[int, str]]:
    """Yields line and fault of what a rule of the service `package` may not do."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                for each in names:
                    if not _may_be_imported(each.name, package):
                        yield node.lineno, f"imports {each.name}"
            case ast.ImportFrom(level=0, module=str(module)):
                if not _may_be_imported(module, package):
                    yield node.lineno, f"imports {module}"
            case ast.ImportFrom():
                yield node.lineno, "imports by a relative name"
            case ast.Attribute(attr=name) if name in CLOCKS:
                yield node.lineno, f"asks a clock: {name}"
            case ast.Name(id=name, ctx=ast.Load()) if name in BUILTINS | BY_TEXT:
                yield node.lineno, f"uses {name}"


def _may_be_imported(module: str, package: str) -> bool:
    if module.split(".")[0] in PURE:
        return True
    return any(module == own or module.startswith(f"{own}.") for own in (*OURS, f"{package}.rules"))


def faults(services: Path = SERVICES) -> list[str]:
    """Returns `file:line: fault` for the rules of all services in a folder."""
    found = []
    for path in sorted(services.glob("*/yibao_*/rules/**/*.py")):
        package = path.relative_to(services).parts[1]
        for line, fault in impurities(path.read_text(encoding="utf-8"), package=package):
            found.append(f"{path.relative_to(services.parent)}:{line}: a rule {fault}")
    return found


def main() -> int:
    """Prints the faults; returns the exit code."""
    found = faults()
    for each in found:
        print(each)
    print("Rules import what is pure and the kernel's values alone." if not found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

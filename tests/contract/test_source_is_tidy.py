"""What no file of the repository may hold, and how large code may grow."""

import ast
import re
import subprocess
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

from support.contracts import REGISTRY_HOSTS, ROOT

MOST_LINES_IN_A_FILE = 400
MOST_LINES_IN_A_FUNCTION = 70
# Code that was over a limit when the limit came, with its lines. An entry may only shrink
# and goes when it is no longer needed.
LARGE_FILES: dict[str, int] = {}
# A row for each of an enumeration of the contract, and nothing else: they grow with it.
TABLES = {
    "services/common/yibao_common/values/reasons.py",
    "services/common/yibao_common/rpc/field_names.py",
}
LARGE_FUNCTIONS: dict[str, int] = {}

# Written in parts, so that this file does not hold what it looks for.
REGISTRY_OPTIONS = ("--" + "index-url", "--" + "extra-index-url", "--" + "find-links")
MACHINE_PATHS = tuple("/" + path for path in ("work/", "root/", "home/", "Users/", "tmp/t/"))
FORBIDDEN = re.compile(
    "|".join(re.escape(text) for text in (*REGISTRY_HOSTS, *REGISTRY_OPTIONS))
    + "|"
    # A path begins where no name or address goes on before it.
    + rf"(?<![\w./:~}}-])(?:{'|'.join(MACHINE_PATHS)})"
    + r"|\b[A-Z]:\\Users\\"
)


def tracked_files() -> list[Path]:
    """Returns what is committed or would be by `git add`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    paths = {ROOT / name for name in listed.split("\0") if name}
    return sorted(path for path in paths if path.is_file())


def test_no_file_names_a_package_registry_or_a_path_of_somebodys_machine() -> None:
    found = []
    for path in tracked_files():
        text = path.read_bytes().decode("utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            if FORBIDDEN.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []


def python_files() -> Iterator[Path]:
    """Yields the written code of services and SDK."""
    for folder in ("services", "sdk", "docs"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not path.stem.endswith(("_pb2", "_pb2_grpc")):
                yield path


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yields the functions of a file with how many lines they have."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield f"{path.relative_to(ROOT)}:{node.name}", node.end_lineno - node.lineno + 1


def over(sizes: dict[str, int], limit: int) -> dict[str, int]:
    return {name: lines for name, lines in sizes.items() if lines > limit}


def test_no_file_grows_over_its_limit() -> None:
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in python_files()
    }
    for name in TABLES:
        del sizes[name]
    assert over(sizes, MOST_LINES_IN_A_FILE) == LARGE_FILES


def test_no_function_grows_over_its_limit() -> None:
    # A migration is a list of tables, which nobody reads as an algorithm.
    paths = [path for path in python_files() if path.parent.name != "versions"]
    # Of functions with one name in a file, the longest counts.
    sizes = dict(sorted((each for path in paths for each in functions(path)), key=itemgetter(1)))
    assert over(sizes, MOST_LINES_IN_A_FUNCTION) == LARGE_FUNCTIONS

"""The README of the SDK shows the examples as they are, and what they print."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

SDK = Path(__file__).parents[3] / "sdk"
EXAMPLES = sorted((SDK / "examples").glob("*.py"))
README = (SDK / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs_and_prints_what_the_readme_says(example: Path) -> None:
    done = subprocess.run([sys.executable, example], capture_output=True, text=True, check=True)
    assert f"```\n{done.stdout}```" in README


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_readme_shows_an_example_as_it_is(example: Path) -> None:
    assert f"```python\n{example.read_text(encoding='utf-8')}```" in README


def test_every_piece_of_code_in_the_readme_is_python() -> None:
    pieces = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(pieces) == len(EXAMPLES) + 1
    for piece in pieces:
        compile(piece, "README.md", "exec")

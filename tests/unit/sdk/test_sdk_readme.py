"""The README of the SDK shows the example as it is, and what it prints."""

import re
import subprocess
import sys
from pathlib import Path

SDK = Path(__file__).parents[3] / "sdk"
EXAMPLE = SDK / "examples" / "verify_offline.py"
README = (SDK / "README.md").read_text(encoding="utf-8")


def test_the_example_runs_and_prints_what_the_readme_says() -> None:
    done = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True, check=True)
    assert f"```\n{done.stdout}```" in README


def test_the_readme_shows_the_example_as_it_is() -> None:
    assert f"```python\n{EXAMPLE.read_text(encoding='utf-8')}```" in README


def test_every_piece_of_code_in_the_readme_is_python() -> None:
    pieces = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(pieces) == 2
    for piece in pieces:
        compile(piece, "README.md", "exec")

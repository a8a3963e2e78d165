"""`docs/reference/` is what the protos and access tables say today."""

import subprocess
import sys
from pathlib import Path

from support.contracts import ROOT


def test_the_committed_reference_is_what_the_generator_writes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "docs.generate_reference", "--out", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True)
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    committed = {
        path.name: path.read_text(encoding="utf-8")
        for path in (ROOT / "docs" / "reference").iterdir()
    }
    stale = sorted(
        name for name in {*written, *committed} if written.get(name) != committed.get(name)
    )
    assert stale == [], "run `python -m docs.generate_reference`"

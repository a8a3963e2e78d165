"""Which modules are compiled, and whether they were."""

import json
from pathlib import Path

from yibao_common.process.compiled import MANIFEST, sources_sha256

# The library in which the code of all modules lies, named by mypyc after the group.
GROUP = "yibao_compiled_group"
GROUP_LIBRARY = f"{GROUP}__mypyc"
ROOT = Path(__file__).resolve().parents[1]


def names_listed() -> list[str]:
    """Returns the names of the modules that `modules.txt` lists."""
    lines = (ROOT / "compiled" / "modules.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def is_current(folder: Path) -> bool:
    """Tells whether a folder holds just these modules, compiled from the sources as they stand."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return False
    is_listed = manifest["files"].keys() - {GROUP_LIBRARY} == set(names_listed())
    return is_listed and bool(manifest["sources_sha256"] == sources_sha256())

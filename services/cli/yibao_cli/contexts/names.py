"""Where the file of contexts lies, and the names in it as shells complete them.

Loads nothing of the services: completion must not keep a terminal waiting.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

FILE_VARIABLE = "YIBAO_CONTEXTS"


def contexts_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns the file of contexts: `YIBAO_CONTEXTS`, else one of the user's own."""
    named = environ.get(FILE_VARIABLE)
    if named:
        return Path(named)
    base = Path(environ.get("XDG_CONFIG_HOME") or "")
    # The standard of the variable has a relative one passed over. Where nobody knows the home,
    # as of a container's user, the path stays as it is, and leads nowhere.
    folder = base if base.is_absolute() else Path(os.path.expanduser("~/.config"))
    return folder / "yibao" / "contexts.toml"


def is_file_named(environ: Mapping[str, str] = os.environ) -> bool:
    """Tells whether the environment names a file of contexts."""
    return bool(environ.get(FILE_VARIABLE))


def complete_context(incomplete: str) -> list[tuple[str, str]]:
    """Returns the contexts whose names begin so, with their regions; none of a faulty file."""
    try:
        path = contexts_file()
        # A pipe would keep whoever pressed the key waiting.
        tables = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
        found = tables.get("contexts", {})
        return [
            (name, str(values.get("region", "")))
            for name, values in found.items()
            if name.startswith(incomplete)
        ]
    except (OSError, ValueError, AttributeError):
        return []

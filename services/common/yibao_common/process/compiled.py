"""Modules that were compiled ahead of time, used in place of their sources.

`make compiled` compiles what decides bills into a folder of extension modules with a
manifest, the package `yibao_compiled`, which may be installed or not. Compiled modules call
each other past the interpreter and have constants of others in them, so all are used or none,
and only where every source of the packages is, byte for byte, what was compiled: a service
never decides by something else than the sources that lie there.
"""

import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from pathlib import Path
from types import ModuleType

# Set to anything, it has the sources used, compiled or not.
PURE_VARIABLE = "YIBAO_PURE_PYTHON"
PACKAGE = "yibao_compiled"
MANIFEST = "manifest.json"
# What is compiled lies in the first two; all three tell it types and constants.
SOURCE_PACKAGES = ("yibao_common", "yibao_settlement", "yibao")


@dataclass(frozen=True, slots=True)
class Compiled:
    """How many compiled modules this process uses, or why it uses none of those installed."""

    modules: int = 0
    problem: str = ""


class _Finder:
    """Finds the modules of the manifest as extension modules."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Returns how a compiled module is loaded, None for any other."""
        file = self._files.get(fullname)
        if file is None:
            return None
        loader = ExtensionFileLoader(fullname, str(file))
        return importlib.util.spec_from_file_location(fullname, file, loader=loader)


_found = Compiled()


def compiled_modules() -> Compiled:
    """Returns what this process found as it started."""
    return _found


def use_compiled(environ: Mapping[str, str] = os.environ) -> Compiled:
    """Has modules that are imported from now on come compiled, where they are of these sources.

    To be called before any of them is imported.
    """
    global _found
    if environ.get(PURE_VARIABLE):
        return _found
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return _found
    _found = _use(Path(spec.origin).parent)
    return _found


def _use(folder: Path) -> Compiled:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        files = {name: folder / file for name, file in manifest["files"].items()}
        tag, digest = manifest["python"], manifest["sources_sha256"]
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        return Compiled(problem=f"{folder / MANIFEST} cannot be read: {error!r}")
    if tag != sys.implementation.cache_tag:
        return Compiled(problem=f"{folder} is for {tag} and not {sys.implementation.cache_tag}")
    if not all(file.is_file() for file in files.values()):
        return Compiled(problem=f"{folder} lacks files of its manifest")
    try:
        is_of_these = digest == sources_sha256()
    except (OSError, ModuleNotFoundError) as error:
        return Compiled(problem=f"sources cannot be compared with {folder}: {error}")
    if not is_of_these:
        return Compiled(problem=f"{folder} was compiled from other sources than those installed")
    loaded = sorted(set(files) & set(sys.modules))
    if loaded:
        return Compiled(problem=f"{loaded[0]} was imported before")
    sys.meta_path.insert(0, _Finder(files))
    # One of the files is what all others share.
    return Compiled(len(files) - 1)


def sources_sha256() -> str:
    """Returns the digest of all sources that compiled modules can depend on, as hexadecimals.

    Raises ModuleNotFoundError where one of the packages is not installed.
    """
    digest = hashlib.sha256()
    for package in SOURCE_PACKAGES:
        for name, path in _sources(package):
            source = path.read_bytes()
            digest.update(f"{package}/{name} {len(source)}\n".encode())
            digest.update(source)
    return digest.hexdigest()


def _sources(package: str) -> Iterator[tuple[str, Path]]:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"no package {package}")
    top = Path(spec.origin).parent
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(each for each in folders if each != "__pycache__")
        for file in sorted(files):
            if file.endswith((".py", ".pyi")):
                path = Path(folder, file)
                yield path.relative_to(top).as_posix(), path

"""Compiles the modules of `modules.txt` with mypyc, from the sources as they stand."""

import contextlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from mypyc.build import mypycify
from setuptools import Distribution
from setuptools.command.build_ext import build_ext

from compiled.listed import GROUP, ROOT, names_listed
from yibao_common.process.compiled import MANIFEST, sources_sha256

_PARTS = {"yibao_common": "services/common", "yibao_settlement": "services/settlement"}
_SOURCE_OF_PACKAGE = '"""Modules of yibao compiled ahead of time; `yibao_common` uses them."""\n'


def build(folder: Path) -> int:
    """Puts extension modules and manifest in place of a folder; returns how many modules.

    Raises SystemExit where mypy finds a fault, or the sources were changed meanwhile;
    distutils' errors where there is no compiler.
    """
    names = names_listed()
    digest = sources_sha256()
    with tempfile.TemporaryDirectory(prefix="yibao-compiled-") as made:
        scratch = Path(made)
        package = scratch / "package"
        package.mkdir()
        files = _compile(_extensions(names, scratch / "c"), scratch, package)
        if sources_sha256() != digest:
            raise SystemExit("sources were changed while they were compiled: run it again")
        (package / "__init__.py").write_text(_SOURCE_OF_PACKAGE, encoding="utf-8")
        manifest = {
            "python": sys.implementation.cache_tag,
            "sources_sha256": digest,
            "files": files,
        }
        text = json.dumps(manifest, indent=1) + "\n"
        (package / MANIFEST).write_text(text, encoding="utf-8")
        _replace(folder, package)
    return len(names)


def _extensions(names: list[str], c_files: Path) -> list[Any]:
    """Writes the modules in C; returns extensions as setuptools or distutils have them."""
    paths = [f"{_PARTS[name.partition('.')[0]]}/{name.replace('.', '/')}.py" for name in names]
    with contextlib.chdir(ROOT):
        return mypycify(
            ["--config-file=pyproject.toml", *paths],
            opt_level="2",
            debug_level="0",
            multi_file=True,
            target_dir=str(c_files),
            group_name=GROUP,
        )


def _compile(extensions: list[Any], scratch: Path, package: Path) -> dict[str, str]:
    """Compiles what was written in C; returns the file of each module in the package."""
    command = build_ext(Distribution({"ext_modules": extensions}))
    command.build_lib, command.build_temp = str(scratch / "lib"), str(scratch / "o")
    command.parallel = os.cpu_count()
    command.ensure_finalized()
    with contextlib.chdir(scratch):
        command.run()
    files: dict[str, str] = {}
    for extension in extensions:
        made = Path(command.get_ext_fullpath(extension.name))
        files[extension.name] = extension.name + "".join(made.suffixes)
        shutil.copyfile(made, package / files[extension.name])
    return files


def _replace(folder: Path, package: Path) -> None:
    """Puts a new package in place of an old one, never a part of it."""
    new, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    for each in (new, old):
        shutil.rmtree(each, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(package, new)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)

"""Puts into the wheel what `make compiled` made in the environment that builds it."""

import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

from yibao_common.process.compiled import PACKAGE


class CompiledHook(BuildHookInterface):  # type: ignore[type-arg]  # its configuration is unused
    """Adds the package, for this Python and this kind of machine alone."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Names what to include; `make` has seen to it that it is of the sources."""
        made = Path(sysconfig.get_path("platlib")) / PACKAGE
        licence = Path(self.root).parent / "LICENSE"
        build_data["force_include"].update({str(made): PACKAGE, str(licence): f"{PACKAGE}/LICENSE"})
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

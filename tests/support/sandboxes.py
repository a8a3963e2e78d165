"""Folders of sandboxes that hold keys from before: encrypting them takes seconds on purpose."""

import shutil
from pathlib import Path

import pytest

from yibao_cli.sandbox import claim_folder
from yibao_cli.sandbox_keys import make_keys
from yibao_common.values.clock import system_clock


@pytest.fixture(scope="session")
def sandbox_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a sandbox that holds keys alone, to be copied."""
    folder = tmp_path_factory.mktemp("keys") / "sandbox"
    claim_folder(folder, keep_data=False).close()
    make_keys(folder / "keys", now=system_clock())
    return folder


@pytest.fixture
def sandbox_folder(sandbox_keys: Path, tmp_path: Path) -> Path:
    """Returns a sandbox of the test's own, for a `Stack` to run in."""
    return Path(shutil.copytree(sandbox_keys, tmp_path / "sandbox"))

"""A COSE library for Node.js verifies what we sign, with none of our code.

Installs it into a folder of the test. Where that cannot be done the test is skipped, but
never in CI (the environment says CI=true): there it fails.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.signed_samples import samples

SCRIPTS = Path(__file__).parent / "js"
INSTALL = "install --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error"


def unable(why: str) -> None:
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"CI must be able to run this: {why}")
    pytest.skip(why)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("js")
    for script in SCRIPTS.iterdir():
        if script.is_file():
            shutil.copy(script, folder)
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        unable("Node.js and npm are not installed")
    assert npm is not None
    try:
        done = subprocess.run(
            [npm, *INSTALL.split()], cwd=folder, capture_output=True, text=True, timeout=180
        )
    except subprocess.TimeoutExpired:
        unable("npm did not end in time")
    else:
        if done.returncode:
            unable(f"npm cannot install: {done.stderr.strip()[-300:]}")
    return folder


def test_a_library_for_node_verifies_every_kind_of_message(installed: Path) -> None:
    asked = [
        {"name": each.name, "message": each.message.hex(), "key": each.jwk} for each in samples()
    ]
    done = subprocess.run(
        ["node", "verify.mjs"],
        cwd=installed,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    assert answers == [
        {
            "name": each.name,
            "isVerified": each.is_good,
            "algorithm": each.algorithm,
            "labels": list(each.labels),
            "payload": each.content.hex(),
        }
        for each in samples()
    ]
    assert {answer["isVerified"] for answer in answers} == {True, False}

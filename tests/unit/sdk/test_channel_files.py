"""Files of a channel that are none: a pipe, or one without an end."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from yibao._channel_files import ChannelFiles
from yibao.client import secure_channel
from yibao_common.keys.dev_ca import Leaf, issue_dev_certificates

NAMES = {"ca_file": "ca.pem", "certificate_file": "hospital.pem", "key_file": "hospital.key"}
IN_TIME = 10.0


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    issue_dev_certificates(tmp_path, [Leaf("hospital", "institution/H50011200001")])
    return {name: tmp_path / file for name, file in NAMES.items()}


def put_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def within_time(act: Any) -> list[Any]:
    """Returns what `act` returned or raised; nothing where it still waits."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(act())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(IN_TIME)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_channel_is_not_opened_with_a_pipe(files: dict[str, Any], name: str) -> None:
    put_a_pipe(files[name])
    (error,) = within_time(lambda: secure_channel("localhost:1", **files))
    assert isinstance(error, OSError)
    assert "it is a pipe or a device" in str(error)
    assert str(files[name]) in str(error)


@pytest.mark.parametrize("name", NAMES)
def test_a_pipe_in_place_of_a_file_holds_nobody_up(files: dict[str, Any], name: str) -> None:
    told: list[str] = []
    seconds = iter(range(0, 100, 2))
    channel_files = ChannelFiles(**files, monotonic=lambda: next(seconds), tell=told.append)
    former = channel_files.credentials
    put_a_pipe(files[name])
    assert within_time(channel_files.refresh) == [False]
    assert within_time(channel_files.refresh) == [False]
    assert channel_files.credentials is former
    (problem,) = told
    assert "it is a pipe or a device" in problem


def test_a_file_without_an_end_is_not_read_to_it(files: dict[str, Any]) -> None:
    with files["ca_file"].open("r+b") as file:
        file.truncate(1 << 40)
    (error,) = within_time(lambda: secure_channel("localhost:1", **files))
    assert isinstance(error, OSError)
    assert "it has over 4000000 bytes" in str(error)

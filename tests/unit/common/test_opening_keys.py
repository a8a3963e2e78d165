"""What keeps a process from opening its keys, told by the setting and not by each key."""

from pathlib import Path

import pytest

from yibao_common.keys.opening import KeysConfig, open_key_store
from yibao_common.process.config import StartError


@pytest.fixture
def passphrase_file(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text("correct horse", encoding="utf-8")
    return path


def test_a_file_in_place_of_the_folder_is_told_as_such(
    tmp_path: Path, passphrase_file: Path
) -> None:
    config = KeysConfig(folder=passphrase_file, passphrase_file=passphrase_file)
    with pytest.raises(StartError, match=r"keys\.folder .*passphrase: is no folder"):
        open_key_store(config)
    # One that is not there yet is made with its first key.
    later = KeysConfig(folder=tmp_path / "later", passphrase_file=passphrase_file)
    assert open_key_store(later).find(bytes(32)) is None

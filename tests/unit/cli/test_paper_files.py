"""Papers that are saved to a file."""

import errno
from pathlib import Path

import pytest

from yibao_cli.paper import _new_file
from yibao_common.process.config import StartError


def test_a_file_that_does_not_hold_the_paper_is_told_and_does_not_stay(tmp_path: Path) -> None:
    file = tmp_path / "lease.pdf"

    def save() -> None:
        with _new_file(file) as stream:
            stream.write(b"%PDF-")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StartError, match="cannot be written: No space"):
        save()
    assert not file.exists()


def test_a_saved_paper_is_its_owners_alone_and_takes_no_other_files_place(tmp_path: Path) -> None:
    file = tmp_path / "lease.pdf"
    with _new_file(file) as stream:
        stream.write(b"%PDF-")
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"%PDF-", 0o600)
    with pytest.raises(StartError, match="cannot be made"), _new_file(file):
        pass
    assert file.read_bytes() == b"%PDF-"

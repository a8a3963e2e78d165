"""Files that commands write are whole, or as they were before."""

import os
import stat
from pathlib import Path

import pytest

from yibao_cli.whole_file import whole_csv, whole_file
from yibao_common.process.config import StartError


def test_a_file_is_replaced_once_all_of_it_is_there(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("former")
    file.chmod(0o640)
    with whole_csv(file) as stream:
        stream.write("诊断\n")
        stream.flush()
        assert file.read_text() == "former"
    assert file.read_bytes() == b"\xef\xbb\xbf" + "诊断\n".encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("broken", [RuntimeError, KeyboardInterrupt, BrokenPipeError])
def test_what_breaks_off_leaves_what_was_there(tmp_path: Path, broken: type[BaseException]) -> None:
    file = tmp_path / "list.csv"
    file.write_text("former")

    def write_half() -> None:
        with whole_file(file, encoding="utf-8") as stream:
            stream.write("half")
            raise broken

    with pytest.raises(broken):
        write_half()
    assert file.read_text() == "former"
    assert list(tmp_path.iterdir()) == [file]


def test_a_disk_that_is_full_is_told_with_the_files_name(tmp_path: Path) -> None:
    file = tmp_path / "full"
    file.symlink_to("/dev/full")
    told = "full: cannot be written: No space left on device"
    with pytest.raises(StartError, match=told), whole_file(file, encoding="utf-8") as stream:
        stream.write("x")
    folder = tmp_path / "none" / "list.csv"
    with (
        pytest.raises(StartError, match=r"list\.csv: cannot be written: No such file"),
        whole_file(folder, encoding="utf-8"),
    ):
        pass


def test_a_link_stays_one_and_a_pipe_is_written_straight_away(tmp_path: Path) -> None:
    meant = tmp_path / "meant"
    link = tmp_path / "link"
    meant.write_text("former")
    link.symlink_to(meant)
    with whole_file(link, encoding="utf-8") as stream:
        stream.write("new")
    assert link.is_symlink()
    assert meant.read_text() == "new"

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with whole_file(pipe, encoding="utf-8") as stream:
            stream.write("through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)

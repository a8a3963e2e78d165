import io
import os
import time
from pathlib import Path

import pytest

from yibao_common.keys.dev_ca import Leaf, issue_dev_certificates
from yibao_common.process.config import LogConfig
from yibao_common.process.logs import Log, open_log
from yibao_common.rpc.tls import FileError, RevokedSerials, ServerFiles, Watched
from yibao_common.values.clock import system_clock


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def lines() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(lines: io.StringIO) -> Log:
    return open_log(LogConfig(), service="test", clock=system_clock, stream=lines)


def test_serials_are_read_in_the_forms_that_tools_print(tmp_path: Path, log: Log) -> None:
    path = tmp_path / "revoked"
    path.write_text("# comment\n\n0AFF  # lost\n0x10\nab:cd:EF\n")
    revoked = RevokedSerials(path, monotonic=Time(), log=log)
    assert [revoked.covers(serial) for serial in (0x0AFF, 0x10, 0xABCDEF, 10)] == [
        True,
        True,
        True,
        False,
    ]


def test_a_serial_added_later_counts_within_a_second(tmp_path: Path, log: Log) -> None:
    path, time = tmp_path / "revoked", Time()
    path.write_text("01\n")
    revoked = RevokedSerials(path, monotonic=time, log=log)
    path.write_text("01\n02\n")
    time.now += 0.9
    assert not revoked.covers(2)
    time.now += 0.2
    assert revoked.covers(2)


def test_a_faulty_list_is_told_once_and_the_last_good_one_stays(
    tmp_path: Path, log: Log, lines: io.StringIO
) -> None:
    path, time = tmp_path / "revoked", Time()
    path.write_text("01\n")
    revoked = RevokedSerials(path, monotonic=time, log=log)
    path.write_text("01\nnonsense\n")
    for _ in range(3):
        time.now += 2
        assert revoked.covers(1)
    assert lines.getvalue().count("is no serial number") == 1
    path.unlink()
    time.now += 2
    assert revoked.covers(1)
    path.write_text("02\n")
    time.now += 2
    assert revoked.covers(2)
    assert not revoked.covers(1)
    # Meant or not, it is told.
    (told,) = [line for line in lines.getvalue().splitlines() if "revocations taken back" in line]
    assert '"serials": 1' in told


def test_a_list_that_is_faulty_or_absent_at_start_refuses(tmp_path: Path, log: Log) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        RevokedSerials(tmp_path / "none", monotonic=Time(), log=log)
    (tmp_path / "bad").write_text("01\nxyz\n")
    with pytest.raises(FileError, match="bad:2: is no serial number"):
        RevokedSerials(tmp_path / "bad", monotonic=Time(), log=log)


def test_a_change_of_the_same_size_and_second_is_seen(tmp_path: Path, log: Log) -> None:
    path = tmp_path / "file"
    path.write_text("a")
    watched = Watched((path,), path.read_text, log=log)
    assert not watched.refresh()
    other = tmp_path / "other"
    other.write_text("b")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    assert watched.refresh()
    assert watched.value == "b"


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("server.pem", "server.pem: holds no certificates"),
        ("server.key", "server.key: is not a private key"),
        ("ca.pem", "ca.pem: holds no certificates"),
    ],
)
def test_credentials_that_cannot_be_used_refuse_to_start(
    tmp_path: Path, log: Log, damage: str, problem: str
) -> None:
    issue_dev_certificates(tmp_path, [Leaf("server", "service/x", is_server=True)])
    (tmp_path / damage).write_text("damaged")
    files = [tmp_path / name for name in ("server.pem", "server.key", "ca.pem")]
    with pytest.raises(FileError, match=problem):
        ServerFiles(*files, log=log)


def test_a_key_of_another_certificate_refuses_to_start(tmp_path: Path, log: Log) -> None:
    leaves = [Leaf("server", "service/x", is_server=True), Leaf("other", "service/y")]
    issue_dev_certificates(tmp_path, leaves)
    files = [tmp_path / name for name in ("server.pem", "other.key", "ca.pem")]
    with pytest.raises(FileError, match=r"other\.key: is not the key of .*server\.pem"):
        ServerFiles(*files, log=log)


def test_a_file_that_may_be_read_now_is_seen_though_nobody_wrote_it(
    tmp_path: Path, log: Log
) -> None:
    path, allowed = tmp_path / "file", tmp_path / "allowed"
    path.write_text("a")
    allowed.write_text("")

    def load() -> str:
        if not allowed.exists():
            raise FileError("file: cannot be read")
        return path.read_text()

    watched = Watched((path,), load, log=log)
    allowed.unlink()
    path.write_text("b")
    assert not watched.refresh()
    allowed.write_text("")
    time.sleep(0.01)
    path.chmod(0o640)
    assert watched.refresh()
    assert watched.value == "b"


def test_what_is_refused_for_a_while_is_taken_after_it_and_told_once(
    tmp_path: Path, log: Log, lines: io.StringIO
) -> None:
    path, faults = tmp_path / "file", list[FileError]()
    path.write_text("a")

    def load() -> str:
        if faults:
            raise faults.pop()
        return path.read_text()

    watched = Watched((path,), load, log=log)
    faults += [FileError("holds from later only")] * 3
    path.write_text("bc")
    assert [watched.refresh() for _ in range(4)] == [False, False, False, True]
    assert watched.value == "bc"
    assert lines.getvalue().count("files refused") == 1

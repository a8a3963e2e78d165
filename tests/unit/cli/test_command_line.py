"""The `yibao` command: quick to answer, plain when something is wrong."""

import os
import signal
import stat
import struct
import subprocess
import sys
import tomllib
import zlib
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import pytest
from support.former_policies import former_policy
from typer.testing import CliRunner

from yibao_cli.main import app
from yibao_cli.persons_csv import REQUIRED_COLUMNS

ROOT = Path(__file__).parents[3]
# Of the format `yibao-policy/1`.
POLICY = former_policy("500112")


def test_the_command_line_itself_loads_nothing_of_the_services() -> None:
    heavy = ("grpc", "sqlalchemy", "cryptography", "yibao_common")
    code = f"import sys, yibao_cli.main; print([name for name in {heavy} if name in sys.modules])"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert finished.stdout.strip() == b"[]"


def test_the_core_of_grpc_says_nothing_beside_the_command() -> None:
    code = "import os, yibao_cli.main; print(os.environ['GRPC_VERBOSITY'])"
    environment = {key: value for key, value in os.environ.items() if key != "GRPC_VERBOSITY"}
    finished = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=True
    )
    assert finished.stdout.strip() == b"NONE"


def test_every_command_is_listed() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output
    for name in (
        "up",
        "demo",
        "doctor",
        "call",
        "statement",
        "db",
        "qr",
        "policy",
        "persons",
        "keys",
    ):
        assert f" {name} " in shown


@pytest.mark.skipif(not list(Distribution.discover(name="yibao-server")), reason="not installed")
def test_the_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert CliRunner().invoke(app, ["--version"]).output.strip() == project["version"]


def test_a_good_policy_is_described() -> None:
    result = CliRunner().invoke(app, ["policy", "check", str(POLICY)])
    assert result.exit_code == 0
    assert "region 500112, insurance type 390" in result.output
    assert "steps: S1, D1, P1, A1, A2" in result.output
    assert "住院起付线" in result.output
    assert "300.00 元" in result.output
    assert "Probably not meant:" in result.output
    assert "rows: no row for care_group outpatient: such bills are refused" in result.output


def test_a_policy_of_the_second_format_is_described(tmp_path: Path) -> None:
    path = ROOT / "policies" / "110000" / "employee-2023.yaml"
    result = CliRunner().invoke(app, ["policy", "check", str(path)])
    assert result.exit_code == 0
    assert "region 110000, insurance type 310" in result.output
    assert "steps: S1, D1, P1, L1, D2, P2, Z1" in result.output
    assert "职工基本医疗保险统筹基金（310100）对 D1 起付以上部分 " in result.output
    assert "fund 310100 pays of the rest of D1, " in result.output
    wrong = tmp_path / "policy.yaml"
    wrong.write_text(path.read_text(encoding="utf-8").replace("window: year", "window: age"))
    result = CliRunner().invoke(app, ["policy", "check", str(wrong)])
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert [line.startswith(f"{wrong}:") for line in lines[::2]] == [True] * 3
    assert [line.startswith("    应为") for line in lines[1::2]] == [True] * 3


def test_a_policy_of_before_is_converted(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["policy", "convert", str(POLICY), "--by-stay"])
    assert result.exit_code == 0
    path = tmp_path / "policy.yaml"
    path.write_text(result.output, encoding="utf-8")
    checked = CliRunner().invoke(app, ["policy", "check", str(path)])
    assert checked.exit_code == 0
    assert "D1 住院起付线：" in checked.output
    assert "每次住院起付 300 元" in checked.output


def test_an_open_question_of_a_conversion_is_told(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    text = POLICY.read_text(encoding="utf-8")
    capped = text.replace(
        "- threshold_fen: 300_000", "- threshold_fen: 300_000\n          cap_fen: 1"
    )
    path.write_text(
        capped.replace("[P1.paid, A1.paid]}", "[P1.paid, A1.paid]}\n      cap_basis: per_year")
    )
    asked = CliRunner().invoke(app, ["policy", "convert", str(path)])
    assert asked.exit_code == 1
    assert "A2: its cap of the year counted A1.paid too" in asked.stderr
    decided = CliRunner().invoke(app, ["policy", "convert", str(path), "--cap", "A2=own"])
    assert decided.exit_code == 0
    assert "limits: [A2.paid]" in decided.output
    slip = CliRunner().invoke(app, ["policy", "convert", str(path), "--cap", "A2=all"])
    assert (slip.exit_code, slip.stderr.count("\n")) == (2, 1)
    assert "--cap A2=all: expected STEP=own or STEP=fund" in slip.stderr


def test_every_mistake_of_a_policy_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    text = POLICY.read_text(encoding="utf-8")
    path.write_text(text.replace("700_000", "7_000_000").replace("basis: per_bill", "basis: x"))
    result = CliRunner().invoke(app, ["policy", "check", str(path)])
    assert result.exit_code == 1
    told = result.stderr.splitlines()
    assert len(told) == 6
    assert all(line.startswith(f"{path}:") for line in told[::2])
    assert all(line.startswith("    应为") for line in told[1::2])


@pytest.mark.parametrize(
    "arguments",
    [
        ["policy", "check", "nothing.yaml"],
        ["db", "upgrade", "--config", "nothing.toml"],
        ["up", "--folder", __file__],
    ],
)
def test_a_file_of_no_use_is_told_in_a_sentence(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert arguments[-1] in result.stderr
    assert "Traceback" not in result.output


def test_a_code_is_drawn() -> None:
    result = CliRunner().invoke(app, ["qr", "show", "MI1-ABC"])
    assert result.exit_code == 0
    assert "█▀▀▀▀▀█" in result.output


FILES = ("--ca", "ca.pem", "--cert", "c.pem", "--key", "c.key")
PERSONS = ("persons", "import", "persons.csv", "--region", "500112", "--address", "h:1", *FILES)
GOOD_PERSONS = ("persons", "import", "good.csv", *PERSONS[3:])
CREDITS = ("account", "credit", "good.csv", *PERSONS[3:], "--report")
MAPPINGS = ("mapping", "upload", "good.csv", *PERSONS[3:], "--report")
CEILINGS = (
    *("catalogue", "import", "good.csv", *PERSONS[3:], "--layer", "ceiling"),
    *("--start-date", "2026-12-01", "--report"),
)
SLIPS = (
    (("qr", "show", "x" * 5_000), "too long for a QR code"),
    (("qr", "show", ""), "give the text of a code"),
    (("qr", "scan", "folder"), "folder: cannot be read: Is a directory"),
    (("qr", "scan", "nothing.png"), "nothing.png: cannot be read: No such file"),
    (("qr", "scan", "huge.png"), "huge.png has more than 4,000,000 pixels"),
    (("qr", "scan", "cut.png"), "cut.png: cannot be read: the picture is damaged"),
    ((*PERSONS, "--encoding", "utf-16"), "persons.csv: is not in the encoding"),
    ((*GOOD_PERSONS, "--report", "good.csv"), "--report good.csv: is the file of the persons"),
    ((*GOOD_PERSONS, "--report", "folder"), "--report folder: is a directory"),
    # What is sent is done by the time that a report is written.
    ((*GOOD_PERSONS, "--report", "no/r.csv"), "--report no/r.csv: there is no folder"),
    ((*CREDITS, "good.csv"), "--report good.csv: is the file of the credits"),
    ((*CREDITS, "no/r.csv"), "--report no/r.csv: there is no folder"),
    ((*MAPPINGS, "good.csv"), "--report good.csv: is the file of the mappings"),
    ((*MAPPINGS, "folder"), "--report folder: is a directory"),
    ((*CEILINGS, "good.csv"), "--report good.csv: is the file of the rows"),
    ((*CEILINGS, "no/r.csv"), "--report no/r.csv: there is no folder"),
    ((*GOOD_PERSONS, "--report", "pipe"), "--report pipe: is a pipe or a device, and no file"),
    (("persons", "import", "pipe", *PERSONS[3:]), "pipe: is no regular file"),
    # A folder's own name, and none at all, have no other one beside them.
    (("persons", "import", "", *PERSONS[3:]), ".: cannot be read: Is a directory"),
    (("persons", "import", "/", *PERSONS[3:]), "/: cannot be read: Is a directory"),
    ((*GOOD_PERSONS, "--report", ""), "--report .: is a directory"),
    (("policy", "check", "/dev/zero"), "/dev/zero: is another file: it has over"),
    (("call", "GetVisit", "{}", "--address", "h:1", *FILES, "--timeout", "nan"), "--timeout"),
    (("call", "GetVisit", "{}", "--address", "h:1", *FILES, "--timeout", "0"), "--timeout"),
    (("call", "GetVisit", "", "--address", "h:1", *FILES), "the request is no JSON: "),
    (("call", "GetVisit", "{}", "--address", "https://h:1", *FILES), "must be host:port"),
    (("call", "GetVisit", "{}", "--address", "::1", *FILES), "must be host:port"),
    (("keys", "root", "verify", "persons.csv"), "persons.csv: not a root document"),
)


def picture(*, side: int) -> bytes:
    """Returns a PNG whose head promises `side` by `side` pixels, and that has none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return b"".join(
            (struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(kind + data)))
        )

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(("arguments", "told"), SLIPS, ids=[" ".join(s[0])[:40] for s in SLIPS])
def test_a_slip_of_who_types_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "folder").mkdir()
    (tmp_path / "persons.csv").write_text("certificate_type\n01\n")
    (tmp_path / "good.csv").write_text(",".join(REQUIRED_COLUMNS))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "huge.png").write_bytes(picture(side=100_000))
    (tmp_path / "cut.png").write_bytes(picture(side=100))
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert told in result.output
    assert (tmp_path / "good.csv").read_text() == ",".join(REQUIRED_COLUMNS)


def run_in_a_process(*arguments: str | bytes, **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "yibao_cli.main", *arguments]
    return subprocess.run(command, stderr=subprocess.PIPE, check=False, **options)


@pytest.mark.parametrize("command", [("review", "list", "--region"), ("call", "GetVisit")])
def test_arguments_of_a_terminal_in_another_encoding_are_told(command: tuple[str, ...]) -> None:
    ended = run_in_a_process(*command, "统筹区".encode("gb18030"))
    assert ended.returncode == 2
    assert (
        ended.stderr
        == f"argument {len(command) + 1} is not in UTF-8: set the terminal to it\n".encode()
    )


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "latin-1"])
def test_what_a_terminal_cannot_show_is_left_out(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    ended = run_in_a_process(
        *("policy", "check", str(POLICY)), env=environment, stdout=subprocess.PIPE
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"region 500112" in ended.stdout


@pytest.mark.parametrize(
    "command", [("--version",), ("policy", "check", str(POLICY)), ("qr", "--help")]
)
def test_output_that_a_full_disk_does_not_take_is_told(command: tuple[str, ...]) -> None:
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode), "somebody wrote a file in its place"
    with open("/dev/full", "wb") as full:
        ended = run_in_a_process(*command, stdout=full)
    assert ended.returncode == 2
    assert b"No space left on device" in ended.stderr
    assert b"Traceback" not in ended.stderr
    assert b"Exception ignored" not in ended.stderr


def test_a_closed_stdout_is_no_fault() -> None:
    ended = run_in_a_process("--version", preexec_fn=lambda: os.close(1))
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_output_that_nobody_reads_to_its_end_is_no_fault() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as gone:
        ended = run_in_a_process("--version", stdout=gone)
    assert (ended.returncode, ended.stderr) == (1, b"")


def test_a_stdin_without_end_is_refused_and_not_cut() -> None:
    command = ("call", "GetVisit", "-", "--address", "h:1", *FILES)
    ended = run_in_a_process(*command, input=b'{"visit_id": "v"}' + b" " * 4_000_000)
    assert (ended.returncode, ended.stderr) == (2, b"stdin holds over 4000000 bytes\n")


@pytest.mark.parametrize(
    "command",
    [
        ("call", "GetVisit", "-", "--address", "h:1", *FILES),
        ("qr", "verify", "-", "--snapshot", "s", "--root", str(POLICY)),
    ],
)
def test_a_closed_stdin_is_told(command: tuple[str, ...]) -> None:
    ended = run_in_a_process(*command, preexec_fn=lambda: os.close(0))
    assert (ended.returncode, ended.stderr) == (2, b"stdin is closed\n")


def test_who_interrupts_it_while_it_is_made_gets_no_traceback() -> None:
    program = """
import os, signal, typer.main
signal.signal(signal.SIGINT, signal.default_int_handler)
typer.main.get_command = lambda app: os.kill(os.getpid(), signal.SIGINT)
from yibao_cli.start import main
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_who_interrupts_it_while_it_loads_gets_no_traceback() -> None:
    interrupted = """
import os, signal, sys

class Interrupts:
    def find_spec(self, name, path, target=None):
        if name == "yibao_cli.main":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupts())
from yibao_cli.start import main
main()
"""
    # Whoever runs the tests in the background may ignore it, which a process inherits.
    heard = f"import signal; signal.signal(2, signal.default_int_handler)\n{interrupted}"
    done = subprocess.run([sys.executable, "-c", heard], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
    ignored = f"import signal; signal.signal(2, signal.SIG_IGN)\n{interrupted}"
    told = [sys.executable, "-c", ignored, "version"]
    done = subprocess.run(told, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("yibao")

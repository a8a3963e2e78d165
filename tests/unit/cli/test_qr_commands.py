"""`yibao qr`: codes drawn, kept fresh, read from pictures and verified."""

import datetime as dt
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import segno
from PIL import Image
from rich.console import Console, ConsoleDimensions
from support.presentation_minting import (
    CERTIFICATE_ID,
    CHALLENGE,
    HELD_LISTS,
    device_snapshot,
    showing,
)
from support.roots import make_root
from support.token_minting import NOW, SUBJECT, Message, payload, public_key
from typer.testing import CliRunner

from yibao_cli.main import app
from yibao_cli.qr import reader, scan, watch
from yibao_cli.qr.drawing import draw
from yibao_cli.qr.verify import run_verify

CODE = Message(payload()).text()
PRESENTATION = showing().text()


def picture(text: str, path: Path, *, scale: int = 3, **colours: str) -> Path:
    code = segno.make(text, error="m", boost_error=False)
    code.save(str(path), kind="png", scale=scale, **colours)
    return path


def consoles() -> tuple[Console, Console]:
    return tuple(Console(file=io.StringIO(), width=200) for _ in range(2))  # type: ignore[return-value]


def told(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("text", [CODE, PRESENTATION], ids=["mode A", "mode B"])
def test_a_picture_is_read(text: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["qr", "scan", str(picture(text, tmp_path / "code.png"))])
    assert (result.exit_code, result.stdout) == (0, text + "\n")


def test_a_picture_with_a_transparent_ground_is_read(tmp_path: Path) -> None:
    path = picture(CODE, tmp_path / "code.png", light=None)  # type: ignore[arg-type]
    assert CliRunner().invoke(app, ["qr", "scan", str(path)]).stdout == CODE + "\n"


def test_of_two_codes_one_is_read(tmp_path: Path) -> None:
    with Image.open(picture(CODE, tmp_path / "one.png")) as one:
        side = Image.new("L", (one.width * 2 + 40, one.height), 255)
        side.paste(one, (0, 0))
        side.paste(one, (one.width + 40, 0))
    side.save(tmp_path / "two.png")
    assert CliRunner().invoke(app, ["qr", "scan", str(tmp_path / "two.png")]).stdout == CODE + "\n"


def no_code(path: Path) -> None:
    Image.new("L", (300, 300), 255).save(path)


def micro_code(path: Path) -> None:
    segno.make_micro("12345").save(str(path), kind="png", scale=4)


def a_jpeg(path: Path) -> None:
    Image.new("L", (300, 300), 255).save(path, format="JPEG")


def too_many_pixels(path: Path) -> None:
    Image.new("1", (2001, 2000), 1).save(path)


def cut_short(path: Path) -> None:
    picture(CODE, path)
    path.write_bytes(path.read_bytes()[:200])


def no_picture(path: Path) -> None:
    path.write_text("MI1-")


def nothing(_path: Path) -> None:
    """Leaves the path without a file."""


@pytest.mark.parametrize(
    ("make", "code", "message"),
    [
        (no_code, 1, "no QR code"),
        (micro_code, 1, "no QR code"),
        (a_jpeg, 2, "not a PNG"),
        (too_many_pixels, 2, "4,000,000 pixels"),
        (cut_short, 2, "code.png"),
        (no_picture, 2, "not a PNG"),
        (nothing, 2, "No such file"),
    ],
)
def test_a_picture_of_no_use_is_told_in_a_sentence(
    make: Callable[[Path], None], code: int, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "code.png"
    make(path)
    result = CliRunner().invoke(app, ["qr", "scan", str(path)])
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_picture_of_just_four_million_pixels_is_read(tmp_path: Path) -> None:
    paper = Image.new("L", (2000, 2000), 255)
    with Image.open(picture(CODE, tmp_path / "small.png")) as code:
        paper.paste(code, (100, 100))
    paper.save(tmp_path / "code.png")
    result = CliRunner().invoke(app, ["qr", "scan", str(tmp_path / "code.png")])
    assert (result.exit_code, result.stdout) == (0, CODE + "\n")


def test_a_file_too_large_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "code.png"
    with path.open("wb") as file:
        file.truncate(reader.MAX_FILE_BYTES + 1)
    result = CliRunner().invoke(app, ["qr", "scan", str(path)])
    assert result.exit_code == 2
    assert "larger than 16 MiB" in result.stderr


def test_a_reader_that_hangs_is_ended(tmp_path: Path) -> None:
    out, err = consoles()
    path = picture(CODE, tmp_path / "code.png")
    assert scan.run_scan(out, err, path, seconds=0.001) == 2
    assert "within 0.001 s" in told(err)


def test_without_the_extra_the_reader_says_what_to_install(tmp_path: Path) -> None:
    program = (
        "import sys, importlib.util as u; find = u.find_spec;"
        "u.find_spec = lambda name, *a: None if name == 'zxingcpp' else find(name, *a);"
        "sys.argv = ['reader', 'code.png'];"
        "from yibao_cli.qr.reader import main; sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == reader.NO_READER
    assert "zxing-cpp and pillow" in done.stderr


def verified(text: str, tmp_path: Path, *, challenge: str = "", lists: bool = True) -> str:
    """Returns what the command says of a code, on stdout or stderr."""
    (tmp_path / "root-1.cose").write_bytes(make_root([public_key("trust")]))
    (tmp_path / "trust.cbor").write_bytes(device_snapshot())
    (tmp_path / "list.cbor").write_bytes(HELD_LISTS[0])
    out, err = consoles()
    code = run_verify(
        out,
        err,
        text,
        snapshot_file=tmp_path / "trust.cbor",
        root_file=tmp_path / "root-1.cose",
        status_list_files=[tmp_path / "list.cbor"] if lists else [],
        audiences=[],
        challenge=challenge,
        clock=lambda: NOW + dt.timedelta(seconds=1),
    )
    assert bool(told(out)) == (code == 0)
    return told(out) or f"{code} {told(err)}"


def test_codes_of_both_modes_are_verified(tmp_path: Path) -> None:
    assert f"subject   {SUBJECT}" in verified(CODE, tmp_path)
    assert "mode      A, signed by the issuer" in verified(CODE, tmp_path)
    shown = verified(PRESENTATION, tmp_path)
    assert "mode      B, signed by the holder's phone" in shown
    assert f"device    {CERTIFICATE_ID.hex()}" in shown


def test_a_code_of_mode_b_needs_its_status_list(tmp_path: Path) -> None:
    assert verified(PRESENTATION, tmp_path, lists=False).startswith("1 stale_trust: ")


def test_a_challenge_must_be_answered(tmp_path: Path) -> None:
    answer = showing(cnonce=CHALLENGE).text()
    assert SUBJECT in verified(answer, tmp_path, challenge=CHALLENGE.hex())
    assert verified(PRESENTATION, tmp_path, challenge="00" * 8).startswith("1 wrong_audience: ")
    for wrong in ("00" * 7, "zz" * 8):
        assert verified(answer, tmp_path, challenge=wrong).startswith("2 the challenge")


@pytest.mark.parametrize(
    "arguments",
    [["show"], ["show", "--watch"], ["show", "MI1-ABC", "--watch"]],
    ids=["nothing", "no files", "both"],
)
def test_show_says_what_it_needs(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["qr", *arguments])
    assert result.exit_code == 2
    assert "Traceback" not in result.output


class Terminal:
    """A clock that sleeping turns, an issuer that counts, and what was drawn."""

    def __init__(self, *, until: float, dark_from: float = 1e9, dark_until: float = 1e9) -> None:
        self.now, self.until = 0.0, until
        self.dark_from, self.dark_until = dark_from, dark_until
        self.issued_at: list[float] = []
        self.out = Console(file=io.StringIO(), width=120, force_terminal=False)

    def issue(self) -> str:
        if self.dark_from <= self.now < self.dark_until:
            raise watch.UnreachableError
        self.issued_at.append(self.now)
        return CODE

    def sleep(self, seconds: float) -> None:
        assert 0 <= seconds <= 1
        self.now += seconds
        if self.now >= self.until:
            raise KeyboardInterrupt

    def run(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, str, int, bool]]:
        """Watches until the end; returns what was drawn when."""
        drawn: list[tuple[float, str, int, bool]] = []

        def view(qr_text: str, seconds: int, audience: str, is_reachable: bool) -> str:
            assert audience == "01301"
            drawn.append((self.now, qr_text, seconds, is_reachable))
            return qr_text

        monkeypatch.setattr(watch, "_view", view)
        with pytest.raises(KeyboardInterrupt):
            watch.watch(
                self.out,
                self.issue,
                audience="01301",
                monotonic=lambda: self.now,
                sleep=self.sleep,
            )
        return drawn


def test_a_new_code_is_drawn_every_50_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(until=120)
    drawn = terminal.run(monkeypatch)
    assert terminal.issued_at == [0, 50, 100]
    assert [each[2] for each in drawn[:52]] == [*range(50, 0, -1), 50, 49]
    assert all(text == CODE and is_reachable for _, text, _, is_reachable in drawn)


def test_without_the_service_a_code_stays_for_its_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(until=80, dark_from=40, dark_until=70)
    drawn = terminal.run(monkeypatch)
    assert terminal.issued_at == [0, 70]
    shown = {at: text for at, text, _, _ in drawn}
    assert shown[59] == CODE
    assert shown[60] == ""
    assert shown[70] == CODE
    left = {at: seconds for at, _, seconds, is_reachable in drawn if not is_reachable}
    assert (left[50], left[59]) == (10, 1)


class Window(Console):
    """A terminal whose size changes as time goes by."""

    def __init__(self) -> None:
        super().__init__(file=io.StringIO(), force_terminal=True, width=200, height=80)


@pytest.mark.parametrize("part", ["columns", "lines"])
def test_a_window_without_room_for_the_first_code_is_told(part: str) -> None:
    needed = draw(CODE)
    terminal = Terminal(until=5)
    terminal.out = Window()
    for lacking, room in ((1, False), (0, True)):
        width = needed.columns - lacking if part == "columns" else needed.columns
        height = needed.rows + 2 - lacking if part == "lines" else needed.rows + 2
        terminal.out.size = ConsoleDimensions(width, height)
        terminal.now = 0.0
        with pytest.raises((KeyboardInterrupt, watch.NoRoomError)) as ended:
            watch.watch(
                terminal.out,
                terminal.issue,
                audience="01301",
                monotonic=lambda: terminal.now,
                sleep=terminal.sleep,
            )
        assert (ended.type is KeyboardInterrupt) == room
        if not room:
            wanted = needed.columns if part == "columns" else needed.rows + 2
            assert f"the code takes {wanted} {part}" in str(ended.value)


def test_a_window_that_is_made_smaller_is_told_in_place_of_a_torn_code() -> None:
    terminal = Terminal(until=5)
    terminal.out = Window()

    def sleep(seconds: float) -> None:
        terminal.sleep(seconds)
        terminal.out.size = ConsoleDimensions(30 if terminal.now >= 3 else 200, 80)

    with pytest.raises(KeyboardInterrupt):
        watch.watch(
            terminal.out,
            terminal.issue,
            audience="01301",
            monotonic=lambda: terminal.now,
            sleep=sleep,
        )
    shown = told(terminal.out)
    before, _, after = shown.partition("Not shown:")
    assert "█▀▀▀▀▀█" in before
    assert "█▀▀▀▀▀█" not in after


def test_the_view_shows_code_and_countdown() -> None:
    console = Console(file=io.StringIO(), width=120)
    for view in (
        watch._view(CODE, 37, "01301", True),
        watch._view(CODE, 7, "01301", False),
        watch._view("", 0, "01301", False),
    ):
        console.print(view)
    shown = told(console)
    assert "█▀▀▀▀▀█" in shown
    assert "A new code in 37 s" in shown
    assert "ends in 7 s" in shown
    assert "Trying again" in shown

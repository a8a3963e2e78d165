"""Where `yibao clock` moves the time to, and which sandboxes have one that moves."""

import datetime as dt
from pathlib import Path

import pytest

from yibao_cli.regions import Region
from yibao_cli.running import clock_of
from yibao_cli.sandbox import SAMPLES_FILE, TRUST_FOLDER, Settings, claim_folder, prepare
from yibao_cli.sandbox_time import target_time
from yibao_common.commands.sandbox import CLOCK_FILE, SandboxClock, ahead_of, make_clock_file
from yibao_common.process.config import StartError
from yibao_common.values.calendar import SHANGHAI
from yibao_common.values.clock import system_clock
from yibao_common.values.ids import new_id


def shanghai(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("now", "text", "then"),
    [
        ("2026-11-29T18:00:01", "+90s", "2026-11-29T18:01:31"),
        ("2026-11-29T18:00:01", "+30min", "2026-11-29T18:30:01"),
        ("2026-11-29T18:00:01", "+6h", "2026-11-30T00:00:01"),
        ("2026-11-29T18:00:01", "+3d", "2026-12-02T18:00:01"),
        ("2026-11-29T18:00:01", "+1w", "2026-12-06T18:00:01"),
        ("2026-11-29T18:00:01", "+1mo", "2026-12-29T18:00:01"),
        # Of a month that has no such day the last one; the day is one of Asia/Shanghai.
        ("2026-08-31T00:30:00", "+6mo", "2027-02-28T00:30:00"),
        ("2027-02-28T00:30:00", "+1y", "2028-02-28T00:30:00"),
        ("2026-11-29T18:00:01", "2026-12-31T23:59", "2026-12-31T23:59:00"),
        ("2026-11-29T18:00:01", "2027-01-01", "2027-01-01T00:00:00"),
        ("2026-11-29T18:00:01", "2026-12-31T16:00:00+00:00", "2027-01-01T00:00:00"),
    ],
)
def test_a_time_is_named_from_now_or_in_shanghai(now: str, text: str, then: str) -> None:
    found = target_time(text, now=shanghai(now).astimezone(dt.UTC))
    assert found == shanghai(then)
    assert found.utcoffset() == dt.timedelta()


@pytest.mark.parametrize("text", ["", "tomorrow", "+1", "1mo", "-1mo", "+1m", "+ 1d", "+99999y"])
def test_what_names_no_time_is_told(text: str) -> None:
    with pytest.raises(StartError):
        target_time(text, now=system_clock())


def settings(*, has_movable_clock: bool) -> Settings:
    return Settings(
        addresses={},
        database_urls={},
        processes={},
        reflection=False,
        poll_seconds=1,
        log_level="info",
        has_movable_clock=has_movable_clock,
    )


def test_a_sandbox_whose_time_was_moved_starts_with_a_clock_or_anew(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    claim_folder(folder, keep_data=True).close()
    assert clock_of(folder) is system_clock
    make_clock_file(folder)
    clock = clock_of(folder)
    assert isinstance(clock, SandboxClock)
    clock.move(clock() + dt.timedelta(days=9), request_id=new_id())
    regions: list[Region] = []
    with pytest.raises(StartError, match="--clock"):
        prepare(folder, regions, settings(has_movable_clock=False))
    (folder / TRUST_FOLDER).mkdir()
    (folder / SAMPLES_FILE).touch()
    # Kept, it stays as it is; anew, nothing is left of what is still to come.
    claim_folder(folder, keep_data=True).close()
    assert ahead_of(folder) > dt.timedelta(days=8)
    claim_folder(folder, keep_data=False).close()
    for name in (CLOCK_FILE, TRUST_FOLDER, SAMPLES_FILE):
        assert not (folder / name).exists()


def test_persons_are_forgotten_before_the_databases_that_have_them(tmp_path: Path) -> None:
    """Where it is cut short in between, what is there no more is not told as loaded."""
    folder = tmp_path / "sandbox"
    claim_folder(folder, keep_data=True).close()
    make_clock_file(folder)
    (folder / SAMPLES_FILE).touch()
    stays = folder / "identity.sqlite"
    stays.mkdir()
    with pytest.raises(OSError, match=stays.name):
        claim_folder(folder, keep_data=False)
    assert not (folder / SAMPLES_FILE).exists()
    # A database of a time that was moved has its clock still.
    assert (folder / CLOCK_FILE).exists()

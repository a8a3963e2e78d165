"""A sandbox takes only folders of its own, one run at a time, and forgets on request."""

import datetime as dt
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from yibao_cli.main import app
from yibao_cli.sandbox import claim_folder
from yibao_cli.toml_text import Value, to_toml
from yibao_common.process.config import StartError


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "sandbox"
    with claim_folder(folder, keep_data=False):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_holds_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_text("money")
    with pytest.raises(StartError, match="is not a sandbox"):
        claim_folder(tmp_path, keep_data=False)
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.sqlite"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="is not a sandbox"):
        claim_folder(tmp_path / "file", keep_data=False)


def test_a_folder_in_use_is_refused_until_it_is_given_back(tmp_path: Path) -> None:
    with (
        claim_folder(tmp_path / "sandbox", keep_data=True),
        pytest.raises(StartError, match="is in use"),
    ):
        claim_folder(tmp_path / "sandbox", keep_data=True)
    claim_folder(tmp_path / "sandbox", keep_data=True).close()


@pytest.mark.parametrize("keep_data", [True, False])
def test_data_of_the_last_run_stay_only_when_kept(tmp_path: Path, keep_data: bool) -> None:
    folder = tmp_path / "sandbox"
    claim_folder(folder, keep_data=False).close()
    data = [folder / name for name in ("identity.sqlite", "identity.sqlite-wal")]
    for path in (*data, folder / "identity.toml"):
        path.write_text("x")
    claim_folder(folder, keep_data=keep_data).close()
    assert [path.exists() for path in data] == [keep_data, keep_data]
    assert (folder / "identity.toml").exists()


@pytest.mark.parametrize(("options", "kept"), [([], True), (["--fresh"], False)])
def test_up_keeps_the_data_of_the_last_run_unless_it_is_to_begin_fresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], kept: bool
) -> None:
    asked = []

    def run_up(*_: object, keep_data: bool, **__: object) -> int:
        asked.append(keep_data)
        return 0

    monkeypatch.setattr("yibao_cli.up.run_up", run_up)
    ended = CliRunner().invoke(app, ["up", "--folder", str(tmp_path), *options])
    assert ended.exit_code == 0, ended.output
    assert asked == [kept]


def test_a_configuration_reads_back_as_it_was_written() -> None:
    values: dict[str, Value] = {
        "text": 'a "quoted" \\ 医保',
        "number": 3,
        "ratio": 0.25,
        "yes": True,
        "list": ["a", "b"],
        "time": dt.datetime(2026, 11, 2, 8, 0, tzinfo=dt.UTC),
    }
    assert tomllib.loads(to_toml({"table": values, "empty": {}})) == {"table": values, "empty": {}}

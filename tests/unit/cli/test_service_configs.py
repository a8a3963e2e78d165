"""A configuration file is known by its name, else by what is in it."""

from pathlib import Path

import pytest

from yibao_cli.services import config_files, find_service
from yibao_common.process.config import ConfigError, StartError


@pytest.mark.parametrize(
    ("name", "contents", "service"),
    [
        ("identity.toml", "", "identity"),
        ("settlement.toml", "[identity]", "settlement"),
        ("prod-offsite-2.toml", "", "offsite"),
        ("config.toml", "[issuer]\n[personal_data]", "identity"),
        ("config.toml", "[identity]", "settlement"),
    ],
)
def test_the_service_of_a_file_is_found(
    tmp_path: Path, name: str, contents: str, service: str
) -> None:
    path = tmp_path / name
    path.write_text(contents)
    assert find_service(path) == service


@pytest.mark.parametrize(
    ("contents", "message"),
    [("[server]", "name it after its service"), ("[", "is not TOML"), (None, "cannot be read")],
)
def test_a_file_of_nobody_is_refused(tmp_path: Path, contents: str | None, message: str) -> None:
    path = tmp_path / "config.toml"
    if contents is not None:
        path.write_text(contents)
    with pytest.raises(ConfigError, match=message):
        find_service(path)


def test_without_files_those_of_the_sandbox_are_meant(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="there is no sandbox"):
        config_files([], sandbox=tmp_path)
    names = ["identity.toml", "settlement.toml", "offsite.toml"]
    for name in names:
        (tmp_path / name).write_text("")
    assert config_files([], sandbox=tmp_path) == [tmp_path / name for name in names]
    assert config_files([Path("x.toml")], sandbox=tmp_path) == [Path("x.toml")]

"""Which regions a sandbox serves: those that its keys sign for, however many come later."""

from pathlib import Path

import pytest

from yibao_cli.loading import read_regions
from yibao_cli.parties import SERVICES
from yibao_cli.ports import HOST
from yibao_cli.regions import Region
from yibao_cli.sandbox import Sandbox, Settings, claim_folder, prepare
from yibao_common.process.config import StartError


def made(folder: Path, regions: list[Region]) -> Sandbox:
    settings = Settings(
        addresses={name: f"{HOST}:1" for name in SERVICES},
        database_urls={},
        processes=dict.fromkeys(SERVICES, 1),
        reflection=False,
        poll_seconds=1.0,
        log_level="info",
    )
    with claim_folder(folder, keep_data=True):
        return prepare(folder, regions, settings)


def test_a_sandbox_goes_on_with_the_regions_of_its_time(tmp_path: Path) -> None:
    first, second, *_ = read_regions()
    assert made(tmp_path / "box", [first]).regions == (first,)
    later = made(tmp_path / "box", [first, second])
    assert later.regions == (first,)
    for service in ("identity", "settlement"):
        told = later.config_files[service].read_text(encoding="utf-8")
        assert f'regions = ["{first.region}"]' in told
    with pytest.raises(StartError, match=f"sign for none of {second.region}"):
        made(tmp_path / "box", [second])

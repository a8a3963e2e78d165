"""`yibao paper` against the service: handed in, shown, saved, and refused."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.databases import SqliteDatabases
from support.paper_service import PERSON, REGION, issue, serving
from support.papers import archive, pdf, png
from support.threads import in_a_thread
from typer.testing import CliRunner, Result

from yibao_cli import paper
from yibao_cli.main import app
from yibao_offsite.rules.material.parts import PART_BYTES


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """Runs the service; gives the folder of certificates and the port."""
    folder = tmp_path_factory.mktemp("paper-commands")
    issued = issue(folder)
    url = SqliteDatabases(folder).migrated_url("yibao_offsite")
    with in_a_thread(lambda: serving(issued, url, open_per_person=1)) as port:
        yield folder, port


@pytest.fixture
def run(service: tuple[Path, int]) -> Any:
    """Runs a command of `yibao paper` as a party."""
    folder, port = service

    def run_command(by: str, *words: object) -> Result:
        at = ("--address", f"localhost:{port}", "--region", REGION, "--ca", folder / "ca.pem")
        own = ("--cert", folder / f"{by}.pem", "--key", folder / f"{by}.key")
        return CliRunner().invoke(app, ["paper", *map(str, (*words, *at, *own)), "--json"])

    return run_command


def upload(run: Any, file: Path, *more: object, by: str = "agency", kind: str = "lease") -> Result:
    ended: Result = run(by, "upload", file, "--person", PERSON, "--kind", kind, *more)
    return ended


def test_a_file_is_handed_in_shown_and_saved_as_it_was(run: Any, tmp_path: Path) -> None:
    data = pdf(2 * PART_BYTES + 5)
    (tmp_path / "lease.pdf").write_bytes(data)
    ended = upload(run, tmp_path / "lease.pdf")
    assert ended.exit_code == 0, ended.output
    paper = json.loads(ended.stdout)["material"]
    assert (paper["state"], paper["part_count"]) == ("MATERIAL_STATE_NOT_SCANNED", 3)
    shown = run("agency", "show", paper["material_id"])
    assert json.loads(shown.stdout)["material"] == paper

    saved = tmp_path / "saved.pdf"
    ended = run("agency", "save", paper["material_id"], saved, "--purpose", "review")
    assert json.loads(ended.stdout) == {"file": str(saved), "size_bytes": len(data)}
    assert saved.read_bytes() == data
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    # It is not written over.
    again = run("agency", "save", paper["material_id"], saved, "--purpose", "review")
    assert again.exit_code == 2


def test_a_photo_says_when_by_whom_and_where(run: Any, tmp_path: Path) -> None:
    """O-09: and who may not read it gets no file."""
    (tmp_path / "ward.png").write_bytes(png())
    facts = ("--taken", "2026-11-28T10:00:00", "--author", "王芳", "--place", "三楼12床")
    ended = upload(run, tmp_path / "ward.png", *facts, by="auditor", kind="ward_photo")
    assert ended.exit_code == 0, ended.output
    paper = json.loads(ended.stdout)["material"]
    assert (paper["photo"]["author"], paper["photo"]["place"]) == ("王芳", "三楼12床")
    saved = tmp_path / "saved.png"
    ended = run("agency", "save", paper["material_id"], saved, "--purpose", "audit")
    assert ended.exit_code == 1
    assert not saved.exists()
    assert upload(run, tmp_path / "ward.png", by="auditor", kind="ward_photo").exit_code == 1


def test_what_is_refused_is_given_up_again(run: Any, tmp_path: Path) -> None:
    (tmp_path / "both.pdf").write_bytes(pdf() + archive())
    # One upload of a person may be open: a second try would say so.
    for _ in range(2):
        ended = upload(run, tmp_path / "both.pdf")
        assert ended.exit_code == 1
        assert "MATERIAL_TYPE_REFUSED" in ended.output


def test_a_file_that_goes_away_while_it_is_sent_is_given_up_again(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, look = tmp_path / "lease.pdf", paper._begin_request

    def look_and_take_away(*told: Any) -> Any:
        request = look(*told)
        file.unlink()
        return request

    monkeypatch.setattr(paper, "_begin_request", look_and_take_away)
    for _ in range(2):
        file.write_bytes(pdf())
        ended = upload(run, file)
        assert (ended.exit_code, "cannot be read" in ended.output) == (2, True)


@pytest.mark.parametrize("contents", [archive(), b"", None])
def test_what_is_no_paper_is_not_sent(run: Any, tmp_path: Path, contents: bytes | None) -> None:
    if contents is not None:
        (tmp_path / "file").write_bytes(contents)
    assert upload(run, tmp_path / "file").exit_code == 2

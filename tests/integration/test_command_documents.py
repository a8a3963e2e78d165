"""The documents of `yibao` commands that need databases or services."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.both_services import CALL_SECONDS, BothServices
from support.identity_world import citizen_number
from support.settlement_world import REGION
from support.terminals import run
from typer.testing import CliRunner

from yibao_cli.loading import published_stays
from yibao_cli.main import app
from yibao_cli.parties import SERVICES
from yibao_cli.sandbox import Settings, prepare

HEADER = "certificate_type,certificate_number,person_name,insurance_type,person_class,start_date"


@pytest.fixture(scope="module")
def config_files(
    tmp_path_factory: pytest.TempPathFactory, sandbox_keys: Path
) -> Mapping[str, Path]:
    """Returns the configurations of a sandbox in which nothing runs."""
    folder = Path(shutil.copytree(sandbox_keys, tmp_path_factory.mktemp("told") / "sandbox"))
    settings = Settings(
        addresses=dict.fromkeys(SERVICES, "127.0.0.1:1"),
        database_urls={},
        processes=dict.fromkeys(SERVICES, 1),
        reflection=False,
        poll_seconds=1,
        log_level="info",
    )
    return prepare(folder, published_stays()[:1], settings).config_files


def document(*words: object, code: int = 0) -> Any:
    """Runs a command; returns the one document that it printed, and nothing beside it."""
    ended = CliRunner().invoke(app, [*map(str, words), "--json"])
    assert (ended.exit_code, ended.stderr) == (code, ""), ended.output
    return json.loads(ended.stdout)


def test_what_was_done_to_databases_is_told(config_files: Mapping[str, Path]) -> None:
    every = [word for path in config_files.values() for word in ("--config", path)]
    upgraded = document("db", "upgrade", *every)["up_to_date"]
    assert [each["service"] for each in upgraded] == list(SERVICES)
    folded = document("db", "refold", *every)["folded"]
    assert folded == [{"region": published_stays()[0].region, "accounts": 0}]
    told: dict[str, list[str]] = {"read_anew": [], "offsite_read_anew": []}
    assert document("db", "restored", *every) == told


def test_findings_of_an_examination_are_a_list(config_files: Mapping[str, Path]) -> None:
    every = [word for path in config_files.values() for word in ("--config", path)]
    well = document("doctor", "--no-health", "--audit", *every)
    assert well["is_well"]
    services = [each["service"] for each in well["findings"]]
    assert sorted(set(services)) == ["", *sorted(SERVICES)]
    assert {each["problem"] for each in well["findings"]} == {None}
    ill = document("doctor", *every, code=1)
    assert not ill["is_well"]
    wrong = [each for each in ill["findings"] if each["problem"]]
    assert {each["service"] for each in wrong} == set(SERVICES)


def test_keys_are_told_from_the_first_to_the_last(config_files: Mapping[str, Path]) -> None:
    config = ("--config", config_files["identity"], "--by", "a test")
    before = document("keys", "list", "--config", config_files["identity"])
    assert before["root"]["version"] == 1
    (active,) = (each for each in before["keys"] if each["use"] == "tok")
    assert (active["state"], active["is_listed"]) == ("active", True)
    rotated = document("keys", "rotate", "--use", "tok", "--emergency", *config)
    assert rotated["retired"]["key_id"] == active["key_id"]
    assert rotated["promoted"]["use"] == "tok"
    assert isinstance(rotated["snapshot_version"], int)
    killed = document("keys", "kill", active["key_id"], *config)
    assert (killed["killed"]["key_id"], killed["killed"]["state"]) == (active["key_id"], "killed")
    denied = document("keys", "deny", "0102030405060708", "--why", "stolen", *config)
    assert denied["denied"] == ["0102030405060708"]
    (entry,) = document("keys", "list", "--config", config_files["identity"])["denied"]
    assert (entry["explanation"], entry["denied_by"]) == ("stolen", "a test")
    assert document("keys", "undeny", "0102030405060708", *config)["undenied"] == denied["denied"]
    trust = document("keys", "new", "--use", "trust", *config)
    assert trust["public_key_file"].endswith(f"{trust['key_id']}.pub.pem")
    assert Path(trust["public_key_file"]).is_file()


def connection(services: BothServices, service: str, name: str) -> list[object]:
    folder = services.files.folder
    return [
        *("--region", REGION, "--address", f"localhost:{services.ports[service]}"),
        *("--ca", folder / "ca.pem", "--cert", folder / f"{name}.pem"),
        *("--key", folder / f"{name}.key"),
    ]


def test_a_statement_and_reviews_are_told_by_the_services(
    services: BothServices, tmp_path: Path
) -> None:
    patient = services.patient()
    settle = services.settlements().SettleBill
    settled = settle(services.settle_request(patient), timeout=CALL_SECONDS).settlement
    hospital = connection(services, "settlement", "hospital")
    file = tmp_path / "statement.html"
    told = document("statement", settled.settlement_id, file, *hospital)
    assert told == {"file": str(file), "bytes": file.stat().st_size}
    listed = document("review", "list", "--person", patient.person_id, *hospital)
    assert listed == {"reviews": []}
    unknown = run("review", "show", settled.settlement_id, *hospital, "--json")
    error = json.loads(unknown.err)["error"]
    assert (unknown.code, unknown.out, error["code"]) == (1, "", "NOT_FOUND")
    assert error["message_zh"]


def test_an_import_is_told_by_its_sums_and_draws_nothing_into_a_pipe(
    services: BothServices, tmp_path: Path
) -> None:
    file = tmp_path / "persons.csv"
    # Nobody else in these services was born that day.
    numbers = [citizen_number(sequence, birth="19910507") for sequence in range(3)]
    rows = [f"01,{number},测试,310,11,2026-01-01" for number in numbers]
    file.write_text("\n".join((HEADER, *rows, rows[0], "")), encoding="utf-8")
    agency = connection(services, "identity", "maker")
    told = run("persons", "import", file, *agency, "--json")
    assert (told.code, told.err) == (1, "")
    report = tmp_path / "persons.csv.report.csv"
    assert json.loads(told.out) == {
        "rows": 4,
        "outcomes": {"PERSON_EXISTS": 1, "REGISTERED": 3},
        "report": str(report),
        "done_before": 0,
    }
    again = run("persons", "import", file, *agency)
    assert again.out.splitlines() == [
        "        1 PERSON_EXISTS",
        "        3 REGISTERED",
        f"Report: {report}",
    ]


@pytest.mark.long
def test_a_demo_is_told_to_a_program(tmp_path: Path) -> None:
    ended = run("demo", "credentials", "--json", variables={"TMPDIR": str(tmp_path)})
    assert (ended.code, ended.err) == (0, "")
    told = json.loads(ended.out)
    assert told["is_good"]
    assert told["seconds"] > 0
    steps = [each["step"] for each in told["steps"]]
    assert "Issue a card" in steps
    assert {each["is_good"] for each in told["steps"]} == {True}
    assert list(tmp_path.iterdir()) == []

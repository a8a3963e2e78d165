"""`yibao account` against the real service: files of credits, orders and moves, step by step."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.both_services import BothServices
from support.settlement_world import REGION
from typer.testing import CliRunner, Result

from yibao_cli.main import app
from yibao_common.values.ids import new_id

OTHER = "510100"
# What a command prints does not depend on the database.
pytestmark = pytest.mark.parametrize("services", ["sqlite"], indirect=True, scope="module")


def run(services: BothServices, *arguments: str, name: str = "maker") -> Result:
    folder = services.files.folder
    connection = (
        *("--address", f"localhost:{services.ports['settlement']}", "--region", REGION),
        *("--ca", str(folder / "ca.pem")),
        *("--cert", str(folder / f"{name}.pem"), "--key", str(folder / f"{name}.key")),
    )
    return CliRunner().invoke(app, ["account", *arguments, *connection])


def told(services: BothServices, *arguments: str, name: str = "maker") -> Any:
    """Returns the document of a command that succeeded."""
    result = run(services, *arguments, "--json", name=name)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_file_of_credits_is_sent_twice_and_one_of_them_taken_back(
    services: BothServices, tmp_path: Path
) -> None:
    person_id = services.patient().person_id
    file, report = tmp_path / "credits.csv", tmp_path / "report.csv"
    file.write_text(f"person_id,amount_fen,business_key\n{person_id},73155,ICBC-1\n")
    sent = told(services, "credit", str(file), "--report", str(report))
    assert sent["outcomes"] == {"credited": 1}
    assert told(services, "credit", str(file))["outcomes"] == {"repeated": 1}
    assert "ICBC-1" in report.read_text(encoding="utf-8-sig")
    file.write_text(f"person_id,amount_fen,business_key\n{person_id},73154,ICBC-1\n")
    other = run(services, "credit", str(file))
    assert (other.exit_code, "credit_key_used" in other.stdout) == (1, True)
    file.write_text("person_id,amount_fen,business_key\nnobody,1.5,\n")
    broken = run(services, "credit", str(file))
    assert (broken.exit_code, "nothing was sent" in broken.output) == (2, True)
    credit_id = sent["rows"][0]["credit_id"]
    order_id = told(services, "correct", credit_id, "73155", "not theirs")["order"]["order_id"]
    assert order_id in run(services, "orders", "--state", "proposed").stdout
    confirmation = ("confirm", order_id, "correction", "73155")
    own = run(services, *confirmation)
    assert (own.exit_code, "SAME_MAKER_AND_CHECKER" in own.output) == (1, True)
    assert told(services, *confirmation, name="checker")["order"]["posting_id"]
    assert "TAKEN_BACK" in run(services, "credits", person_id).stdout


def test_contributions_of_a_person_stand_once_in_a_file_of_many_requests(
    services: BothServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The service sees one request at a time; of two, the last base would be allocated by.
    monkeypatch.setattr("yibao_cli.account.allocations._ROWS_A_REQUEST", 1)
    first, second = (services.patient().person_id for _ in range(2))
    file = tmp_path / "contributions.csv"
    month = ("--insurance-type", "390", "--month", "202611")
    file.write_text(f"person_id,base_fen\n{first},100\n{second},200\n\n{first},300\n")
    twice = run(services, "contribute", str(file), *month)
    assert twice.exit_code == 2
    assert "row 5: person_id stands in row 2 already" in twice.output
    file.write_text(f"person_id,base_fen\n{first},100\n{second},200\n")
    taken = {"added_count": 2, "changed_count": 0, "unchanged_count": 0}
    assert told(services, "contribute", str(file), *month) == taken
    file.write_text(f"person_id,base_fen\n{first},100\n{new_id()},200\n")
    refused = run(services, "contribute", str(file), *month)
    assert refused.exit_code == 1
    assert "1 contributions were taken before; contributions[0] is the next of" in refused.stderr


def test_an_account_moves_away_and_comes_back(services: BothServices, tmp_path: Path) -> None:
    person_id = services.patient().person_id
    file = tmp_path / "credits.csv"
    file.write_text(f"person_id,amount_fen,business_key\n{person_id},73155,ICBC-2\n")
    assert told(services, "credit", str(file))["outcomes"] == {"credited": 1}
    move = ("transfer", "request", person_id, OTHER)
    first = told(services, *move, "ZY-1", "works there")["transfer"]["transfer_id"]
    cancelled = told(services, "transfer", "cancel", first)["transfer"]
    assert cancelled["state"] == "TRANSFER_STATE_CANCELLED"
    transfer_id = told(services, *move, "ZY-2", "works there")["transfer"]["transfer_id"]
    too_much = run(services, "transfer", "record", transfer_id, "73156", name="checker")
    assert (too_much.exit_code, "TRANSFER_STATE" in too_much.output) == (1, True)
    told(services, "transfer", "record", transfer_id, "73155", name="checker")
    told(services, "transfer", "pay", transfer_id, "73155", "ICBC-77")
    listed = run(services, "transfer", "list", "--state", "money_out").stdout
    assert f"to {OTHER}  ZY-2  731.55" in listed
    over = told(services, "transfer", "complete", transfer_id)["transfer"]
    assert over["state"] == "TRANSFER_STATE_IN"
    assert told(services, "show", person_id)["account"]["is_closed"]
    back = ("transfer", "receive", person_id, OTHER, "ZY-3", "73155")
    assert "is_repeated" not in told(services, *back)
    assert told(services, *back)["is_repeated"]
    assert told(services, "show", person_id)["account"]["balance_fen"] == "73155"
    assert run(services, "transfer", "list", "--stuck").exit_code == 0


def test_numbers_beyond_the_contract_are_told_and_not_sent(services: BothServices) -> None:
    for arguments in (
        ("transfer", "pay", "t", str(2**70), "ICBC-1"),
        ("correct", "c", "0", "why"),
        ("allocate", "--insurance-type", "310", "--month", "99999999999"),
    ):
        result = run(services, *arguments)
        assert (result.exit_code, type(result.exception)) == (2, SystemExit), result.output

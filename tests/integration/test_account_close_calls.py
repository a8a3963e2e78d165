"""AccountCloseService through the real service: two operators close the accounts of a year.

Years are closed in their order, so this one needs a region of its own.
"""

import json
from pathlib import Path
from typing import Any

import grpc
from support.account_closes import COUNTERS, RULES
from support.both_services import CALL_SECONDS, BothServices, outcome, refusal_of
from support.settlement_world import REGION
from typer.testing import CliRunner

from yibao.common.v1.date_pb2 import Date
from yibao.settlement.v1 import account_close_service_pb2 as accounts_pb
from yibao.settlement.v1.account_close_service_pb2_grpc import AccountCloseServiceStub
from yibao_cli.main import app
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id

DENIED = grpc.StatusCode.PERMISSION_DENIED
FAILED, NOT_FOUND = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND


class Operator:
    """Who closes years by the command."""

    def __init__(self, services: BothServices, name: str) -> None:
        folder = services.files.folder
        self._options = ["--region", REGION, "--address"]
        self._options += [f"localhost:{services.ports['settlement']}"]
        self._options += ["--ca", str(folder / "ca.pem"), "--cert", str(folder / f"{name}.pem")]
        self._options += ["--key", str(folder / f"{name}.key")]

    def run(self, *words: object, code: int = 0) -> str:
        """Runs `yibao year`; returns what it wrote on either stream."""
        result = CliRunner().invoke(app, ["year", *map(str, words), *self._options])
        assert result.exit_code == code, result.output
        return result.output

    def document(self, *words: object) -> Any:
        result = CliRunner().invoke(app, ["year", *map(str, words), "--json", *self._options])
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        return json.loads(result.stdout)


def test_accounts_of_a_year_from_the_proposal_to_what_a_person_earned(
    services: BothServices, tmp_path: Path
) -> None:
    """The command of two operators; the service closes accounts by itself."""
    year = shanghai_day(services.clock()).year - 1
    maker, checker = Operator(services, "maker"), Operator(services, "checker")
    patient = services.patient(start_date=Date(year=year - 3, month=1, day=1))
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.replace("rate_ppm", "rate"), encoding="utf-8")
    told = maker.run("propose", year, "--rules", rules, code=1)
    assert "rules_file:" in told
    rules.write_text(RULES + COUNTERS, encoding="utf-8")
    assert "YEAR_NOT_TAKEN" in maker.run("propose", year, "--rules", rules, code=1)
    maker.run("propose", year)
    checker.run("confirm", year, "--yes")
    maker.run("show", year, "--watch")
    proposed = maker.document("propose", year, "--rules", rules)["close"]
    assert proposed["state"] == "ACCOUNT_CLOSE_STATE_PROPOSED"
    assert "give --yes" in checker.run("confirm", year, code=1)
    assert "SAME_MAKER_AND_CHECKER" in maker.run("confirm", year, "--yes", code=1)
    running = checker.document("confirm", year, "--yes")["close"]
    assert running["checker"].endswith("checker")
    # No bar is drawn where nobody sees it move.
    watched = maker.run("show", year, "--watch")
    assert len(watched.splitlines()) == 2
    assert "accounts DONE" in watched
    shown = maker.document("show", year)
    progress = shown["accounts"]["progress"]
    assert shown["year"]["state"] == "YEAR_STATE_TAKEN"
    assert progress["person_count"] == shown["accounts"]["person_count"]
    assert "Nothing is proposed" in checker.run("confirm", year, "--yes", code=1)
    stub = AccountCloseServiceStub(services.channel("settlement", "maker"))
    asked = accounts_pb.GetClosedAccountRequest(
        region=REGION, person_id=patient.person_id, benefit_year=year
    )
    (account,) = stub.GetClosedAccount(asked, timeout=CALL_SECONDS).accounts
    assert (account.interest_fen, account.owner_id) == (0, patient.person_id)
    assert account.counters.benefit_year == year + 1
    assert (account.counters.years_insured, account.counters.years_unclaimed) == (4, 1)
    asked.person_id = new_id()
    told_nobody = refusal_of(stub.GetClosedAccount, asked)
    assert outcome(told_nobody) == (NOT_FOUND, "CLOSED_ACCOUNT_NOT_FOUND")
    for name, reason in (("hospital", "CALLER_NOT_ALLOWED"), ("other-agency", "OUT_OF_SCOPE")):
        foreign = AccountCloseServiceStub(services.channel("settlement", name))
        assert outcome(refusal_of(foreign.GetClosedAccount, asked)) == (DENIED, reason)
    closing = accounts_pb.GetAccountCloseRequest(region=REGION, benefit_year=1999)
    told_none = refusal_of(stub.GetAccountClose, closing)
    assert outcome(told_none) == (NOT_FOUND, "ACCOUNT_CLOSE_NOT_FOUND")

"""`yibao policy submit, approve, withdraw, list, get, simulate` at the running services."""

import base64
from pathlib import Path

import pytest
from support.both_services import CALL_SECONDS, BothServices
from support.policy_text import GOOD
from support.settlement_world import ACCOUNT_STEP, POLICY_FILE, REGION
from typer.testing import CliRunner

from yibao_cli.main import app
from yibao_common.values.reasons import Reason

NAME = "from-the-command-line"
HEX = "64 hexadecimal digits: yibao policy list prints them"


def run(services: BothServices, *arguments: object, caller: str = "maker") -> tuple[int, str]:
    """Runs a command as an operator of the agency; returns its code and what it printed."""
    folder = services.files.folder
    options = (
        *("--region", REGION, "--address", f"localhost:{services.ports['settlement']}"),
        *("--ca", folder / "ca.pem", "--cert", folder / f"{caller}.pem"),
        *("--key", folder / f"{caller}.key"),
    )
    result = CliRunner().invoke(app, ["policy", *map(str, (*arguments, *options))])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    text = GOOD.replace('"999001"', f'"{REGION}"').replace('"310"', '"341"')
    text = text.replace("sample-2024", NAME).replace("2024-01-01", "2031-01-01")
    path.write_text(text.replace("end_date: 2024-12-31\n", ""), encoding="utf-8")
    return path


def test_a_policy_goes_from_draft_to_force_and_back(services: BothServices, draft: Path) -> None:
    code, told = run(services, "submit", draft)
    assert code == 0
    assert told.startswith(f"{NAME}: draft, insurance type 341, from 2031-01-01 until further")
    assert "until another operator approves it" in told
    assert "Probably not meant:" in told
    version = told.splitlines()[1].removeprefix("  version ")

    code, told = run(services, "approve", version)
    assert code == 1
    assert "SAME_MAKER_AND_CHECKER" in told
    assert Reason.SAME_MAKER_AND_CHECKER.message_zh in told
    code, told = run(services, "approve", version, caller="checker")
    assert (code, told.splitlines()[0].split(", ")[0]) == (0, f"{NAME}: active")
    code, told = run(services, "list", "--insurance-type", "341", "--state", "active")
    assert (code, told.count("version")) == (0, 1)
    code, told = run(services, "list", "--insurance-type", "341", "--date", "2030-12-31")
    assert (code, told) == (
        0,
        f"There is no such policy of region {REGION}. 没有符合条件的政策。\n",
    )
    code, told = run(services, "withdraw", version)
    assert code == 0
    assert f"withdrawn by agency/{REGION}/maker" in told


def test_an_approval_tells_what_it_ends(services: BothServices, draft: Path) -> None:
    text = draft.read_text(encoding="utf-8").replace('"341"', '"342"')
    versions = []
    for day in ("2031-01-01", "2032-01-01"):
        draft.write_text(text.replace("2031-01-01", day), encoding="utf-8")
        code, told = run(services, "submit", draft)
        versions.append(told.splitlines()[1].removeprefix("  version "))
        code, told = run(services, "approve", versions[-1], caller="checker")
        assert code == 0
    _, _, ended = told.partition("It ends, for all kinds of care:\n")
    assert "until 2031-12-31" in ended
    assert f"version {versions[0]}" in ended


def test_the_file_of_a_version_is_read_as_it_was_submitted(
    services: BothServices, draft: Path
) -> None:
    _, told = run(services, "submit", draft)
    version = told.splitlines()[1].removeprefix("  version ")
    assert run(services, "get", version) == (0, draft.read_text(encoding="utf-8"))


def test_a_faulty_file_is_not_sent_and_told_whole(services: BothServices, draft: Path) -> None:
    text = draft.read_text(encoding="utf-8")
    draft.write_text(text.replace("1_000_000", "1.5").replace("700_000", "0.7"), encoding="utf-8")
    code, told = run(services, "submit", draft)
    assert code == 1
    assert told.count("\n    应为：") > 1
    assert "ERROR_REASON" not in told


def test_a_simulation_without_bills_says_so(services: BothServices, draft: Path) -> None:
    code, told = run(services, "simulate", draft, "--from", "2026-01-01", "--to", "2026-12-31")
    assert code == 0
    assert told.startswith("No bill of its insurance type is settled of days from 2026-01-01 to")


def test_a_policy_is_simulated_with_its_result_in_words(
    services: BothServices, tmp_path: Path
) -> None:
    services.settlements().SettleBill(
        services.settle_request(services.patient()), timeout=CALL_SECONDS
    )
    path = tmp_path / "policy.yaml"
    path.write_bytes(POLICY_FILE.read_bytes() + ACCOUNT_STEP)
    code, told = run(services, "simulate", path, "--from", "2026-01-01", "--to", "2026-12-31")
    assert code == 0
    assert "1 bills of 10500.00; funds " in told
    assert "1 persons bear as much as they did" in told
    assert "390100 城乡居民基本医疗保险基金: " in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("list", "--state", "x"),
            "yibao policy list: --state x: expected one of draft, active, ended, withdrawn\n"
            "See yibao policy list -h",
        ),
        (("approve", "abc"), f"abc: expected a version, {HEX}"),
        (("withdraw", "abc"), f"abc: expected a version, {HEX}"),
        (("get", "abc"), f"abc: expected a version, {HEX}"),
        (("list", "--date", "1.1.2026"), "--date 1.1.2026: expected a day such as 2026-01-31"),
        (
            ("simulate", "none.yaml", "--from", "2026-01-01", "--to", "2026-12-31"),
            "none.yaml: cannot be read: No such file or directory",
        ),
        (
            ("simulate", "none.yaml", "--from", "x", "--to", "2026-12-31"),
            "--from x: expected a day such as 2026-01-31",
        ),
    ],
)
def test_what_was_typed_wrongly_is_told_in_a_sentence(
    services: BothServices, arguments: tuple[str, ...], told: str
) -> None:
    assert run(services, *arguments) == (2, f"{told}\n")


def test_what_the_service_refuses_is_told_with_its_reason(services: BothServices) -> None:
    code, told = run(services, "withdraw", "0" * 64)
    assert code == 1
    assert "POLICY_VERSION_UNKNOWN" in told


def test_a_call_of_a_method_that_answers_often_prints_every_answer(
    services: BothServices,
) -> None:
    draft = POLICY_FILE.read_bytes() + ACCOUNT_STEP
    year = '{"year": 2026, "month": %d, "day": %d}'
    days = f'"start_date": {year % (1, 1)}, "end_date": {year % (12, 31)}'
    text = base64.b64encode(draft).decode()
    request = f'{{"region": "{REGION}", "policy_file": "{text}", {days}}}'
    folder = services.files.folder
    options = (
        *("--address", f"localhost:{services.ports['settlement']}"),
        *("--ca", folder / "ca.pem", "--cert", folder / "maker.pem"),
        *("--key", folder / "maker.key"),
    )
    method = "PolicyService/SimulatePolicy"
    result = CliRunner().invoke(app, ["call", method, request, *map(str, options)])
    assert result.exit_code == 0
    assert '"result"' in result.output

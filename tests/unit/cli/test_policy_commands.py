"""`yibao policy` on files: words, differences, and bills walked through a policy."""

import shutil
from pathlib import Path

import pytest
from support.benefit_examples import FOLDERS, Person, history_in, policy_in
from support.contracts import ROOT
from typer.testing import CliRunner

from yibao_cli.main import app
from yibao_cli.policy.bills import read_bills
from yibao_common.values.money import yuan
from yibao_settlement.rules.benefit.adjudicate import adjudicate

POLICIES = ROOT / "policies"
SHANGHAI = POLICIES / "310000" / "employee-2023.yaml"
SAMPLES = sorted(POLICIES.glob("*/bill.yaml")) + sorted(POLICIES.glob("*/bills/*.yaml"))


def run(*arguments: object) -> tuple[int, str]:
    """Runs a command and returns its exit code and what it printed, faults included."""
    result = CliRunner().invoke(app, ["policy", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_a_policy_is_shown_in_both_languages_without_a_service() -> None:
    code, told = run("show", SHANGHAI)
    assert code == 0
    assert "Parameter highest_payment: 590,000.00 from 2023-01-01 on" in told
    assert "基数 highest_payment：自 2023-01-01 起 59 万元" in told


def test_two_files_are_compared_in_words(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    text = SHANGHAI.read_text(encoding="utf-8")
    assert text.count("fen: 59_000_000") == 1
    other.write_text(text.replace("fen: 59_000_000", "fen: 60_000_000"), encoding="utf-8")
    code, told = run("diff", SHANGHAI, other)
    assert code == 1
    assert told.splitlines() == [
        f"- {SHANGHAI}: employee-2023, from 2023-01-01",
        f"+ {other}: employee-2023, from 2023-01-01",
        "policy: changed",
        "  - 基数 highest_payment：自 2023-01-01 起 59 万元",
        "    Parameter highest_payment: 590,000.00 from 2023-01-01 on",
        "  + 基数 highest_payment：自 2023-01-01 起 60 万元",
        "    Parameter highest_payment: 600,000.00 from 2023-01-01 on",
    ]
    assert run("diff", SHANGHAI, SHANGHAI) == (0, "Both say the same.\n")


@pytest.mark.parametrize("bill", SAMPLES, ids=lambda path: str(path.relative_to(POLICIES)))
def test_a_sample_bill_is_walked_to_the_sums_that_it_is_published_with(bill: Path) -> None:
    folder = bill.parent.parent if bill.parent.name == "bills" else bill.parent
    (policy,) = (
        path
        for path in folder.glob("*.yaml")
        if path.name not in ("catalogue.yaml", "institutions.yaml", "bill.yaml", "offsite.yaml")
    )
    code, told = run("try", policy, bill)
    assert code == 0
    expected = {
        key: int(value.partition("#")[0].strip().replace("_", ""))
        for key, _, value in (
            line.strip().partition(": ") for line in bill.read_text(encoding="utf-8").splitlines()
        )
        if key in ("cash_fen", "account_fen")
    }
    assert f"现金 cash: {yuan(expected['cash_fen'])}" in told
    assert ("个人账户 account" in told) == bool(expected["account_fen"])


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_bill_files_of_the_examples_are_read_as_they_are_meant(folder: Path) -> None:
    policy, history = policy_in(folder), history_in(folder)
    tried = read_bills(folder / "bills.yaml", day=policy.start_date)
    person = Person(policy, tried.balances)
    for bill, said in zip(tried.bills, history["bills"], strict=True):
        if "refused" in said:
            continue
        memory, balances = person.memory, person.balances
        own = adjudicate(policy, bill, memory) if not any(balances) else None
        settled = person.settle(said)
        if own is not None:
            assert own.amounts == settled.amounts


def test_steps_are_told_with_clause_formula_and_who_bears_it() -> None:
    folder = ROOT / "tests" / "vectors" / "policy" / "WE-021"
    code, told = run("try", folder / "policy.yaml", folder / "bills.yaml")
    assert code == 0
    assert "     51780.00 x 88.8% = 45980.64\n     => 45980.64\n" in told
    assert told.splitlines()[-3:-1] == [
        "     310100 城镇职工基本医疗保险统筹基金: 70980.64",
        "     现金 cash: 39019.36 (deductible 起付线 800.00)",
    ]


def test_a_bill_that_the_policy_refuses_is_told_with_its_reason() -> None:
    folder = ROOT / "tests" / "vectors" / "policy" / "given-too-much"
    code, told = run("try", folder / "policy.yaml", folder / "bills.yaml")
    assert code == 1
    assert "is refused: GIVEN_EXCEEDS_BASE" in told


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("x", "bills.yaml: expected a mapping, got 'x'"),
        ("format: yibao-bills/2\n", "bills.yaml:1 bills: is missing"),
        (
            "format: yibao-bills/2\nbills:\n- date: 2023-13-01\n  lines: []\n  fact: {}\n",
            "bills[0].date: expected a day such as 2024-01-31, got '2023-13-01'",
        ),
        (
            "format: yibao-bills/2\nbills:\n- date: 2023-01-01\n  facts: {age: x}\n"
            '  lines:\n  - {class: "04", fen: -1, there: {class: "01", a: 1}}\n',
            "bills[0].lines[0].class: expected a catalogue class: 01, 02 or 03",
        ),
    ],
)
def test_mistakes_in_a_bill_file_are_told_by_line_and_key(
    tmp_path: Path, text: str, fault: str
) -> None:
    bills = tmp_path / "bills.yaml"
    bills.write_text(text, encoding="utf-8")
    code, told = run("try", SHANGHAI, bills)
    assert code == 1
    assert fault.removeprefix("bills.yaml") in told
    assert "Traceback" not in told


@pytest.mark.parametrize("command", ["check", "show", "diff", "try"])
def test_a_file_that_is_not_there_is_told_so(tmp_path: Path, command: str) -> None:
    missing = tmp_path / "none.yaml"
    more = [missing] if command in ("diff", "try") else []
    code, told = run(command, missing, *more)
    assert (code, told) == (2, f"{missing}: cannot be read: No such file or directory\n")


def test_a_bill_is_settled_at_a_sandbox_alone(tmp_path: Path) -> None:
    code, told = run("settle", SHANGHAI.parent / "bill.yaml", "--folder", tmp_path)
    assert code == 2
    assert f"{tmp_path}: no sandbox of yibao" in told
    code, told = run("settle", SHANGHAI, "--folder", tmp_path)
    assert code == 2
    assert f"{SHANGHAI}: a sample bill (yibao-bill/1) is bill.yaml" in told


@pytest.mark.parametrize("command", ["check", "show", "diff", "try"])
def test_a_version_in_place_of_a_file_is_told_how_to_get_it(command: str) -> None:
    version = "0" * 64
    more = [version] if command in ("diff", "try") else []
    code, told = run(command, version, *more)
    assert code == 2
    assert f"yibao policy get {version} > FILE" in told


BILL = """format: yibao-bills/2
bills:
  - date: 2023-02-10
    facts: {care_type: "%s", %s age: 45, institution: H1, institution_level: "1"}
    lines: [{class: "01", fen: 9_000}, {class: "02", fen: 1_000%s}]
"""
YUBEI = POLICIES / "500112" / "resident-2023.yaml"
SHARE = ", share_ppm: 0"


@pytest.mark.parametrize(
    ("policy", "care_type", "facts", "share", "advice"),
    [
        (SHANGHAI, "11", "", SHARE, "请在该账单的 facts 中写明 person_class。"),
        (SHANGHAI, "11", 'person_class: "11",', "", "请在该账单第 2 条明细写 share_ppm，"),
        (YUBEI, "21", 'person_class: "16",', SHARE, "请在 D1 补写 care_group=inpatient"),
        (YUBEI, "52", 'person_class: "16",', SHARE, "请将医疗类别写入 care_groups 的一组"),
    ],
)
def test_a_refused_bill_says_what_to_write_where(
    tmp_path: Path, policy: Path, care_type: str, facts: str, share: str, advice: str
) -> None:
    bills = tmp_path / "bills.yaml"
    bills.write_text(BILL % (care_type, facts, share), encoding="utf-8")
    code, told = run("try", policy, bills)
    assert code == 1
    assert advice in told


@pytest.mark.parametrize("name", ["mine.yaml", "bills/mine.yml"])
def test_a_sample_bill_of_another_place_is_not_taken_for_that_of_the_region(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "310000"
    shutil.copytree(SHANGHAI.parent, folder)
    copy = folder / name
    shutil.copy(folder / "bill.yaml", copy)
    code, told = run("try", SHANGHAI, copy)
    assert code == 2
    assert "样例账单须为统筹区文件夹内的 bill.yaml" in told

"""The whole policy of the clerks' pages costs what its page says, and its mistakes are told."""

import re
from pathlib import Path

import pytest
from support.contracts import ROOT
from typer.testing import CliRunner

from yibao_cli.main import app
from yibao_common.values.errors import FieldFault
from yibao_settlement.files.policy.check import check_policy
from yibao_settlement.files.policy.mistakes_zh import mistake_zh
from yibao_settlement.rules.statement import labels

PAGES = ROOT / "docs" / "policies"
PAGE = (PAGES / "residents.md").read_text(encoding="utf-8")
POLICY, BILLS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
# The number of a bill, and what the page says that funds and the person pay, in yuan.
COSTS = re.findall(r"^\| (\d+) .* \| ([0-9,.]+) \| ([0-9,.]+) \|$", PAGE, re.MULTILINE)
STAY_BY_INSURED = BILLS.replace('{care_type: "21",', '{care_type: "21", entitlement_groups: [X],')


def tried(tmp_path: Path, bills: str) -> list[tuple[int, int]]:
    """Returns what funds and the person pay of each bill, in fen, as the command prints it."""
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "bills.yaml").write_text(bills, encoding="utf-8")
    files = [str(tmp_path / name) for name in ("policy.yaml", "bills.yaml")]
    result = CliRunner().invoke(app, ["policy", "try", *files])
    assert result.exit_code == 0, result.output
    found = []
    for bill in result.output.split("\nBill "):
        borne = bill.partition("Who bears it:")[2]
        funds = re.findall(r"^ +390\d{3} .*: ([0-9.]+)$", borne, re.MULTILINE)
        (cash,) = re.findall(r"cash: ([0-9.]+)", borne)
        found.append((sum(map(fen, funds)), fen(cash)))
    return found


def fen(yuan: str) -> int:
    """Returns fen of yuan with two decimals."""
    return int(yuan.replace(",", "").replace(".", ""))


def faults_and_doubts(text: str) -> list[tuple[int, str]]:
    """Returns line and message of every mistake, or else of every doubt."""
    found = check_policy(text.encode(), name="p.yaml")
    return [told(fault) for fault in found.faults] or [
        (each.line, each.message) for each in found.warnings
    ]


def told(fault: FieldFault) -> tuple[int, str]:
    """Returns line and message of a mistake."""
    line = re.match(r"p\.yaml:(\d+)", fault.field)
    assert line
    return int(line[1]), fault.message


def test_the_policy_has_no_doubt() -> None:
    assert faults_and_doubts(POLICY) == []


def test_every_bill_costs_what_was_worked_by_hand(tmp_path: Path) -> None:
    assert [int(number) for number, _, _ in COSTS] == list(range(1, 13))
    assert tried(tmp_path, BILLS) == [(fen(funds), fen(cash)) for _, funds, cash in COSTS]


def test_steps_that_do_not_apply_are_named_in_one_line(tmp_path: Path) -> None:
    tried(tmp_path, BILLS)
    files = [str(tmp_path / name) for name in ("policy.yaml", "bills.yaml")]
    output = CliRunner().invoke(app, ["policy", "try", *files]).output
    pharmacy = output.split("\nBill ")[6]
    assert "不适用 does not apply: D1, P1, P2, D2, P4, C1\n" in pharmacy
    assert "  D1 " not in pharmacy


def test_words_name_codes_and_say_where_nothing_is_borne_first(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY, encoding="utf-8")
    output = CliRunner().invoke(app, ["policy", "show", str(path)]).output
    assert "D1 门诊年度起付线：医疗类别组 outpatient，其他情况，不设起付线。" in output
    assert "D1 Outpatient deductible: care_group outpatient, otherwise: no deductible." in output
    assert "医院等级 二级甲等（5）、二级乙等（6）、二级丙等（7）、二级未定等（13），" in output
    assert "人员身份类别含 低收入人口（2305），支付比例提高 10 个百分点" in output


def test_a_person_of_the_group_gets_ten_points_more(tmp_path: Path) -> None:
    of_group = STAY_BY_INSURED.replace("[X]", '["2305"]')
    of_other = STAY_BY_INSURED.replace("[X]", '["2303"]')
    assert tried(tmp_path, of_group)[7] == (682_500, 417_500)
    assert tried(tmp_path, of_other)[7] == (591_500, 508_500)


# What is written for what, and what is told in the line where it first stands.
MISTAKES = [
    ("      base: [eligible]\n      window: year", "\tbase: [eligible]\n      window: year",
     "a tab stands at its beginning"),
    ("window: month", "window：month", "the full-width sign ："),
    ("amount: 20_000", "amount: ２００００", "its digits are full-width"),
    ('"390100"', "“390100”", "in straight quotation marks"),
    ('"999077"', "999077", "in quotes"),
    ('["1", "2", "3", "4", "12"]', "[1, 2, 3, 4, 12]", "expected a code in quotes"),
    ("ratio_ppm: 750_000", "ratio_ppm: 75%", "ratios are in millionths"),
    ("ratio_ppm: 750_000", "ratio_ppm: 0.75", "ratios are in millionths"),
    ("amount: 20_000", "amount: 200.00", "money is in fen"),
    ("limit: 300_000", "limit: 3,000", "money is in fen"),
    ("start_date: 2027-01-01", "start_date: 2027/01/01", "expected a day such as"),
    ("      base: [D1.rest]\n", "", "is missing"),
    ("window: year\n      by", "windows: year\n      by", "is not a key here; known:"),
    ("[D1.rest]", "[D9.rest]", "is not left by an earlier step"),
    ("{care_group: chronic}", "{care_group: chronics}", "expected one of"),
    ("{over_fen: 0, ratio_ppm: 700_000}", "{over_fen: 0, upto_fen: 100, ratio_ppm: 700_000}, "
     "{over_fen: 200, ratio_ppm: 700_000}", "must begin at"),
    ('["5", "6", "7", "13"]}\n          brackets', '["4", "5"]}\n          brackets',
     "can hold together with"),
    ("id: P2", "id: P1", "is the id of an earlier step"),
    ("source: rules", "source: rule", "expected a source that the file lists"),
    ('      fund_type: "390100"', '     fund_type: "390100"', "the indentation does not fit"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES)
def test_a_mistake_is_told_in_its_line_and_stands_on_the_page(
    old: str, new: str, message: str
) -> None:
    text = POLICY.replace(old, new, 1)
    changed = zip(POLICY.splitlines(), text.splitlines(), strict=False)
    line = next(number for number, (was, now) in enumerate(changed, start=1) if was != now)
    found = faults_and_doubts(text)
    # What is missing has no line of its own: told is that of its step, the one before here.
    stands = next(number for number, told in found if message in told)
    assert stands == (
        POLICY[: POLICY.index("id: P1")].count("\n") if "is missing" in message else line
    )
    assert all(mistake_zh(each) for _, each in found), found
    page = (PAGES / "mistakes.md").read_text(encoding="utf-8")
    assert f"| `{message}` |" in page


def test_a_clerk_is_told_a_mistake_in_chinese_too(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY.replace("ratio_ppm: 750_000", "ratio_ppm: 75%"), encoding="utf-8")
    result = CliRunner().invoke(app, ["policy", "check", str(path)])
    assert result.exit_code == 1
    told = "应为：0 至 1000000 的整数；现为：'75%'；比例以百万分之一计，75% 写作 750_000"
    assert result.output.splitlines()[-1].strip() == told


def test_every_message_on_the_page_is_one_that_is_told() -> None:
    page = (PAGES / "mistakes.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)) == {
        message for _, _, message in MISTAKES
    }


@pytest.mark.parametrize(
    ("old", "new", "doubts"),
    [
        ("ratio_ppm: 750_000", "ratio_ppm: 75", ["75 ppm is 0.0075%"]),
        ("amount: 90_000", "amount: 900", ["900 fen is 9.00 yuan"]),
        (', "03": own_cost', "", ["no share for class 03"]),
        ("limits: [P4.paid]", "limits: [P1.paid]", ["P4.overflow is always 0"]),
        (', "14"], count.stays: {from: 2}}', "], count.stays: {from: 2}}", ["no row for"]),
    ],
)
def test_what_is_probably_not_meant_is_told(old: str, new: str, doubts: list[str]) -> None:
    found = [message for _, message in faults_and_doubts(POLICY.replace(old, new, 1))]
    assert len(found) == len(doubts)
    assert all(told.startswith(doubt) for told, doubt in zip(found, doubts, strict=True))


def test_the_page_of_codes_names_every_level_class_of_person_and_group() -> None:
    page = (PAGES / "codes.md").read_text(encoding="utf-8")
    for code, name in {**labels.LEVELS_ZH, **labels.GROUPS_ZH}.items():
        assert f'"{code}"' in page, code
        assert name in page, name

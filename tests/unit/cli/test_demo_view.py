"""What the demo prints fits a terminal of 80 columns and marks what is wrong."""

import io

import pytest
import segno
from rich.cells import cell_len
from rich.console import Console, RenderableType

from yibao.settlement.v1 import settlement_pb2
from yibao_cli.demo import view
from yibao_cli.demo.figures import Figure
from yibao_cli.demo.golden_path import Walk
from yibao_cli.demo.steps import Step
from yibao_cli.loading import published_stays
from yibao_cli.qr.drawing import draw

GOOD = Step("Register the insured person", "settlement", "account 1200.00, as before", 8.4, True)
BAD = Step("Settle the bill", "settlement", "ERROR_REASON_QR_EXPIRED: " + "long " * 30, 8.4, False)
REGION = published_stays()[0]


def printed(part: RenderableType, *, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(part)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert max(map(cell_len, text.splitlines())) <= width
    return text


def test_a_good_step_is_one_line_of_80_columns() -> None:
    text = printed(view.steps_table([GOOD]))
    assert [line.split()[0] for line in text.splitlines()] == ["Step", "✓"]
    assert text.splitlines()[1].endswith(" 8")


def test_a_failed_step_tells_everything() -> None:
    text = printed(view.steps_table([GOOD, BAD]))
    assert "✗" in text
    assert text.count("long") == 30


def test_an_amount_that_differs_is_marked_and_one_that_lacks_is_a_dash() -> None:
    figures = [
        Figure("Medical aid for large expenses", "重特大疾病医疗救助（大额费用）", 1, 1),
        Figure("Total", "费用总额", 12_345_678, 12_345_679),
        Figure("Own cost", "全自费", None, 5),
    ]
    lines = [line.split() for line in printed(view.figures_table(figures)).splitlines()]
    assert ["✗", "Total", "费用总额", "123456.78", "123456.79"] in lines
    assert ["✗", "Own", "cost", "全自费", "-", "0.05"] in lines
    assert sum("✓" in line for line in lines) == 1


def test_a_trace_shows_formula_and_clause_but_not_the_bills_source_again() -> None:
    bill = REGION.sample_bill
    node = settlement_pb2.TraceNode(
        step_id="P1",
        title="Pool",
        title_zh="统筹基金",
        formula="(500.00 - 300.00) x 70% = 140.00",
        clause=f"{bill.source_title}: 三级医院起付线 <{bill.source_url}>",
    )
    text = printed(view.trace_table([node], bill))
    assert "(500.00 - 300.00) x 70% = 140.00" in text
    assert "三级医院起付线" in text
    assert bill.source_url not in text
    assert bill.source_title not in text


@pytest.mark.parametrize("is_good", [True, False])
def test_a_summary_row_is_marked_by_its_walk(is_good: bool) -> None:
    figures = (Figure("Total", "费用总额", 1, 1 if is_good else 2),)
    walk = Walk((GOOD,), "", "", figures, ())
    row = printed(view.summary_table([(REGION, walk)])).splitlines()[1].split()
    assert row == ["✓" if is_good else "✗", "WE-003", *f"{int(is_good)} of 1".split(), "1", "8"]


def test_the_head_of_a_bill_names_its_source() -> None:
    console = Console(file=io.StringIO(), width=80)
    view.show_bill(console, REGION)
    assert isinstance(console.file, io.StringIO)
    assert REGION.sample_bill.source_url in console.file.getvalue()


def test_a_drawn_code_has_every_module_of_the_code() -> None:
    text = "MI1-" + "7WBK" * 50
    lines = str(draw(text).text).split("\n")
    uppers = {" ": 0, "▄": 0, "▀": 1, "█": 1}
    lowers = {" ": 0, "▄": 1, "▀": 0, "█": 1}
    drawn = [[table[each] for each in line] for line in lines for table in (uppers, lowers)]
    matrix = [
        [int(module) for module in row]
        for row in segno.make_qr(text, error="m").matrix_iter(border=4)
    ]
    assert drawn[: len(matrix)] == matrix
    assert not any(map(any, drawn[len(matrix) :]))

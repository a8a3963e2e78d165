"""How the demo shows itself, in a terminal of 80 columns or more and in plain logs."""

from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from yibao.settlement.v1 import settlement_pb2, statement_pb2
from yibao_cli.demo.figures import Figure
from yibao_cli.demo.golden_path import Walk
from yibao_cli.demo.stay import StayBill
from yibao_cli.demo.steps import Step
from yibao_cli.qr.drawing import draw, misfit
from yibao_cli.regions import Region, SampleBill
from yibao_common.values.money import yuan

_OF_A_STAY = (
    ("total_fen", "Total"),
    ("deductible_fen", "Deductible"),
    ("fund_total_fen", "All funds"),
    ("cash_fen", "Cash"),
)


def show_bill(console: Console, region: Region) -> None:
    """Opens the part of a bill: which one it is and where it was published."""
    bill = region.sample_bill
    title = Text(f"{bill.example}  {bill.person.person_name}, region {region.region}", "bold")
    body = Group(
        Text(bill.source_title),
        Text(bill.source_url, "dim", overflow="fold"),
        Text(f"{len(bill.lines)} lines, {yuan(bill.total_fen)} yuan; {region.policy_name}", "dim"),
    )
    console.print(Panel(body, title=title, title_align="left", box=box.ROUNDED))


def steps_table(steps: Sequence[Step]) -> RenderableType:
    """Returns the steps with their outcomes; a failure is written out below the table."""
    table = _plain_table()
    table.add_column("")
    table.add_column("Step", no_wrap=True)
    table.add_column("Where", no_wrap=True)
    table.add_column("Outcome", overflow="fold")
    table.add_column("ms", justify="right", no_wrap=True)
    for step in steps:
        milliseconds = f"{step.milliseconds:.0f}"
        outcome = step.outcome if step.is_good else "failed, see below"
        table.add_row(_mark(step.is_good), step.title, step.service, outcome, milliseconds)
    failures = [Text(f"{step.title}: {step.outcome}", "red") for step in steps if not step.is_good]
    return Group(table, *failures)


def figures_table(figures: Sequence[Figure]) -> Table:
    """Returns our amounts beside the published ones, in yuan."""
    table = _plain_table()
    table.add_column("")
    table.add_column("Amount in yuan")
    table.add_column("", no_wrap=True)
    table.add_column("Ours", justify="right", no_wrap=True)
    table.add_column("Published", justify="right", no_wrap=True)
    for figure in figures:
        table.add_row(
            _mark(figure.is_equal),
            # The Chinese name is the official one, and stands whole beside it.
            Text(figure.name, no_wrap=True, overflow="ellipsis"),
            figure.name_zh,
            _amount(figure.ours_fen),
            _amount(figure.published_fen),
        )
    return table


def trace_table(trace: Sequence[settlement_pb2.TraceNode], bill: SampleBill) -> Table:
    """Returns each step of the policy with its formula and the clause that it comes from.

    The bill's own source, which `show_bill` names, is not named again at each step.
    """
    table = _plain_table(show_header=False)
    table.add_column("", style="bold", no_wrap=True)
    table.add_column("", overflow="fold")
    for node in trace:
        lines = Text(f"{node.title}  {node.title_zh}")
        lines.append(f"\n{node.formula}", "cyan")
        clause = node.clause.removeprefix(f"{bill.source_title}: ")
        lines.append(f"\n{clause.removesuffix(f' <{bill.source_url}>')}", "dim")
        table.add_row(node.step_id, lines)
    return table


def stay_table(bills: Sequence[StayBill]) -> Table:
    """Returns what each bill of a stay came to, and all together, in yuan."""
    table = _plain_table()
    table.add_column("Amount in yuan")
    for bill in bills:
        title = "interim bill" if bill.settlement.is_interim else "last bill"
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("together", justify="right", no_wrap=True)
    for name, title in _OF_A_STAY:
        amounts = [getattr(bill.settlement, name) for bill in bills]
        table.add_row(title, *(yuan(fen) for fen in (*amounts, sum(amounts))))
    return table


def elsewhere_table(funds: Sequence[tuple[str, int]]) -> Table:
    """Returns what the funds pay of a bill on different terms, in yuan."""
    table = _plain_table()
    table.add_column("The funds pay")
    table.add_column("yuan", justify="right", no_wrap=True)
    for title, amount_fen in funds:
        table.add_row(title, yuan(amount_fen))
    return table


def sentences_table(sentences: Sequence[statement_pb2.StatementSentence]) -> RenderableType:
    """Returns a bill as its statement tells it to the insured, in both languages."""
    table = _plain_table(show_header=False)
    table.add_column("", overflow="fold")
    for sentence in sentences:
        told = Text(sentence.text_zh)
        told.append(f"\n{sentence.text}", "dim")
        table.add_row(told)
    return table


def code_picture(qr_text: str, console: Console) -> Text:
    """Returns a QR code, or in its place why this terminal does not show it."""
    drawing = draw(qr_text)
    problem = misfit(drawing, console)
    return Text(f"Not drawn: {problem}.", "dim") if problem else drawing.text


def summary_table(walks: Sequence[tuple[Region, Walk]]) -> Table:
    """Returns one row a bill: whether it went well and what it came to."""
    table = _plain_table()
    table.add_column("")
    table.add_column("Bill", no_wrap=True)
    table.add_column("Amounts as published")
    table.add_column("Steps", justify="right")
    table.add_column("ms", justify="right")
    for region, walk in walks:
        equal = sum(figure.is_equal for figure in walk.figures)
        table.add_row(
            _mark(walk.is_good),
            region.sample_bill.example,
            f"{equal} of {len(walk.figures)}",
            str(len(walk.steps)),
            f"{sum(step.milliseconds for step in walk.steps):.0f}",
        )
    return table


def _plain_table(*, show_header: bool = True) -> Table:
    return Table(
        box=None,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        header_style="dim",
        show_header=show_header,
    )


def _mark(is_good: bool) -> Text:
    return Text("✓", "green") if is_good else Text("✗", "bold red")


def _amount(fen: int | None) -> str:
    return "-" if fen is None else yuan(fen)

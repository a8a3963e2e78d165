"""What a run prints and stores: medians of ratios, round by round against the limit."""

import json
import os
import platform
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from yibao_common.process.compiled import compiled_modules


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure against its limit, both by name, and the least ratio that is aimed at."""

    title: str
    figure: str
    limit: str
    target: float


# Searches that find as much among few as among many.
_FULL_PAGES = ("all", "person", "destination", "category", "today", "day", "from_the_middle")

COMPARISONS = (
    Comparison("QR issue / bare echo", "qr_issue", "identity_echo", 0.6),
    Comparison("unary settle / bare echo", "settle", "settlement_echo", 0.45),
    Comparison("unary settle / pgbench, 32 clients", "settle", "pgbench_32", 0.6),
    Comparison("unary settle / pgbench, 8 clients", "settle", "pgbench_8", 0.0),
    Comparison("bulk of 100 / pgbench, 32 clients", "bulk", "pgbench_32", 2.0),
    Comparison("batch writer alone, 128 / pgbench, 32 clients", "writer", "pgbench_32", 2.5),
    Comparison("two processes / one", "settle", "settle_one_process", 1.3),
    Comparison("500 hot persons / spread", "settle_hot", "settle", 0.0),
    Comparison("offline verify, mode A / openssl speed", "verify", "openssl", 0.90),
    Comparison("the same, mode B, new certificate", "verify_new_device", "openssl", 0.42),
    Comparison("the same, mode B, known certificate", "verify_known_device", "openssl", 0.90),
    Comparison("registration without papers / bare echo", "register", "offsite_echo", 0.3),
    # At most 15 % more.
    Comparison("visit and bill by attestation / at home", "settle_attested", "settle_local", 0.87),
    Comparison("the same, CPU of settlement", "settle_attested_cpu", "settle_local_cpu", 0.87),
    Comparison("the same, registration known", "settle_told_cpu", "settle_local_cpu", 0.87),
    *(
        Comparison(
            f"registrations by {search}, {kind}, many / few",
            f"list_{kind}_{search}_many",
            f"list_{kind}_{search}_few",
            0.8,
        )
        for kind in ("sqlite", "postgresql")
        for search in _FULL_PAGES
    ),
    # Among few these find less than a page, so a full one is measured beside one of all.
    *(
        Comparison(
            f"registrations by {search}, {kind}, among many / all",
            f"list_{kind}_{search}_many",
            f"list_{kind}_all_many",
            0.8,
        )
        for kind in ("sqlite", "postgresql")
        for search in ("submitted", "destination_and_day", "destination_and_category")
    ),
)


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure that has an aim of its own, a second."""

    title: str
    figure: str
    least: float


AIMS = (
    Aim("bills of ten lines decided by /2, trace included, on a core", "adjudicate", 25_000),
    Aim("bills of 2,000 lines, one at a time, end to end", "settle_long", 25),
    Aim("bills that a policy is tried on, on a core", "simulate", 5_000),
    # 25 and 60 milliseconds each.
    Aim("reversals before 50 later bills of the person, one at a time", "reverse_50", 40),
    Aim("the same before 300 later bills", "reverse_300", 16.7),
)


@dataclass(slots=True)
class Results:
    """Figures per second, one a round, and what describes the run."""

    rounds: dict[str, list[float]] = field(default_factory=dict)
    details: dict[str, list[object]] = field(default_factory=dict)
    drift: list[str] = field(default_factory=list)
    settlements_checked: int = 0
    machine: Mapping[str, str] = field(default_factory=dict)

    def add(self, name: str, per_second: float, detail: object = None) -> None:
        """Keeps a round's figure."""
        self.rounds.setdefault(name, []).append(per_second)
        if detail is not None:
            self.details.setdefault(name, []).append(detail)

    def ratios(self, comparison: Comparison) -> list[float]:
        """Returns the ratios of the rounds in which both were measured."""
        figures = self.rounds.get(comparison.figure, [])
        limits = self.rounds.get(comparison.limit, [])
        return [figure / limit for figure, limit in zip(figures, limits, strict=False)]


def machine(postgres_version: str) -> dict[str, str]:
    """Returns what the figures depend on."""
    return {
        "python": platform.python_version(),
        "cores": str(os.cpu_count()),
        "postgresql": postgres_version,
        "system": platform.system(),
        "compiled modules": str(compiled_modules().modules),
    }


def print_report(results: Results, console: Console) -> None:
    """Prints the ratios, then the figures behind them."""
    table = Table(title="Ratios: median of the rounds, least to greatest")
    for heading in ("what", "target", "median", "range", ""):
        table.add_column(heading)
    for comparison in COMPARISONS:
        ratios = results.ratios(comparison)
        if not ratios:
            continue
        median = statistics.median(ratios)
        met = median >= comparison.target
        verdict = "" if not comparison.target else "met" if met else "missed"
        target = f"≥ {comparison.target}" if comparison.target else "reported"
        spread = f"{min(ratios):.2f} – {max(ratios):.2f}"
        table.add_row(comparison.title, target, f"{median:.2f}", spread, verdict)
    if table.row_count:
        console.print(table)
    aims = Table(title="Per second, with an aim")
    for heading in ("what", "aim", "median", ""):
        aims.add_column(heading)
    for aim in AIMS:
        if aim.figure in results.rounds:
            median = statistics.median(results.rounds[aim.figure])
            verdict = "met" if median >= aim.least else "missed"
            aims.add_row(aim.title, f"≥ {aim.least:,.0f}", f"{median:,.0f}", verdict)
    if aims.row_count:
        console.print(aims)
    figures = Table(title="Per second, by round")
    figures.add_column("figure")
    figures.add_column("median", justify="right")
    figures.add_column("rounds")
    for name, rounds in results.rounds.items():
        each = " ".join(f"{value:,.0f}" for value in rounds)
        figures.add_row(name, f"{statistics.median(rounds):,.0f}", each)
    console.print(figures)
    described = ", ".join(f"{name} {value}" for name, value in results.machine.items())
    console.print(f"measured with {described}")
    verdict = "no drift" if not results.drift else f"DRIFT: {results.drift[:3]}"
    console.print(f"ledger: {results.settlements_checked:,} settlements checked, {verdict}")


def write_json(results: Results, path: Path) -> None:
    """Stores figures, ratios and what describes the run."""
    stored = asdict(results)
    stored["ratios"] = {
        comparison.title: {
            "target": comparison.target,
            "median": statistics.median(ratios),
            "rounds": ratios,
        }
        for comparison in COMPARISONS
        if (ratios := results.ratios(comparison))
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

"""`yibao doctor`: what is wrong with an installation, before and while it runs."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from yibao_cli.doctor.audit import examine_audit
from yibao_cli.doctor.checks import (
    examine_compiled,
    examine_database,
    examine_files,
    examine_health,
)
from yibao_cli.doctor.finding import Finding
from yibao_cli.doctor.ledger import (
    examine_ledger,
    ledger_findings,
    ledger_summary,
    overdue_holds,
)
from yibao_cli.doctor.news import examine_news
from yibao_cli.doctor.peer import examine_identity, examine_settlement
from yibao_cli.doctor.persons import examine_persons
from yibao_cli.services import ServiceConfig, config_files, read_config
from yibao_common.db.opening import opened_database
from yibao_common.process.compiled import compiled_modules
from yibao_common.process.config import ConfigError
from yibao_common.process.logs import open_log
from yibao_common.values.clock import Clock
from yibao_identity.config import IdentityConfig
from yibao_settlement.config import SettlementConfig
from yibao_settlement.ledger_check import Only


def run_doctor(
    console: Console,
    given: list[Path],
    *,
    with_health: bool,
    with_ledger: bool,
    with_audit: bool,
    clock: Clock,
    only: Only | None = None,
) -> int:
    """Examines every configuration; returns 1 where anything is wrong.

    `only` tells of whom the ledger is examined, where not all of it is.

    Raises:
        StartError: there is nothing to examine.
    """
    given = config_files(given)
    results = [_show(console, examine_compiled(compiled_modules()))]
    has_settlement = False
    for path in given:
        try:
            found = read_config(path)
        except ConfigError as error:
            console.print(f"[bold]{escape(str(path))}[/bold]")
            results += [_show(console, Finding("configuration", each)) for each in error.problems]
            continue
        has_settlement |= found.service == "settlement"
        console.print(f"[bold]{found.service}[/bold]  {escape(str(path))}")
        results.append(_show(console, Finding("configuration")))
        results += [_show(console, each) for each in examine_files(found, clock=clock)]
        has_database = _show(console, examine_database(found))
        results.append(has_database)
        if has_database and isinstance(found.config, IdentityConfig):
            results += _examine_persons(console, found.config, clock=clock)
        if with_health:
            results.append(_show(console, examine_health(found)))
            if isinstance(found.config, IdentityConfig):
                results.append(_show(console, examine_settlement(found.config, clock=clock)))
            if isinstance(found.config, SettlementConfig):
                asked = list(examine_identity(found.config, clock=clock))
                if has_database and not asked[0].problem:
                    asked += examine_news(found.config, clock=clock)
                results += [_show(console, each) for each in asked]
        if with_ledger and has_database and found.service == "settlement":
            results.append(_examine_ledger(console, found, only, clock=clock))
        if with_audit and has_database:
            results.append(_examine_audit(console, found))
    if with_ledger and not has_settlement:
        console.print("[bold]ledger[/bold]")
        problem = "no configuration of settlement can be read: nothing was examined"
        results.append(_show(console, Finding("books", problem)))
    is_well = all(results)
    console.print("All is well." if is_well else "Something is wrong, see above.")
    return 0 if is_well else 1


def _examine_ledger(
    console: Console, found: ServiceConfig, only: Only | None, *, clock: Clock
) -> bool:
    log = open_log(found.config.log, service=found.service, clock=clock)
    with opened_database(found.config.database.url, package=found.package) as database:
        report = examine_ledger(database, only, log=log)
    console.print(f"  {ledger_summary(report)}")
    if only is not None and only.person_id is not None and not report.persons:
        return _show(console, Finding("person", f"nothing is known of {only.person_id}"))
    findings = [*ledger_findings(report), *overdue_holds(report, now=clock())]
    return all([_show(console, finding) for finding in findings])


def _examine_persons(console: Console, config: IdentityConfig, *, clock: Clock) -> list[bool]:
    with opened_database(config.database.url, package="yibao_identity") as database:
        findings = examine_persons(config, database, clock=clock)
        return [_show(console, finding) for finding in findings]


def _examine_audit(console: Console, found: ServiceConfig) -> bool:
    with opened_database(found.config.database.url, package=found.package) as database:
        findings = examine_audit(database, service=found.service)
        return all([_show(console, finding) for finding in findings])


def _show(console: Console, finding: Finding) -> bool:
    """Prints a finding; tells whether it has no problem."""
    mark = "[red]✗[/red]" if finding.problem else "[green]✓[/green]"
    text = finding.problem or finding.remark
    told = f": {escape(text)}" if text else ""
    console.print(f"  {mark} {escape(finding.subject)}{told}", soft_wrap=True)
    return not finding.problem
